//! The login journey: started or joined, through the browser and back, exchanged, committed, told.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Guard;
use super::actor::Command;
use super::device::login_failed;
use super::errand::Errand;
use super::handle::Broker;
use super::logins::Came;
use super::roster::ask;
use super::unaided::granted;
use crate::account::attempts::{Accepted, Next, Plan, Turned};
use crate::account::view::Standing;
use crate::browser::StartUrl;
use crate::config::AccountConfig;
use crate::contract::{LoginReply, LoginStarted, LoginStatus, LoginVia, VERSION};
use crate::error::Error;
use crate::oauth::authorize::ResponseType;
use crate::oauth::grant::{Grant, GrantType};
use crate::secret::Nonce256;

/// The browser's answer, as it arrived.
#[derive(Debug, Clone)]
pub struct CallbackRequest {
    /// The whole URI that the answer arrived on, without query: scheme, authority from Host, path.
    pub arrived_on: String,
    /// Query parameters in their order, percent-decoded once; duplicates kept, for the check.
    pub parameters: Vec<(String, String)>,
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

/// Why a request to the browser's two stops leads nowhere. Nothing was changed by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stray {
    /// No login is pending that this path belongs to: 404, as if the route did not exist.
    NoLoginPending,
    /// The start ticket is unknown, used or too old.
    BadTicket,
    /// The answer does not belong to any pending login (state, cookie or address differ).
    NotOurs,
    /// A parameter is missing, repeated or too long.
    Malformed,
}

/// Names an account whose login is being exchanged for as long as it lives, so that a stop can wait for it.
struct Counted<'a>(&'a watch::Sender<Vec<String>>, String);

impl<'a> Counted<'a> {
    fn new(exchanging: &'a watch::Sender<Vec<String>>, account: &str) -> Self {
        exchanging.send_modify(|accounts| accounts.push(account.to_owned()));
        Self(exchanging, account.to_owned())
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|accounts| {
            if let Some(at) = accounts.iter().position(|account| *account == self.1) {
                accounts.swap_remove(at);
            }
        });
    }
}

/// How the user takes part in a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// With a browser that comes back to the daemon, or whose answer is pasted.
    Browser(LoginVia),
    /// With a browser on any device (RFC 8628).
    Device,
    /// With a password.
    Password,
    /// Not at all: the client asks for itself.
    None,
}

impl Part {
    fn of(grant: GrantType, via: LoginVia) -> Self {
        match grant {
            GrantType::ClientCredentials => Self::None,
            GrantType::Password => Self::Password,
            GrantType::DeviceCode => Self::Device,
            GrantType::AuthorizationCode | GrantType::Implicit if via == LoginVia::Device => Self::Device,
            GrantType::AuthorizationCode | GrantType::Implicit => Self::Browser(via),
        }
    }
}

impl Broker {
    /// Starts or joins the account's one pending login.
    pub async fn start_login(&self, account: &str, via: LoginVia) -> Result<LoginStarted, Error> {
        let member = self.member(account)?;
        let life = self.inner.roster.load().config.serve.login_timeout;
        let now = self.inner.world.clock.now();
        let unread = {
            Some(member.handle.published.look())
                .filter(|snapshot| snapshot.standing == Standing::Unread)
                .map(|snapshot| snapshot.error(now))
        };
        if let Some(error) = unread {
            return Err(error);
        }
        let part = Part::of(member.config.grant, via);
        let plan = self.plan(&member.config, self.redirect_uri_for(&member.config, part)?).await?;
        let name = plan.account.clone();
        let door = match part {
            Part::Browser(via) => self.open_door(&name, &plan.redirect_uri, via).await?,
            Part::Device | Part::Password | Part::None => None,
        };
        if part == Part::Password {
            // Each terminal is asked by itself.
            self.inner.logins.call_off(&name, "another login took its place").await;
        }
        let pending = self.inner.logins.start(plan.clone(), life).await?;
        let mut started = LoginStarted {
            version: VERSION,
            login_id: pending.id.clone(),
            account: name.clone(),
            joined: pending.joined,
            start_url: None,
            device: None,
            password: None,
            warning: discouraged(member.config.grant),
            expires_at: pending.ends.wall.unix_seconds(),
        };
        match part {
            Part::Browser(via) => {
                let start_url = self.start_url(&pending.id, &name, &plan.redirect_uri, door).await?;
                if via == LoginVia::DaemonBrowser && !pending.joined {
                    self.open_browser(&name, &start_url);
                }
                started.start_url = Some(start_url);
            }
            Part::Device => started.device = Some(self.start_device(plan, &pending).await?),
            Part::Password => started.password = self.start_password(&member, plan, &pending, life)?,
            Part::None if pending.joined => {}
            Part::None => self.start_client(&name, &pending),
        }
        tracing::info!(account = %name, joined = pending.joined, "a login is pending");
        Ok(started)
    }

    /// Empty where no browser comes back.
    fn redirect_uri_for(&self, config: &AccountConfig, part: Part) -> Result<String, Error> {
        let Part::Browser(_) = part else { return Ok(String::new()) };
        let why = || "there is no TCP listener and no `redirect_uri` in the config".to_owned();
        (self.inner.redirect_uri)(config).ok_or_else(|| login_failed(&config.name, why()))
    }

    /// Everything that a login of this account will need.
    pub(super) async fn plan(&self, config: &AccountConfig, redirect_uri: String) -> Result<Plan, Error> {
        let failed = |why: String| login_failed(&config.name, why);
        let errand = Errand { config, world: &self.inner.world };
        let credentials = errand.credentials().await.map_err(failed)?;
        let dialect = errand.dialect().await.map_err(|error| failed(error.to_string()))?;
        Ok(Plan {
            account: config.name.clone(),
            dialect,
            credentials,
            target: config.target.clone(),
            response_type: match config.grant {
                GrantType::Implicit => ResponseType::Token,
                _ => ResponseType::Code,
            },
            redirect_uri,
        })
    }

    /// The door is open before a login begins, so that nobody is sent through a closed one. A person who
    /// brings the answer needs none.
    async fn open_door(&self, account: &str, redirect_uri: &str, via: LoginVia) -> Result<Option<Guard>, Error> {
        if via == LoginVia::Paste {
            return Ok(None);
        }
        self.inner.world.door.open(redirect_uri).await.map(Some).map_err(|why| login_failed(account, why))
    }

    /// The start URL has the redirect URI's own origin: cookies do not cross between `localhost` and
    /// `127.0.0.1`. Without a door it is the provider's page.
    async fn start_url(
        &self,
        id: &str,
        account: &str,
        redirect_uri: &str,
        door: Option<Guard>,
    ) -> Result<String, Error> {
        let logins = &self.inner.logins;
        let ended = || login_failed(account, "it has just ended; try again".into());
        let Some(door) = door else { return logins.by_hand(id).await.ok_or_else(ended) };
        logins.keep(id, door).await;
        let ticket = logins.ticket(id).await.ok_or_else(ended)?;
        let origin = url::Url::parse(redirect_uri).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        Ok(format!("{origin}/login/start/{ticket}"))
    }

    fn open_browser(&self, account: &str, start_url: &str) {
        let Ok(url) = StartUrl::parse(start_url) else { return };
        let (opener, account) = (Arc::clone(&self.inner.world.opener), account.to_owned());
        tokio::task::spawn_blocking(move || {
            if let Err(why) = opener.open(&url) {
                tracing::warn!(%account, "the browser was not opened: {why}");
            }
        });
    }

    /// How a login stands; waits up to `wait` for it to end.
    pub async fn login(&self, id: &str, wait: Duration) -> Result<LoginReply, Error> {
        let unknown = || Error::NotFound { what: "this login".into() };
        let mut stands = self.inner.logins.watch(id).await.ok_or_else(unknown)?;
        // Over, timed out or shutting down: in every case the newest word is the answer.
        _ = tokio::time::timeout(wait, stands.wait_for(|reply| reply.status != LoginStatus::Pending)).await;
        Ok(stands.borrow().clone())
    }

    /// What the outcome page tells: the login's id is as good as a password for that.
    pub async fn outcome(&self, id: &str) -> Option<LoginReply> {
        self.login(id, Duration::ZERO).await.ok()
    }

    /// The redirect URL pasted from another machine's browser.
    pub async fn paste(&self, id: &str, redirect_url: &str) -> Result<LoginReply, Error> {
        let wrong = |what: &str| Error::Usage { what: what.into() };
        let mut url = url::Url::parse(redirect_url.trim())
            .map_err(|_| wrong("that is not a URL: paste the whole address, from `http://` to its end"))?;
        let parameters = url.query_pairs().into_owned().collect();
        url.set_query(None);
        url.set_fragment(None);
        let request = CallbackRequest { arrived_on: url.into(), parameters, in_fragment: false, cookies: Vec::new() };
        let accepted =
            self.inner.logins.arrive(request, Came::ByHand(id.to_owned())).await.map_err(|turned| match turned {
                Turned::Malformed => {
                    wrong("that address has no `code` and `state`: paste the one that the provider sent the browser to")
                }
                _ => wrong("that address does not belong to this login: paste the newest one"),
            })?;
        let id = self.finish(accepted).await;
        self.login(&id, Duration::ZERO).await
    }

    /// Spends a start ticket.
    pub async fn open_ticket(&self, ticket: &str) -> Result<BrowserStart, Stray> {
        let departure = self.inner.logins.depart(ticket).await.map_err(|_| Stray::BadTicket)?;
        let path = url::Url::parse(&departure.plan.redirect_uri).map(|url| url.path().to_owned());
        Ok(BrowserStart {
            authorize_url: departure.authorize_url,
            cookie_name: departure.cookie_name,
            cookie_value: departure.cookie,
            cookie_path: path.unwrap_or_else(|_| "/".into()),
            max_age: departure.left,
        })
    }

    /// Whether a login is pending whose redirect URI has this path.
    pub fn expects_callback(&self, path: &str) -> bool {
        let overview = self.inner.logins.overview();
        overview.redirect_uris.iter().any(|uri| url::Url::parse(uri).is_ok_and(|uri| uri.path() == path))
    }

    /// Whether a login is pending whose answer comes in the fragment of this path, which only a page can
    /// read.
    pub fn expects_fragment(&self, path: &str) -> bool {
        _ = path;
        false
    }

    /// The browser's answer. Waits for the exchange to end; gives the id of the outcome page.
    pub async fn callback(&self, request: CallbackRequest) -> Result<String, Stray> {
        let accepted = self.inner.logins.arrive(request, Came::ByBrowser).await.map_err(|turned| match turned {
            Turned::Malformed => Stray::Malformed,
            Turned::NotOurs | Turned::BadTicket => Stray::NotOurs,
        })?;
        Ok(self.finish(accepted).await)
    }

    /// Exchanges the code and commits what it brings, in a task of its own: the code is spent, so nobody could
    /// do it again when the browser hangs up.
    async fn finish(&self, accepted: Accepted) -> String {
        let id = accepted.id.clone();
        _ = tokio::spawn(self.clone().carry_out(accepted)).await;
        id
    }

    async fn carry_out(self, accepted: Accepted) {
        let _counted = Counted::new(&self.inner.exchanging, &accepted.plan.account);
        let (broker, id) = (self.clone(), accepted.id.clone());
        let work = tokio::spawn(async move {
            let result = broker.exchange(&accepted.id, &accepted.plan, accepted.next).await;
            broker.conclude(&accepted.id, &accepted.plan.account, result).await;
        });
        if work.await.is_err() {
            self.inner.logins.fail(&id, Error::Internal { what: "the exchange of the code crashed".into() }).await;
        }
    }

    /// Tells everybody how the login ended.
    pub(super) async fn conclude(&self, id: &str, account: &str, result: Result<(), Error>) {
        let reply = self.login_reply(id, account, result).await;
        self.inner.logins.over(reply).await;
    }

    async fn exchange(&self, id: &str, plan: &Plan, next: Next) -> Result<(), Error> {
        let failed =
            |why: String, provider_error| Error::LoginFailed { account: plan.account.clone(), why, provider_error };
        let trade = match next {
            Next::Exchange(trade) => trade,
            Next::Refused { error, description } => {
                let why = if error == "access_denied" {
                    "access was denied at the provider".to_owned()
                } else {
                    format!("the provider said {error}")
                };
                let why = if description.is_empty() { why } else { format!("{why} ({description})") };
                return Err(failed(why, Some(error)));
            }
            Next::WrongIssuer => {
                return Err(failed("the answer came from another provider than was asked (iss)".into(), None));
            }
        };
        let answer = self.inner.world.provider.trade(&plan.dialect, &trade, &plan.credentials).await;
        self.take_over(Some(id), plan, granted(&plan.account, "the code", answer)?).await
    }

    /// Hands what was granted to the account's task, unless the login is over or the config has changed.
    pub(super) async fn take_over(&self, login: Option<&str>, plan: &Plan, grant: Box<Grant>) -> Result<(), Error> {
        let member = self.member(&plan.account)?;
        if member.config.binding() != plan.binding() {
            return Err(login_failed(&plan.account, "the config changed while the login was pending".into()));
        }
        let stands = match login {
            Some(id) => self.inner.logins.watch(id).await,
            None => None,
        };
        ask(&member, |done| Command::LoggedIn(grant, plan.binding(), stands, done)).await?
    }

    async fn login_reply(&self, id: &str, account: &str, result: Result<(), Error>) -> LoginReply {
        let expires_at = match self.inner.logins.watch(id).await {
            Some(stands) => stands.borrow().expires_at,
            None => 0,
        };
        let mut reply = LoginReply {
            login_id: id.to_owned(),
            account: account.to_owned(),
            status: LoginStatus::Succeeded,
            expires_at,
            device: None,
            failure: None,
            scope: None,
            token_expires_at: None,
            refreshable: None,
            identity: serde_json::Map::new(),
        };
        match (result, self.account(account)) {
            (Ok(()), Ok(view)) => {
                reply.scope = view.scope;
                reply.identity = view.identity;
                reply.token_expires_at = view.expires_at;
                reply.refreshable = Some(view.refreshable);
                tracing::info!(%account, "logged in");
            }
            (Err(error), _) | (Ok(()), Err(error)) => {
                tracing::warn!(%account, "{error}");
                reply.status = LoginStatus::Failed;
                reply.failure = Some(error.reply());
            }
        }
        reply
    }
}

/// Why the way to this account's tokens is discouraged, for the user who chose it all the same.
fn discouraged(grant: GrantType) -> Option<String> {
    let why = match grant {
        GrantType::Implicit => {
            "The implicit grant puts the token into the browser's address bar; RFC 9700 §2.1.2 advises against it. \
             Use `grant = \"authorization_code\"` if the provider has it."
        }
        GrantType::Password => {
            "The password grant shows your password to this program; RFC 9700 §2.4 forbids it for new designs. \
             Use `grant = \"authorization_code\"` if the provider has it."
        }
        GrantType::AuthorizationCode | GrantType::DeviceCode | GrantType::ClientCredentials => return None,
    };
    Some(why.to_owned())
}
