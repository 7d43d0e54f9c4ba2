//! What the doors may ask of the broker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{oneshot, watch};

use super::World;
use super::actor::{self, Command};
use super::logins::{Cookies, Logins};
use crate::account::attempts::{Accepted, Next, Plan, Turned};
use crate::account::state::Answer;
use crate::account::view::{Snapshot, Standing, Ttl, Verdict, expiry_word, unix_deadline};
use crate::browser::StartUrl;
use crate::clock::Moment;
use crate::config::{AccountConfig, Config, nearest};
use crate::contract::{
    AccountReply, DEFAULT_ACCOUNT, LoginReply, LoginStarted, LoginStatus, LoginVia, LogoutReply, TokenReply, VERSION,
};
use crate::credentials;
use crate::error::Error;
use crate::oauth::exchange::Credentials;
use crate::secret::Nonce256;

/// How long an account's task may take to end what it has in hand, when it is removed from the config.
const FAREWELL: Duration = Duration::from_secs(20);

/// What a caller wants of a token.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenQuery {
    /// Validity wanted; `None`: the config's.
    pub min_ttl: Option<Duration>,
    /// How long to wait for a refresh or login; `None`: the config's for a refresh, none for a login.
    pub wait: Option<Duration>,
}

/// The browser's answer, as it arrived.
#[derive(Debug, Clone)]
pub struct CallbackRequest {
    /// The whole URI that the answer arrived on, without query: scheme, authority from Host, path.
    pub arrived_on: String,
    /// Query parameters in their order, percent-decoded once; duplicates kept, for the check.
    pub parameters: Vec<(String, String)>,
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

/// The broker as the doors see it. Cheap to clone.
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

struct Inner {
    world: World,
    logins: Logins,
    jumps: watch::Receiver<()>,
    roster: ArcSwap<Roster>,
    /// Where an account's answers come in if its config does not say: made from the first TCP listener.
    redirect_uri: Box<dyn Fn(&AccountConfig) -> Option<String> + Send + Sync>,
}

/// The accounts and the config that they are of.
struct Roster {
    config: Arc<Config>,
    accounts: BTreeMap<String, Member>,
}

#[derive(Clone)]
struct Member {
    config: Arc<AccountConfig>,
    handle: Arc<actor::Handle>,
}

impl Broker {
    /// Starts a task per account and waits until each has read what is stored.
    pub async fn start(
        config: Arc<Config>,
        world: World,
        jumps: watch::Receiver<()>,
        redirect_uri: impl Fn(&AccountConfig) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let logins = Logins::spawn(world.clock.clone());
        let roster = ArcSwap::from_pointee(Roster { config: Arc::clone(&config), accounts: BTreeMap::new() });
        let broker =
            Self { inner: Arc::new(Inner { world, logins, jumps, roster, redirect_uri: Box::new(redirect_uri) }) };
        broker.reload(config).await;
        broker
    }

    /// Takes over a new config: adds, changes and removes accounts. No token and no pending login is
    /// dropped by it; a removed account's file stays.
    pub async fn reload(&self, config: Arc<Config>) {
        let old = self.inner.roster.load_full();
        let mut accounts = BTreeMap::new();
        for (name, account) in &config.accounts {
            let handle = match old.accounts.get(name) {
                Some(member) => {
                    _ = member.handle.inbox.send(Command::Reconfigure(Arc::clone(account))).await;
                    Arc::clone(&member.handle)
                }
                None => Arc::new(actor::spawn(Arc::clone(account), self.inner.world.clone(), self.inner.jumps.clone())),
            };
            accounts.insert(name.clone(), Member { config: Arc::clone(account), handle });
        }
        for member in accounts.values() {
            until_read(&member.handle).await;
        }
        self.inner.roster.store(Arc::new(Roster { config: Arc::clone(&config), accounts }));
        let removed = old.accounts.iter().filter(|(name, _)| !config.accounts.contains_key(*name));
        stop(removed.map(|(_, member)| &member.handle), FAREWELL).await;
    }

    /// Lets every account finish what it has in hand, for at most `patience`.
    pub async fn shut_down(&self, patience: Duration) {
        let roster = self.inner.roster.load_full();
        stop(roster.accounts.values().map(|member| &member.handle), patience).await;
    }

    /// The current access token of `account` (`default` stands for the default account).
    pub async fn token(&self, account: &str, query: TokenQuery) -> Result<TokenReply, Error> {
        let roster = self.inner.roster.load();
        let (name, member) = roster.find(account)?;
        let serve = &roster.config.serve;
        let ttl = query.min_ttl.map_or(Ttl::Usual(serve.min_ttl), Ttl::Asked);
        let now = self.inner.world.clock.now();
        let snapshot = member.handle.published.look();
        if let Some(reply) = snapshot.lasts(ttl, now).then(|| token_reply(name, &snapshot, now)).flatten() {
            return Ok(reply);
        }
        let (member, name, usual_wait) = (member.clone(), name.to_owned(), serve.wait);
        drop((snapshot, roster));
        self.wait_for_token(&name, &member, ttl, query.wait, usual_wait).await
    }

    async fn wait_for_token(
        &self,
        name: &str,
        member: &Member,
        ttl: Ttl,
        asked: Option<Duration>,
        usual: Duration,
    ) -> Result<TokenReply, Error> {
        let clock = &self.inner.world.clock;
        let published = &member.handle.published;
        let patience = clock.now().plus(asked.unwrap_or(usual));
        let mut bell = published.listen();
        let wanted = published.look().effective(ttl);
        // A full box means that somebody has asked already.
        _ = member.handle.inbox.try_send(Command::Wanted(wanted));
        loop {
            bell.borrow_and_update();
            let now = clock.now();
            {
                let snapshot = published.look();
                match snapshot.verdict(ttl, patience, now) {
                    Verdict::Serve => return token_reply(name, &snapshot, now).ok_or_else(|| snapshot.error(now)),
                    // Who asks to wait, waits for a login too.
                    Verdict::Fail(Error::LoginRequired { .. }) if asked.is_some() && !now.reached(patience) => {}
                    Verdict::Fail(error) => return Err(error),
                    Verdict::Wait => {}
                }
            }
            _ = tokio::time::timeout(now.until(patience), bell.changed()).await;
        }
    }

    /// Every account, sorted by name.
    pub fn accounts(&self) -> Vec<AccountReply> {
        let roster = self.inner.roster.load();
        roster.accounts.values().map(|member| self.view(member)).collect()
    }

    /// One account.
    pub fn account(&self, account: &str) -> Result<AccountReply, Error> {
        let roster = self.inner.roster.load();
        roster.find(account).map(|(_, member)| self.view(member))
    }

    fn view(&self, member: &Member) -> AccountReply {
        let mut reply = member.handle.published.look().reply(self.inner.world.clock.now());
        reply.login_pending = self.inner.logins.overview().by_account.get(&reply.account).cloned();
        reply
    }

    /// The default account's name.
    pub fn default_account(&self) -> Option<String> {
        self.inner.roster.load().config.default_account.clone()
    }

    /// Where the store's key comes from, in words.
    pub fn store_key(&self) -> String {
        self.inner.world.store.key_source()
    }

    /// A new token now.
    pub async fn refresh(&self, account: &str) -> Result<AccountReply, Error> {
        self.renew(account, Command::Refresh).await
    }

    /// The API answered 401 to this account's token: at most one refresh per half minute.
    pub async fn rejected(&self, account: &str) -> Result<AccountReply, Error> {
        self.renew(account, Command::Rejected).await
    }

    async fn renew(
        &self,
        account: &str,
        command: impl FnOnce(oneshot::Sender<()>) -> Command,
    ) -> Result<AccountReply, Error> {
        let member = self.member(account)?;
        let before = member.handle.published.look().generation;
        ask(&member, command).await?;
        let snapshot = member.handle.published.look();
        let now = self.inner.world.clock.now();
        // A refusal is committed too, and so counts as a generation: it brought no token all the same.
        let refused = snapshot.standing != Standing::Active;
        let failed = snapshot.generation == before && (snapshot.trouble.is_some() || !snapshot.refreshable);
        if refused || failed { Err(snapshot.error(now)) } else { Ok(self.view(&member)) }
    }

    /// Revoke where possible, delete always.
    pub async fn logout(&self, account: &str) -> Result<LogoutReply, Error> {
        ask(&self.member(account)?, Command::LogOut).await?
    }

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
        let plan = self.plan(&member.config).await?;
        let (name, redirect_uri) = (plan.account.clone(), plan.redirect_uri.clone());
        let pending = self.inner.logins.start(plan, life).await?;
        let start_url = self.start_url(&pending.id, &name, &redirect_uri, via).await?;
        if via == LoginVia::DaemonBrowser && !pending.joined {
            self.open_browser(&name, &start_url);
        }
        tracing::info!(account = %name, joined = pending.joined, "a login is pending");
        Ok(LoginStarted {
            version: VERSION,
            login_id: pending.id,
            account: name,
            joined: pending.joined,
            start_url,
            expires_at: pending.ends.wall.unix_seconds(),
        })
    }

    async fn plan(&self, config: &AccountConfig) -> Result<Plan, Error> {
        let account = config.name.clone();
        let failed = |why: String| Error::LoginFailed { account: account.clone(), why, provider_error: None };
        let redirect_uri = (self.inner.redirect_uri)(config)
            .ok_or_else(|| failed("there is no TCP listener and no `redirect_uri` in the config".into()))?;
        let client_secret = match &config.client_secret {
            None => None,
            Some(source) => Some(
                credentials::resolve(source, &self.inner.world.credentials)
                    .await
                    .map_err(|error| failed(format!("the client secret can't be had: {error}")))?,
            ),
        };
        let credentials = Credentials { client_id: config.client_id.clone(), client_secret };
        Ok(Plan {
            account: config.name.clone(),
            dialect: Arc::clone(&config.dialect),
            credentials,
            scope: config.scope.clone(),
            redirect_uri,
        })
    }

    /// The door is open before anybody is sent through it. The start URL has the redirect URI's own origin:
    /// cookies do not cross between `localhost` and `127.0.0.1`.
    async fn start_url(&self, id: &str, account: &str, redirect_uri: &str, via: LoginVia) -> Result<String, Error> {
        let logins = &self.inner.logins;
        let failed = |why: String| Error::LoginFailed { account: account.to_owned(), why, provider_error: None };
        if via == LoginVia::Paste {
            return logins.by_hand(id).await.ok_or_else(|| failed("it has just ended; try again".into()));
        }
        let guard = self.inner.world.door.open(redirect_uri).await.map_err(failed)?;
        logins.keep(id, guard).await;
        let ticket = logins.ticket(id).await.ok_or_else(|| failed("it has just ended; try again".into()))?;
        let origin = url::Url::parse(redirect_uri).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        Ok(format!("{origin}/login/start/{ticket}"))
    }

    fn open_browser(&self, account: &str, start_url: &str) {
        let (opener, account, start_url) =
            (Arc::clone(&self.inner.world.opener), account.to_owned(), StartUrl::parse(start_url));
        tokio::task::spawn_blocking(move || {
            let opened = start_url
                .map_err(|error| error.to_string())
                .and_then(|url| opener.open(&url).map_err(|error| error.to_string()));
            if let Err(why) = opened {
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
        let request = CallbackRequest { arrived_on: url.into(), parameters, cookies: Vec::new() };
        let accepted = self.inner.logins.arrive(request, Cookies::ByHand).await.map_err(|turned| match turned {
            Turned::Malformed => {
                wrong("that address has no `code` and `state`: paste the one that the provider sent the browser to")
            }
            _ => wrong("that address does not belong to this login: paste the newest one"),
        })?;
        if accepted.id != id {
            tracing::warn!("the pasted address belonged to another pending login");
        }
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

    /// The browser's answer. Waits for the exchange to end; gives the id of the outcome page.
    pub async fn callback(&self, request: CallbackRequest) -> Result<String, Stray> {
        let accepted = self.inner.logins.arrive(request, Cookies::OfRequest).await.map_err(|turned| match turned {
            Turned::Malformed => Stray::Malformed,
            Turned::NotOurs | Turned::BadTicket => Stray::NotOurs,
        })?;
        Ok(self.finish(accepted).await)
    }

    /// Exchanges the code and commits what it brings, whatever becomes of the browser's connection: the
    /// code is spent, so nobody could do it again.
    async fn finish(&self, accepted: Accepted) -> String {
        let (broker, id) = (self.clone(), accepted.id.clone());
        let finished = tokio::spawn(async move {
            let account = accepted.plan.account.clone();
            let result = broker.exchange(&accepted.plan, accepted.next).await;
            let reply = broker.login_reply(&accepted.id, &account, result).await;
            broker.inner.logins.over(reply).await;
        });
        _ = finished.await;
        id
    }

    async fn exchange(&self, plan: &Plan, next: Next) -> Result<(), Error> {
        let account = plan.account.clone();
        let failed = |why: String, provider_error| Error::LoginFailed { account: account.clone(), why, provider_error };
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
        let grant = match self.inner.world.provider.trade(&plan.dialect, &trade, &plan.credentials).await {
            Answer::Granted(grant) => grant,
            Answer::Refused(refusal) => {
                return Err(failed(format!("the provider refused the code: {refusal}"), Some(refusal.code)));
            }
            Answer::Busy { why, .. } | Answer::NotSent { why } | Answer::Lost { why } => return Err(failed(why, None)),
        };
        let member = self.member(&plan.account)?;
        if member.config.binding() != plan.binding() {
            return Err(failed("the config changed while the login was pending".into(), None));
        }
        ask(&member, |done| Command::LoggedIn(grant, done)).await?
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
            failure: None,
            scope: None,
            token_expires_at: None,
            refreshable: None,
        };
        match (result, self.account(account)) {
            (Ok(()), Ok(view)) => {
                reply.scope = view.scope;
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

    fn member(&self, account: &str) -> Result<Member, Error> {
        self.inner.roster.load().find(account).map(|(_, member)| member.clone())
    }
}

impl Roster {
    fn find(&self, asked: &str) -> Result<(&str, &Member), Error> {
        let name = match (asked, &self.config.default_account) {
            (DEFAULT_ACCOUNT, Some(name)) => name,
            (DEFAULT_ACCOUNT, None) => {
                return Err(Error::Usage {
                    what: "no account is the default: name one, or set `default_account` in the config".into(),
                });
            }
            (name, _) => name,
        };
        match self.accounts.get_key_value(name) {
            Some((name, member)) => Ok((name, member)),
            None => {
                let nearest =
                    nearest(name, self.accounts.keys().map(String::as_str)).map(str::to_owned).into_iter().collect();
                Err(Error::UnknownAccount { name: crate::oauth::reply::clean(name), nearest })
            }
        }
    }
}

/// Everything of a snapshot that a caller gets, or nothing if it holds no token.
fn token_reply(account: &str, snapshot: &Snapshot, now: Moment) -> Option<TokenReply> {
    let token = snapshot.token.as_ref()?;
    Some(TokenReply {
        version: VERSION,
        account: account.to_owned(),
        access_token: token.access_token.expose().to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: token.deadline.map(|deadline| now.until(deadline).as_secs()),
        expires_at: token.deadline.map(|deadline| unix_deadline(deadline, now)),
        expiry: expiry_word(token.expiry),
        scope: snapshot.scope.clone(),
        extra: token.extra.clone(),
    })
}

async fn ask<T>(member: &Member, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Error> {
    let gone = || Error::Internal { what: "the account was removed, or the daemon is shutting down".into() };
    let (done, answer) = oneshot::channel();
    member.handle.inbox.send(command(done)).await.map_err(|_| gone())?;
    answer.await.map_err(|_| gone())
}

/// Waits until the account's task has read what is stored, or could not.
async fn until_read(handle: &actor::Handle) {
    let mut bell = handle.published.listen();
    loop {
        bell.borrow_and_update();
        let unread = { handle.published.look().is_unread() };
        if !unread || bell.changed().await.is_err() {
            return;
        }
    }
}

async fn stop(handles: impl Iterator<Item = &Arc<actor::Handle>>, patience: Duration) {
    let mut ending = Vec::new();
    for handle in handles {
        // A full box is emptied first; the deadline bounds that too.
        ending.push((tokio::time::timeout(patience, handle.inbox.send(Command::Stop)), handle));
    }
    let all = async {
        for (sent, handle) in ending {
            if matches!(sent.await, Ok(Ok(()))) {
                handle.inbox.closed().await;
            }
        }
    };
    if tokio::time::timeout(patience, all).await.is_err() {
        tracing::warn!("a refresh is still in flight; the next start will find out how it ended");
    }
}
