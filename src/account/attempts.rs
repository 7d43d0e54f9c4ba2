//! Pending login attempts: one-time tickets, `state` (CSRF protection), PKCE, cookies and timeouts. Pure: time and
//! randomness are arguments.
//!
//! A *login* is what a caller started, and others may join. A *flow* is one browser's attempt at it, with its own
//! state, PKCE verifier and cookie. Each start ticket makes a new flow, so a closed tab costs nothing, and no two
//! browsers share a state.

mod callback;
mod flow;
mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use self::callback::Callback;
pub(crate) use self::callback::Rejected;
use self::flow::{BrowserBinding, Flow, FlowKey, PastRedirect};
pub use self::plan::LoginPlan;
pub(crate) use self::plan::Next;
use crate::clock::{Boot, Moment};
use crate::oauth::authorize::AuthorizationRequest;
use crate::oauth::callback::state as state_of;
use crate::oauth::dpop;
use crate::routes::has_tls;
use crate::secret::{CodeVerifier, Nonce256, RandomSecret as _};

/// How long a start ticket is good for.
const TICKET_LIFE: Duration = Duration::from_secs(60);
/// The same where the user has to compare the fingerprint of a certificate first.
const COMPARED_TICKET_LIFE: Duration = Duration::from_secs(300);
/// Logins that may be pending at once.
const MOST_LOGINS: usize = 64;
/// Flows and unspent tickets of one login; the oldest is evicted.
const MOST_FLOWS: usize = 4;
/// How long after its end a login is still recognized by its state: as long as its outcome can be asked for.
const REMEMBERED_AFTER: Duration = Duration::from_secs(600);
/// Browsers that are remembered; the oldest is evicted.
const MOST_PAST_REDIRECTS: usize = MOST_LOGINS * MOST_FLOWS;
/// Prefix of the flow cookie's name.
const COOKIE: &str = "ringback_flow_";

/// All pending logins.
#[derive(Debug, Default)]
pub struct Attempts {
    logins: BTreeMap<String, LoginAttempt>,
    past_redirects: Vec<PastRedirect>,
}

#[derive(Debug)]
struct LoginAttempt {
    plan: Arc<LoginPlan>,
    ends: Boot,
    tickets: Vec<(Nonce256, Boot)>,
    flows: Vec<Flow>,
    stage: AttemptStage,
}

#[derive(Debug, PartialEq, Eq)]
enum AttemptStage {
    Pending,
    /// A callback was accepted, and the code is being exchanged.
    Exchanging,
    /// It has tokens that wait for the user's confirmation.
    Asking,
}

/// A login that was started or joined.
#[derive(Debug)]
pub struct Started {
    /// Its id.
    pub id: String,
    /// Whether it was pending before.
    pub joined: bool,
    /// The login that this one replaced, since the config has changed.
    pub replaced: Option<String>,
    /// When it expires.
    pub ends: Boot,
}

/// The redirect of a browser to the provider.
#[derive(Debug)]
pub struct ProviderRedirect {
    /// The login's id.
    pub id: String,
    /// The authorization request's parameters, for a URL or to be pushed (RFC 9126).
    pub parameters: Vec<(String, String)>,
    /// The cookie's name.
    pub cookie_name: String,
    /// Its value.
    pub cookie: Nonce256,
    /// What the login is for.
    pub plan: Arc<LoginPlan>,
    /// The cookie's lifetime: longer than the login, so that a late callback is recognized.
    pub cookie_life: Duration,
}

/// A callback that passed the checks. Its login has ended or will.
#[derive(Debug)]
pub struct Accepted {
    /// The login's id.
    pub(crate) id: String,
    /// Its plan.
    pub(crate) plan: Arc<LoginPlan>,
    /// What to do next.
    pub(crate) next: Next,
}

impl Attempts {
    /// Starts a login to the plan's account, or joins the pending one. `None`: too many are pending.
    pub fn start(
        &mut self,
        plan: LoginPlan,
        life: Duration,
        now: Moment,
        rng: &mut dyn rand::CryptoRng,
    ) -> Option<Started> {
        self.expire(now);
        let mut replaced = None;
        if let Some((id, login)) = self.logins.iter().find(|(_, login)| login.plan.account == plan.account) {
            if login.stage != AttemptStage::Pending || login.plan.is_same(&plan) {
                return Some(Started { id: id.clone(), joined: true, replaced: None, ends: login.ends });
            }
            replaced = Some(id.clone());
        }
        if let Some(old) = &replaced {
            self.logins.remove(old);
        }
        if self.logins.len() >= MOST_LOGINS {
            return None;
        }
        let id = Nonce256::random(rng).expose().to_owned();
        let ends = now.boot.plus(life);
        let login = LoginAttempt {
            plan: Arc::new(plan),
            ends,
            tickets: Vec::new(),
            flows: Vec::new(),
            stage: AttemptStage::Pending,
        };
        self.logins.insert(id.clone(), login);
        Some(Started { id, joined: false, replaced, ends })
    }

    /// A one-time ticket for the start URL of a pending login.
    pub fn ticket(&mut self, id: &str, now: Moment, rng: &mut dyn rand::CryptoRng) -> Option<Nonce256> {
        let login = self.logins.get_mut(id).filter(|login| login.stage == AttemptStage::Pending)?;
        let ticket = Nonce256::random(rng);
        let life = if has_tls(&login.plan.redirect_uri) { COMPARED_TICKET_LIFE } else { TICKET_LIFE };
        push_bounded(&mut login.tickets, (ticket.clone(), now.boot.plus(life)), MOST_FLOWS);
        Some(ticket)
    }

    /// Spends a ticket: its browser gets a flow of its own.
    pub fn redirect(
        &mut self,
        ticket: &str,
        now: Moment,
        rng: &mut dyn rand::CryptoRng,
    ) -> Result<ProviderRedirect, Rejected> {
        self.expire(now);
        for (id, login) in self.logins.iter_mut().filter(|(_, login)| login.stage == AttemptStage::Pending) {
            if let Some(index) = login.tickets.iter().position(|(known, _)| known.matches(ticket)) {
                let (_, good_until) = login.tickets.swap_remove(index);
                if now.boot.reached(good_until) {
                    return Err(Rejected::BadTicket);
                }
                let redirect = login.redirect(id, BrowserBinding::ByCookie, now, rng);
                if let Some(flow) = login.flows.last() {
                    let past = PastRedirect {
                        login: id.clone(),
                        key: flow.key.clone(),
                        redirect_uri: login.plan.redirect_uri.clone(),
                        until: login.ends.plus(REMEMBERED_AFTER),
                    };
                    push_bounded(&mut self.past_redirects, past, MOST_PAST_REDIRECTS);
                }
                return Ok(redirect);
            }
        }
        Err(Rejected::BadTicket)
    }

    /// A flow for a browser on another machine, whose redirect URL a person will paste.
    pub(crate) fn redirect_by_hand(
        &mut self,
        id: &str,
        now: Moment,
        rng: &mut dyn rand::CryptoRng,
    ) -> Option<ProviderRedirect> {
        let login = self.logins.get_mut(id).filter(|login| login.stage == AttemptStage::Pending)?;
        Some(login.redirect(id, BrowserBinding::ByHand, now, rng))
    }

    /// Checks a callback in the order of docs/security.md, rule 16: first state and cookie, which tell whose it is, then
    /// address, kind, issuer, error, code or token. Failing one of the first two changes nothing. Failing a later one
    /// ends the login, since no other callback will come; a person can paste again.
    pub fn accept(&mut self, callback: &Callback<'_>, now: Moment) -> Result<Accepted, Rejected> {
        self.expire(now);
        let state = state_of(callback.parameters).map_err(|_| Rejected::NoState)?;
        let wanted = |id: &str| callback.only.is_none_or(|only| only == id);
        let pending = self.logins.iter_mut().filter(|(id, login)| login.stage == AttemptStage::Pending && wanted(id));
        for (id, login) in pending {
            let Some(index) = login.flows.iter().position(|flow| flow.key.state.matches(state)) else { continue };
            let Some(flow) = login.flows.get(index) else { continue };
            flow.admits(callback, id)?;
            let answer = login.plan.read(callback);
            if let (Err(why), None) = (&answer, callback.cookies) {
                return Err(Rejected::Malformed(*why));
            }
            // Single use: the state is removed before anything is done with the code (RFC 9700 §4.2.4).
            let flow = login.flows.swap_remove(index);
            login.stage = AttemptStage::Exchanging;
            let next = match answer {
                Ok(answer) => login.plan.next(answer, flow.nonce, flow.verifier),
                Err(why) => Next::Malformed(why),
            };
            return Ok(Accepted { id: id.clone(), plan: Arc::clone(&login.plan), next });
        }
        Err(self.finished_login(state, callback.cookies).map_or(Rejected::UnknownState, Rejected::Over))
    }

    /// The ended login of this browser.
    fn finished_login(&self, state: &str, cookies: Option<&[(String, String)]>) -> Option<String> {
        let past = self.past_redirects.iter().find(|past| past.key.state.matches(state))?;
        let takes_one = self.logins.get(&past.login).is_some_and(|login| login.stage == AttemptStage::Pending);
        (!takes_one && past.key.is_cookie_in(cookies?)).then(|| past.login.clone())
    }

    /// The login has tokens, and the user is asked to confirm them until `ends`, which is a new time limit. `false`:
    /// the login has ended.
    pub(crate) fn ask(&mut self, id: &str, ends: Boot) -> bool {
        let login = self.logins.get_mut(id);
        let is_there = login.is_some();
        if let Some(login) = login {
            (login.stage, login.ends) = (AttemptStage::Asking, ends);
        }
        is_there
    }

    /// The user has answered: it no longer expires.
    pub(crate) fn answered(&mut self, id: &str) {
        if let Some(login) = self.logins.get_mut(id) {
            login.stage = AttemptStage::Exchanging;
        }
    }

    /// The account's pending login, and when it ends.
    pub(crate) fn of_account(&self, account: &str) -> Option<(&str, Boot)> {
        let (id, login) = self.logins.iter().find(|(_, login)| login.plan.account == account)?;
        Some((id, login.ends))
    }

    /// When the login of this id ends.
    pub(crate) fn ends(&self, id: &str) -> Option<Boot> {
        self.logins.get(id).map(|login| login.ends)
    }

    /// The login has ended. The caller keeps its outcome.
    pub(crate) fn finish(&mut self, id: &str) {
        self.logins.remove(id);
    }

    /// Every pending login: its id and plan.
    pub fn pending(&self) -> impl Iterator<Item = (&str, &LoginPlan)> {
        self.logins.iter().map(|(id, login)| (id.as_str(), &*login.plan))
    }

    /// The pending logins that still wait for a callback.
    pub fn awaiting(&self) -> impl Iterator<Item = (&str, &LoginPlan)> {
        let waiting = self.logins.iter().filter(|(_, login)| login.stage == AttemptStage::Pending);
        waiting.map(|(id, login)| (id.as_str(), &*login.plan))
    }

    /// Redirect URIs that a callback may still come to, also of logins that have ended.
    pub(crate) fn remembered(&self) -> impl Iterator<Item = &str> {
        self.past_redirects.iter().map(|past| past.redirect_uri.as_str())
    }

    /// Removes what has expired. Returns the logins, for those who wait for them.
    pub(crate) fn expire(&mut self, now: Moment) -> Vec<String> {
        let ended = |login: &LoginAttempt| login.stage != AttemptStage::Exchanging && now.boot.reached(login.ends);
        let gone: Vec<String> =
            self.logins.iter().filter(|(_, login)| ended(login)).map(|(id, _)| id.clone()).collect();
        self.logins.retain(|_, login| !ended(login));
        self.past_redirects.retain(|past| !now.boot.reached(past.until));
        gone
    }

    /// When [`Self::expire`] has something to do next.
    pub(crate) fn next_end(&self) -> Option<Boot> {
        self.logins.values().filter(|login| login.stage != AttemptStage::Exchanging).map(|login| login.ends).min()
    }
}

impl LoginAttempt {
    fn redirect(
        &mut self,
        id: &str,
        binding: BrowserBinding,
        now: Moment,
        rng: &mut dyn rand::CryptoRng,
    ) -> ProviderRedirect {
        let (state, verifier, cookie) = (Nonce256::random(rng), CodeVerifier::random(rng), Nonce256::random(rng));
        let nonce = Nonce256::random(rng);
        let plan = &self.plan;
        // A damaged key would fail at the exchange, with a reason.
        let thumbprint = plan.credentials.dpop_key.as_ref().and_then(|key| dpop::thumbprint(key).ok());
        let request = AuthorizationRequest {
            dialect: &plan.dialect,
            client_id: &plan.credentials.client_id,
            redirect_uri: &plan.redirect_uri,
            target: &plan.target,
            response_type: plan.response_type,
            nonce: &nonce,
            state: &state,
            verifier: &verifier,
            dpop_jkt: thumbprint.as_deref(),
        };
        let redirect = ProviderRedirect {
            id: id.to_owned(),
            parameters: request.parameters(),
            cookie_name: format!("{COOKIE}{}", state.fingerprint()),
            cookie: cookie.clone(),
            plan: Arc::clone(plan),
            cookie_life: now.boot.until(self.ends) + REMEMBERED_AFTER,
        };
        let key = FlowKey { state, cookie_name: redirect.cookie_name.clone(), cookie };
        push_bounded(&mut self.flows, Flow { key, nonce, verifier, binding }, MOST_FLOWS);
        redirect
    }
}

fn push_bounded<T>(list: &mut Vec<T>, item: T, most: usize) {
    if list.len() >= most {
        list.remove(0);
    }
    list.push(item);
}

#[cfg(test)]
mod tests;
