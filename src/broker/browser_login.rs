//! The browser's part of a login: out through the start URL, back with an answer, and what that leads to.

mod words;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use self::words::{in_brackets, no_issuer, wrong_nonce};
use super::Guard;
use super::answers::LoginTaken;
use super::handle::Broker;
use super::logins::Via;
use crate::account::attempts::{Accepted, Departure, LoginPlan, Next, Rejected};
use crate::account::replace::Agreed;
use crate::account::state::RefreshOutcome;
use crate::config::AccountConfig;
use crate::contract::{LoginReply, LoginVia};
use crate::error::{Error, Obstacle};
use crate::oauth::authorize::{self, ResponseType};
pub use crate::oauth::callback::{is_in_query, joined};
use crate::oauth::dialect::Par;
use crate::oauth::grant::GrantType;
use crate::oauth::pkce;
use crate::os::browser::StartUrl;
use crate::provider::AskError;
use crate::secret::Nonce256;

/// The browser's answer, as it arrived.
///
/// `Debug` is left out on purpose: an answer in the fragment holds a token.
#[derive(Clone)]
pub struct CallbackRequest {
    /// The whole URI that the answer arrived on, without query: scheme, authority from Host, path.
    pub arrived_on: String,
    /// Parameters in their order, percent-decoded once; duplicates kept, for the check. Wiped after use.
    pub parameters: Zeroizing<Vec<(String, String)>>,
    /// Whether they came in the fragment: a page of ours read it and posted it.
    pub in_fragment: bool,
    /// Every cookie of the request by name and value.
    pub cookies: Vec<(String, String)>,
}

/// Where to send the browser from the one-time start URL.
pub struct BrowserStart {
    /// The provider's authorization URL, for a 303.
    pub authorize_url: String,
    /// Name of the flow cookie, unique per attempt.
    pub cookie_name: String,
    /// Its value.
    pub cookie_value: Nonce256,
    /// The path that the cookie is for: the callback's.
    pub cookie_path: String,
    /// How long the cookie is good for.
    pub max_age: Duration,
}

/// Where a spent start ticket leads.
pub enum StartRedirect {
    /// To the provider.
    Leaves(BrowserStart),
    /// To the outcome page of the login with this id: it has just ended, since its provider can't be asked.
    Over(String),
}

/// Why a request to the browser's two stops leads nowhere. No login has ended by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackRejected {
    /// No login is pending that this path belongs to.
    NoLoginPending,
    /// The start ticket is unknown, used or too old.
    BadTicket,
    /// The answer has no `state`, or several.
    NoState,
    /// The answer has the `state` of no pending login.
    UnknownState,
    /// The login that the answer belongs to was begun in another browser, or this one did not send the cookie.
    OtherBrowser,
    /// The login waits for a person to paste the answer's address.
    NotPasted,
    /// The login with this id took an answer before, or is over.
    Over(String),
}

/// Names an account whose login is being exchanged for as long as it lives, so that a stop can wait for it.
pub(super) struct ExchangeGuard<'a>(&'a watch::Sender<Vec<String>>, String);

impl<'a> ExchangeGuard<'a> {
    pub(super) fn new(exchanging: &'a watch::Sender<Vec<String>>, account: &str) -> Self {
        exchanging.send_modify(|accounts| accounts.push(account.to_owned()));
        Self(exchanging, account.to_owned())
    }
}

impl Drop for ExchangeGuard<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|accounts| {
            if let Some(at) = accounts.iter().position(|account| *account == self.1) {
                accounts.swap_remove(at);
            }
        });
    }
}

impl Broker {
    /// The door is open before a login begins, so that nobody is sent through a closed one. A person who
    /// brings the answer needs none.
    pub(super) async fn open_door(
        &self,
        account: &str,
        redirect_uri: &str,
        via: LoginVia,
    ) -> Result<Option<Guard>, Error> {
        if via == LoginVia::Paste {
            return Ok(None);
        }
        self.inner.world.door.open(redirect_uri).await.map(Some).map_err(|why| Error::login_failed(account, why))
    }

    /// The start URL has the redirect URI's own origin: cookies do not cross between `localhost` and
    /// `127.0.0.1`. Without a door it is the provider's page.
    pub(super) async fn start_url(
        &self,
        id: &str,
        account: &str,
        redirect_uri: &str,
        door: Option<Guard>,
    ) -> Result<String, Error> {
        let logins = &self.inner.logins;
        let ended = || Error::login_failed(account, "it has just ended; try again".into());
        let Some(door) = door else {
            let departure = logins.by_hand(id).await.ok_or_else(ended)?;
            return self.provider_url(&departure).await;
        };
        logins.keep(id, door).await;
        let ticket = logins.ticket(id).await.ok_or_else(ended)?;
        let origin = Url::parse(redirect_uri).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        Ok(format!("{origin}/login/start/{ticket}"))
    }

    pub(super) fn open_browser(&self, account: &str, start_url: &str) {
        let Ok(url) = StartUrl::parse(start_url) else { return };
        let (opener, account) = (Arc::clone(&self.inner.world.opener), account.to_owned());
        tokio::task::spawn_blocking(move || {
            if let Err(why) = opener.open(&url) {
                tracing::warn!(%account, "the browser was not opened: {why}");
            }
        });
    }

    /// The provider's page for this browser. A request is pushed anew for each: a `request_uri` works once
    /// (RFC 9126 §4). Without such a page the login is over.
    async fn provider_url(&self, departure: &Departure) -> Result<String, Error> {
        let plan = &*departure.plan;
        let url = match plan.dialect.par {
            Par::Always => self.pushed_url(plan, &departure.parameters).await,
            Par::Auto | Par::Off => authorize::plain_url(&plan.dialect, &departure.parameters)
                .map(String::from)
                .map_err(|error| Error::login_failed(&plan.account, error.to_string())),
        };
        if let Err(error) = &url {
            tracing::warn!(account = %plan.account, "{error}");
            self.inner.logins.fail(&departure.id, error.clone()).await;
        }
        url
    }

    async fn pushed_url(&self, plan: &LoginPlan, parameters: &[(String, String)]) -> Result<String, Error> {
        let pushed = self.inner.world.provider.push(&plan.dialect, parameters, &plan.credentials).await;
        let request_uri = pushed.map_err(|error| {
            let (advice, provider_error) = match &error {
                AskError::Refused(refusal) => {
                    let advice = pkce::advice(&plan.dialect, &refusal.code, &refusal.description);
                    (advice, Some(refusal.code.clone()))
                }
                AskError::Impossible(_) | AskError::Unreachable { .. } => (String::new(), None),
            };
            let why = format!("the provider did not take the authorization request: {error}{advice}");
            Error::LoginFailed { account: plan.account.clone(), why, provider_error }
        })?;
        authorize::pushed_url(&plan.dialect, &plan.credentials.client_id, &request_uri)
            .map(String::from)
            .map_err(|error| Error::login_failed(&plan.account, error.to_string()))
    }

    /// The redirect URL pasted from another machine's browser.
    pub async fn paste(&self, id: &str, redirect_url: &str) -> Result<LoginReply, Error> {
        let request = pasted(redirect_url).ok_or(Error::Obstacle(Obstacle::PastedNoUrl))?;
        let answer = if request.in_fragment { "`access_token`" } else { "`code`" };
        let accepted = self.inner.logins.arrive(request, Via::ByHand(id.to_owned())).await.map_err(|turned| {
            Error::Obstacle(match turned {
                Rejected::NoState => Obstacle::PastedNoAnswer { answer },
                Rejected::Malformed(why) => Obstacle::PastedUnusable { why: why.to_string() },
                _ => Obstacle::PastedAnotherLogin,
            })
        })?;
        let id = self.finish(accepted).await;
        self.login(&id, Duration::ZERO).await
    }

    /// Spends a start ticket.
    pub async fn open_ticket(&self, ticket: &str) -> Result<StartRedirect, CallbackRejected> {
        let departure = self.inner.logins.depart(ticket).await.map_err(|_| CallbackRejected::BadTicket)?;
        let Ok(authorize_url) = self.provider_url(&departure).await else {
            return Ok(StartRedirect::Over(departure.id));
        };
        let path = Url::parse(&departure.plan.redirect_uri).map(|url| url.path().to_owned());
        Ok(StartRedirect::Leaves(BrowserStart {
            authorize_url,
            cookie_name: departure.cookie_name,
            cookie_value: departure.cookie,
            cookie_path: path.unwrap_or_else(|_| "/".into()),
            max_age: departure.cookie_life,
        }))
    }

    /// Whether a login is pending whose redirect URI has this path.
    pub fn expects_callback(&self, path: &str) -> bool {
        self.inner.logins.overview().awaited.iter().any(|(uri, _)| has_path(uri, path))
    }

    /// Whether an account's redirect URI has this path, or that of a login which the config may have changed since.
    pub fn is_callback(&self, path: &str) -> bool {
        let remembered = || self.inner.logins.overview().remembered.iter().any(|uri| has_path(uri, path));
        self.expects_callback(path) || remembered() || self.any_account(path, |_| true)
    }

    /// Whether an answer may come in the fragment of this path, which only a page can read.
    pub fn expects_fragment(&self, path: &str) -> bool {
        let overview = self.inner.logins.overview();
        overview.awaited.iter().any(|(uri, kind)| *kind == ResponseType::Token && has_path(uri, path))
            || self.any_account(path, |account| account.grant == GrantType::Implicit)
    }

    fn any_account(&self, path: &str, wanted: impl Fn(&AccountConfig) -> bool) -> bool {
        let accounts = self.inner.accounts.load();
        let leads_there = |account: &AccountConfig| {
            wanted(account) && (self.inner.redirect_uri)(account).is_some_and(|uri| has_path(&uri, path))
        };
        accounts.members.values().any(|member| leads_there(&member.config))
    }

    /// The browser's answer. Waits for the exchange to end; gives the id of the outcome page.
    pub async fn callback(&self, request: CallbackRequest) -> Result<String, CallbackRejected> {
        let accepted = self.inner.logins.arrive(request, Via::ByBrowser).await.map_err(|turned| match turned {
            Rejected::NoState => CallbackRejected::NoState,
            Rejected::OtherBrowser(_) => CallbackRejected::OtherBrowser,
            Rejected::NotPasted => CallbackRejected::NotPasted,
            Rejected::Over(id) => CallbackRejected::Over(id),
            // The last two are a ticket's and a person's.
            Rejected::UnknownState | Rejected::BadTicket | Rejected::Malformed(_) => CallbackRejected::UnknownState,
        })?;
        Ok(self.finish(accepted).await)
    }

    /// Tells who waits for a login with this redirect URI why an answer did not reach it.
    pub async fn tell_waiting(&self, redirect_uri: &str, notice: &'static str) {
        self.inner.logins.notify(redirect_uri, notice).await;
    }

    /// Exchanges the code and commits what it brings, in a task of its own: the code is spent, so nobody could
    /// do it again when the browser hangs up.
    async fn finish(&self, accepted: Accepted) -> String {
        let id = accepted.id.clone();
        _ = tokio::spawn(self.clone().carry_out(accepted)).await;
        id
    }

    async fn carry_out(self, accepted: Accepted) {
        let _counted = ExchangeGuard::new(&self.inner.exchanging, &accepted.plan.account);
        let (broker, id) = (self.clone(), accepted.id.clone());
        let work = tokio::spawn(async move {
            let result = broker.exchange(&accepted.id, Arc::clone(&accepted.plan), accepted.next).await;
            broker.conclude(&accepted.id, &accepted.plan.account, result).await;
        });
        if work.await.is_err() {
            self.inner.logins.fail(&id, Error::Internal { what: "the exchange of the code crashed".into() }).await;
        }
    }

    async fn exchange(&self, id: &str, plan: Arc<LoginPlan>, next: Next) -> Result<LoginTaken, Error> {
        let failed =
            |why: String, provider_error| Error::LoginFailed { account: plan.account.clone(), why, provider_error };
        let asked = self.inner.world.clock.now().boot;
        let (trade, nonce) = match next {
            Next::Exchange { trade, nonce } => (trade, nonce),
            Next::Granted(grant) => {
                return self.take_over(Some(id), self.inner.revoker.guard(plan, grant, asked), Agreed::No).await;
            }
            Next::Refused { error, description } => {
                let advice = pkce::advice(&plan.dialect, &error, &description);
                let why = if error == "access_denied" {
                    format!("access was denied at the provider{}", in_brackets(&description))
                } else {
                    format!("the provider said {error}{}", in_brackets(&description))
                };
                return Err(failed(format!("{why}{advice}"), Some(error)));
            }
            Next::Malformed(why) => return Err(failed(format!("the provider's answer {why}{}", why.advice()), None)),
            // A token in it is not revoked: whoever sent the answer, it may not be the one who would be asked.
            Next::WrongIssuer => {
                return Err(failed("the answer came from another provider than was asked (iss)".into(), None));
            }
            Next::NoIssuer { said } => {
                let why = no_issuer(&plan.dialect, said.as_ref());
                return Err(failed(why, said.map(|(error, _)| error)));
            }
            Next::WrongNonce(grant, wrong) => {
                let why = wrong_nonce(&plan.dialect, wrong);
                // Dropped, and so revoked: nobody knows whose login it was.
                drop(self.inner.revoker.guard(Arc::clone(&plan), grant, asked));
                return Err(failed(why, None));
            }
        };
        // Before the code is spent. From here on, whoever locks the store waits for this.
        self.may_spend(&plan.account)?;
        let answer = self.inner.world.provider.trade(&plan.dialect, &trade, &plan.credentials).await;
        if let RefreshOutcome::Refused(refusal) = &answer {
            let advice = pkce::advice(&plan.dialect, &refusal.code, &refusal.description);
            return Err(failed(
                format!("the provider refused the code: {refusal}{advice}"),
                Some(refusal.code.clone()),
            ));
        }
        let fresh = self.granted(&plan, "the code", answer, asked)?;
        if let Some(Err(wrong)) = nonce.map(|nonce| fresh.check_nonce(&nonce)) {
            return Err(failed(wrong_nonce(&plan.dialect, wrong), None));
        }
        self.take_over(Some(id), fresh, Agreed::No).await
    }
}

fn has_path(uri: &str, path: &str) -> bool {
    Url::parse(uri).is_ok_and(|uri| uri.path() == path)
}

/// An address as a person copied it; `None`: it is none. Taken apart as text, since a URL type would leave
/// copies of the token behind.
fn pasted(address: &str) -> Option<CallbackRequest> {
    let address = address.trim();
    let (address, fragment) = address.split_once('#').unwrap_or((address, ""));
    let (address, query) = address.split_once('?').unwrap_or((address, ""));
    let read =
        |encoded: &str| Zeroizing::new(form_urlencoded::parse(encoded.as_bytes()).into_owned().collect::<Vec<_>>());
    let (query, fragment) = (read(query), read(fragment));
    // Some providers put a fragment behind a code.
    let in_fragment = !fragment.is_empty() && !is_in_query(&query);
    Some(CallbackRequest {
        arrived_on: Url::parse(address).ok()?.into(),
        parameters: if in_fragment { joined(fragment, &query) } else { query },
        in_fragment,
        cookies: Vec::new(),
    })
}
