//! The broker with a scripted provider, paused time and no sockets.

mod another_person;
mod clock_set;
mod dropped;
mod hanging;
mod kinds;
mod locking;
mod logins;
mod memory;
mod nonce;
mod provider_url;
mod taken_over;
mod tokens;
mod waking;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Map;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::memory::Memory;
use super::handle::{Broker, TokenQuery};
use super::login::callback::{BrowserStart, CallbackRejected, CallbackRequest, StartRedirect};
use super::*;
use crate::account::state::{Priority, RefreshOutcome};
use crate::audit::AuditLog;
use crate::clock::{Clock, Moment, Wall};
use crate::config::{AccountConfig, AccountSettings, Config, FilePrivacy};
use crate::contract::{AccountState, LoginStatus, LoginVia, LogoutOutcome};
use crate::credentials::CredentialEnv;
use crate::error::Error;
use crate::oauth::describe::Described;
use crate::oauth::device::DeviceAuthorization;
use crate::oauth::dialect::Dialect;
use crate::oauth::exchange::{Credentials, Target, Trade};
use crate::oauth::grant::{Grant, TokenSet};
use crate::oauth::reply::{Refusal, RefusalSubject};
use crate::os::browser::{BrowserNotOpened, BrowserOpener, StartUrl};
use crate::provider::{AskError, Provider, ProviderFuture, RevocationOutcome};
use crate::random::Randomness;
use crate::secret::{AccessToken, DeviceCode, RefreshToken};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A provider that replies from a script, then with fresh token pairs, and counts total and concurrent requests.
struct Scripted {
    clock: Clock,
    script: Mutex<VecDeque<RefreshOutcome>>,
    requests: AtomicUsize,
    flying: AtomicUsize,
    most_at_once: AtomicUsize,
    latency: Mutex<Duration>,
    /// Whether the host of the metadata document hangs.
    hangs: AtomicBool,
    life: Mutex<Duration>,
    revoked: AtomicUsize,
    slow_revocation: Mutex<Duration>,
    /// Every token request, with its time.
    trades: Mutex<Vec<(Moment, String)>>,
    /// Parameters of every pushed authorization request.
    pushed: Mutex<Vec<Vec<(String, String)>>>,
    device: Mutex<Option<DeviceAuthorization>>,
    described: Mutex<Option<Described>>,
    /// Number of token description requests.
    asked_about: AtomicUsize,
}

impl Provider for Scripted {
    fn resolve<'a>(&'a self, dialect: &'a Arc<Dialect>) -> ProviderFuture<'a, Result<Arc<Dialect>, AskError>> {
        Box::pin(async move {
            if self.hangs.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            Ok(Arc::clone(dialect))
        })
    }

    fn accept<'a>(&'a self, _: &'a Arc<Dialect>) -> ProviderFuture<'a, Result<String, AskError>> {
        Box::pin(async move { Err(AskError::Impossible("not here".into())) })
    }

    fn push<'a>(
        &'a self,
        dialect: &'a Dialect,
        parameters: &'a [(String, String)],
        _: &'a Credentials,
    ) -> ProviderFuture<'a, Result<String, AskError>> {
        Box::pin(async move {
            let mut pushed = self.pushed.lock().unwrap();
            pushed.push(parameters.to_vec());
            match dialect.endpoints.par {
                Some(_) => Ok(format!("urn:{}", pushed.len())),
                None => Err(AskError::Impossible("it has no endpoint for that".into())),
            }
        })
    }

    fn device<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a Target,
        _: &'a Credentials,
    ) -> ProviderFuture<'a, Result<DeviceAuthorization, AskError>> {
        Box::pin(async move {
            let latency = *self.latency.lock().unwrap();
            tokio::time::sleep(latency).await;
            self.device.lock().unwrap().take().ok_or_else(|| AskError::Impossible("it has no devices".into()))
        })
    }

    fn describe<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a AccessToken,
        _: &'a Credentials,
    ) -> ProviderFuture<'a, Result<Described, AskError>> {
        Box::pin(async move {
            self.asked_about.fetch_add(1, Ordering::SeqCst);
            let described = self.described.lock().unwrap().clone();
            described.ok_or_else(|| AskError::Impossible("it tells nothing of tokens".into()))
        })
    }

    fn trade_at<'a>(
        &'a self,
        _: Priority,
        _: &'a Dialect,
        trade: &'a Trade,
        _: &'a Credentials,
    ) -> ProviderFuture<'a, RefreshOutcome> {
        Box::pin(async move {
            self.trades.lock().unwrap().push((self.clock.now(), in_words(trade)));
            let at_once = self.flying.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_at_once.fetch_max(at_once, Ordering::SeqCst);
            let latency = *self.latency.lock().unwrap();
            tokio::time::sleep(latency).await;
            self.flying.fetch_sub(1, Ordering::SeqCst);
            let n = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
            let scripted = self.script.lock().unwrap().pop_front();
            scripted.unwrap_or_else(|| RefreshOutcome::Granted(Box::new(self.grant(n))))
        })
    }

    fn revoke<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a TokenSet,
        _: &'a Credentials,
    ) -> ProviderFuture<'a, Result<RevocationOutcome, String>> {
        Box::pin(async move {
            self.revoked.fetch_add(1, Ordering::SeqCst);
            let slow = *self.slow_revocation.lock().unwrap();
            tokio::time::sleep(slow).await;
            Ok(RevocationOutcome::Complete)
        })
    }
}

fn in_words(trade: &Trade) -> String {
    let what = match trade {
        Trade::AuthorizationCode { code, .. } => format!("code {}", code.expose()),
        Trade::RefreshToken { token, .. } => format!("refresh {}", token.expose()),
        Trade::ClientCredentials { .. } => "client".into(),
        Trade::Password { user, password, .. } => format!("{user:?} {}", password.expose()),
        Trade::DeviceCode { code, .. } => format!("device {}", code.expose()),
    };
    format!("{what} {}", trade.target().scope.join(" ")).trim_end().to_owned()
}

impl Scripted {
    fn new(clock: Clock) -> Self {
        Self {
            clock,
            script: Mutex::default(),
            requests: AtomicUsize::default(),
            flying: AtomicUsize::default(),
            most_at_once: AtomicUsize::default(),
            latency: Mutex::default(),
            hangs: AtomicBool::default(),
            life: Mutex::new(s(3600)),
            revoked: AtomicUsize::default(),
            slow_revocation: Mutex::default(),
            trades: Mutex::default(),
            pushed: Mutex::default(),
            device: Mutex::default(),
            described: Mutex::default(),
            asked_about: AtomicUsize::default(),
        }
    }

    fn grant(&self, n: usize) -> Grant {
        Grant {
            access_token: Some(AccessToken::new(format!("a{n}"))),
            refresh_token: Some(RefreshToken::new(format!("r{n}"))),
            scope: None,
            expires_in: Some(*self.life.lock().unwrap()),
            dpop_key: None,
            extra: Map::new(),
            flaws: Vec::new(),
        }
    }
}

/// The programs that opened a tab; empty for the default browser.
#[derive(Default)]
struct Tabs(Mutex<Vec<Vec<String>>>);

impl BrowserOpener for Tabs {
    fn open(&self, _: &StartUrl, program: Option<&[String]>) -> Result<(), BrowserNotOpened> {
        self.0.lock().unwrap().push(program.unwrap_or_default().to_vec());
        Ok(())
    }
}

struct AlwaysOpen;

impl CallbackListener for AlwaysOpen {
    fn open<'a>(&'a self, _: &'a str) -> ProviderFuture<'a, Result<ListenerGuard, String>> {
        Box::pin(async { Ok(Box::new(()) as ListenerGuard) })
    }
}

struct Bench {
    broker: Broker,
    provider: Arc<Scripted>,
    store: Arc<Memory>,
    tabs: Arc<Tabs>,
    clock: Clock,
    wake: watch::Sender<()>,
    world: World,
}

fn config(accounts: &[&str]) -> Arc<Config> {
    use std::fmt::Write as _;
    let mut text = "[providers.p]\npreset = \"generic\"\nauthorize_url = \"https://id.example/a\"\ntoken_url = \"https://id.example/t\"\nclient_auth = \"none\"\nrevoke = \"rfc7009\"\nrevoke_url = \"https://id.example/r\"\n".to_owned();
    for account in accounts {
        write!(text, "[accounts.{account}]\nprovider = \"p\"\nclient_id = \"c\"\n").unwrap();
    }
    Arc::new(crate::config::parse(&text, "/c.toml".as_ref(), FilePrivacy::Private, None).unwrap())
}

fn edited(edit: impl FnOnce(&mut AccountSettings)) -> Arc<Config> {
    let mut config = config(&["work"]);
    let accounts = &mut Arc::make_mut(&mut config).accounts;
    edit(Arc::make_mut(accounts.get_mut("work").unwrap()).settings_mut());
    config
}

#[allow(clippy::unnecessary_wraps, reason = "the shape that the broker asks for")]
fn redirect_uri(account: &AccountConfig) -> Option<String> {
    Some(account.redirect_uri.clone().unwrap_or_else(|| "http://127.0.0.1:7464/callback/p".into()))
}

impl Bench {
    async fn new(accounts: &[&str]) -> Self {
        Self::of(config(accounts), None).await
    }

    /// With one account, `work`, after `edit` has changed its config.
    async fn with(edit: impl FnOnce(&mut AccountSettings)) -> Self {
        Self::of(edited(edit), None).await
    }

    async fn of(config: Arc<Config>, runtime: Option<PathBuf>) -> Self {
        let clock = Clock::virtual_at(Wall(1_700_000_000_000));
        let provider = Arc::new(Scripted::new(clock.clone()));
        let (store, tabs) = (Arc::<Memory>::default(), Arc::<Tabs>::default());
        let (wake, jumps) = watch::channel(());
        let world = World {
            store: Arc::clone(&store) as Arc<_>,
            provider: Arc::clone(&provider) as Arc<_>,
            credentials: Arc::new(CredentialEnv { credentials_directory: None, variables: vec![] }),
            opener: Arc::clone(&tabs) as Arc<_>,
            callback_listener: Arc::new(AlwaysOpen),
            runtime,
            clock: clock.clone(),
            randomness: Randomness::default(),
            audit: AuditLog::default(),
        };
        let broker = Broker::start(config, world.clone(), jumps, redirect_uri).await;
        Self { broker, provider, store, tabs, clock, wake, world }
    }

    async fn logged_in(account: &str) -> Self {
        let bench = Self::new(&[account]).await;
        bench.log_in(account).await;
        bench
    }

    /// With `accounts` logged-in accounts, named `a0`, `a1`, ...
    async fn crowded(accounts: usize) -> (Self, Vec<String>) {
        let names: Vec<String> = (0..accounts).map(|n| format!("a{n}")).collect();
        let bench = Self::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        for name in &names {
            assert_eq!(bench.log_in(name).await, LoginStatus::Succeeded);
        }
        (bench, names)
    }

    /// Completes a login in a browser.
    async fn log_in(&self, account: &str) -> LoginStatus {
        let started = self.broker.start_login(account, LoginVia::CallerBrowser).await.unwrap();
        let answer = self.browse(started.start_url.as_deref().unwrap(), "code=c").await;
        self.broker.callback(answer).await.unwrap();
        self.broker.login(&started.login_id, s(0)).await.unwrap().status
    }

    /// The callback of a browser that opened the start URL.
    async fn browse(&self, start_url: &str, answer: &str) -> CallbackRequest {
        let start = self.leave(start_url).await;
        let url = url::Url::parse(&start.authorize_url).unwrap();
        let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let mut parameters: Vec<_> = url::form_urlencoded::parse(answer.as_bytes()).into_owned().collect();
        parameters.push(("state".into(), state));
        let cookies = vec![(start.cookie_name, start.cookie_value.expose().to_owned())];
        CallbackRequest {
            arrived_on: "http://127.0.0.1:7464/callback/p".into(),
            parameters: parameters.into(),
            in_fragment: false,
            cookies,
        }
    }

    /// Redeems the start URL's ticket.
    async fn leave(&self, start_url: &str) -> BrowserStart {
        match self.broker.open_ticket(start_url.rsplit('/').next().unwrap()).await {
            Ok(StartRedirect::Leaves(start)) => start,
            Ok(StartRedirect::Over(id)) => panic!("{:?}", self.broker.outcome(&id).await),
            Err(rejected) => panic!("{rejected:?}"),
        }
    }

    async fn token(&self) -> String {
        self.token_within(None).await
    }

    async fn token_within(&self, wait: Option<Duration>) -> String {
        match self.broker.token("default", TokenQuery { min_ttl: None, wait, target: None, proves_key: false }).await {
            Ok(reply) => reply.access_token,
            Err(error) => error.code().row().name.to_owned(),
        }
    }

    /// The reason why a login failed, or an empty string if it succeeded.
    async fn ended(&self, login_id: &str) -> String {
        let reply = self.broker.login(login_id, s(3600)).await.unwrap();
        let said = reply.failure.map(|failure| failure.error_description).unwrap_or_default();
        said.strip_prefix("the login to `work` failed: ").unwrap_or(&said).to_owned()
    }

    fn trades(&self) -> Vec<String> {
        self.provider.trades.lock().unwrap().iter().map(|(_, what)| what.clone()).collect()
    }

    fn requests(&self) -> usize {
        self.provider.requests.load(Ordering::SeqCst)
    }

    fn script(&self, answers: impl IntoIterator<Item = RefreshOutcome>) {
        self.provider.script.lock().unwrap().extend(answers);
    }
}

/// Valid for five minutes, polled every five seconds.
fn device_authorization() -> DeviceAuthorization {
    DeviceAuthorization {
        device_code: DeviceCode::new("d"),
        user_code: "AB-CD".into(),
        verification_uri: "https://id.example/device".into(),
        verification_uri_complete: None,
        expires_in: s(300),
        interval: s(5),
    }
}

fn refused(code: &str) -> RefreshOutcome {
    RefreshOutcome::Refused(Refusal { code: code.into(), description: String::new(), blame: RefusalSubject::Grant })
}
