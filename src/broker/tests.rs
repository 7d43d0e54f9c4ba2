//! The broker against a scripted provider, in paused time and without sockets.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Map;
use tokio::sync::watch;

use super::browser_login::{BrowserStart, CallbackRequest, Opened, Stray};
use super::handle::{Broker, TokenQuery};
use super::*;
use crate::account::record::Record;
use crate::account::state::Answer;
use crate::browser::{Opener, StartUrl, Unopened};
use crate::clock::Wall;
use crate::config::{AccountConfig, Config, FilePrivacy};
use crate::contract::{AccountState, LoginStatus, LoginVia, LogoutOutcome};
use crate::error::Error;
use crate::oauth::describe::Described;
use crate::oauth::device::DeviceAuthorization;
use crate::oauth::dialect::Dialect;
use crate::oauth::exchange::{Credentials, Target, Trade};
use crate::oauth::grant::{Grant, TokenSet};
use crate::oauth::reply::{Blame, Refusal};
use crate::provider::AskError;
use crate::secret::{AccessToken, RefreshToken};
use crate::store::StoreError;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Keeps records in memory and can be told to fail.
#[derive(Default)]
struct Memory {
    records: Mutex<HashMap<String, Record>>,
    full: std::sync::atomic::AtomicBool,
}

impl Memory {
    fn write(&self, account: &str, record: &Record) -> Result<(), StoreError> {
        if self.full.load(Ordering::Relaxed) {
            return Err(StoreError::Io { path: "memory".into(), why: "no space left".into() });
        }
        self.records.lock().unwrap().insert(account.to_owned(), record.clone());
        Ok(())
    }
}

impl Store for Memory {
    fn load(&self, account: &str) -> Result<Option<Record>, StoreError> {
        Ok(self.records.lock().unwrap().get(account).cloned())
    }
    fn begin(&self, account: &str, record: &Record) -> Result<(), StoreError> {
        self.write(account, record)
    }
    fn commit(&self, account: &str, record: &Record) -> Result<(), StoreError> {
        self.write(account, record)
    }
    fn remove(&self, account: &str) -> Result<(), StoreError> {
        self.records.lock().unwrap().remove(account);
        Ok(())
    }
    fn key_source(&self) -> String {
        "memory".into()
    }
}

/// Answers from a script, else with a fresh pair; counts requests and how many there were at once.
#[derive(Default)]
struct Scripted {
    script: Mutex<VecDeque<Answer>>,
    requests: AtomicUsize,
    flying: AtomicUsize,
    most_at_once: AtomicUsize,
    latency: Mutex<Duration>,
    life: Mutex<Duration>,
    revoked: AtomicUsize,
}

impl Provider for Scripted {
    fn resolve<'a>(&'a self, dialect: &'a Arc<Dialect>) -> Pending<'a, Result<Arc<Dialect>, AskError>> {
        Box::pin(async move { Ok(Arc::clone(dialect)) })
    }

    fn accept<'a>(&'a self, _: &'a Arc<Dialect>) -> Pending<'a, Result<String, AskError>> {
        Box::pin(async move { Err(AskError::Impossible("not here".into())) })
    }

    fn push<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a [(String, String)],
        _: &'a Credentials,
    ) -> Pending<'a, Result<String, AskError>> {
        Box::pin(async move { Err(AskError::Impossible("not here".into())) })
    }

    fn device<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a Target,
        _: &'a Credentials,
    ) -> Pending<'a, Result<DeviceAuthorization, AskError>> {
        Box::pin(async move { Err(AskError::Impossible("not here".into())) })
    }

    fn describe<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a AccessToken,
        _: &'a Credentials,
    ) -> Pending<'a, Result<Described, AskError>> {
        Box::pin(async move { Err(AskError::Impossible("not here".into())) })
    }

    fn trade<'a>(&'a self, _: &'a Dialect, _: &'a Trade, _: &'a Credentials) -> Pending<'a, Answer> {
        Box::pin(async move {
            let at_once = self.flying.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_at_once.fetch_max(at_once, Ordering::SeqCst);
            let latency = *self.latency.lock().unwrap();
            tokio::time::sleep(latency).await;
            self.flying.fetch_sub(1, Ordering::SeqCst);
            let n = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
            let scripted = self.script.lock().unwrap().pop_front();
            scripted.unwrap_or_else(|| Answer::Granted(Box::new(self.grant(n))))
        })
    }

    fn revoke<'a>(&'a self, _: &'a Dialect, _: &'a TokenSet, _: &'a Credentials) -> Pending<'a, Result<bool, String>> {
        Box::pin(async move {
            self.revoked.fetch_add(1, Ordering::SeqCst);
            Ok(true)
        })
    }
}

impl Scripted {
    fn grant(&self, n: usize) -> Grant {
        Grant {
            access_token: AccessToken::new(format!("a{n}")),
            refresh_token: Some(RefreshToken::new(format!("r{n}"))),
            scope: None,
            expires_in: Some(*self.life.lock().unwrap()),
            extra: Map::new(),
        }
    }
}

#[derive(Default)]
struct Tabs(AtomicUsize);

impl Opener for Tabs {
    fn open(&self, _: &StartUrl) -> Result<(), Unopened> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

struct AlwaysOpen;

impl CallbackDoor for AlwaysOpen {
    fn open<'a>(&'a self, _: &'a str) -> Pending<'a, Result<Guard, String>> {
        Box::pin(async { Ok(Box::new(()) as Guard) })
    }
}

struct Bench {
    broker: Broker,
    provider: Arc<Scripted>,
    store: Arc<Memory>,
    tabs: Arc<Tabs>,
    clock: Clock,
    bell: watch::Sender<()>,
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

#[allow(clippy::unnecessary_wraps, reason = "the shape that the broker asks for")]
fn redirect_uri(_: &AccountConfig) -> Option<String> {
    Some("http://127.0.0.1:7464/callback/p".into())
}

impl Bench {
    async fn new(accounts: &[&str]) -> Self {
        let clock = Clock::virtual_at(Wall(1_700_000_000_000));
        let (provider, store, tabs) = (Arc::<Scripted>::default(), Arc::<Memory>::default(), Arc::<Tabs>::default());
        *provider.life.lock().unwrap() = s(3600);
        let (bell, jumps) = watch::channel(());
        let world = World {
            store: Arc::clone(&store) as Arc<_>,
            provider: Arc::clone(&provider) as Arc<_>,
            credentials: Arc::new(CredentialEnv { credentials_directory: None, variables: vec![] }),
            opener: Arc::clone(&tabs) as Arc<_>,
            door: Arc::new(AlwaysOpen),
            runtime: None,
            clock: clock.clone(),
        };
        let broker = Broker::start(config(accounts), world.clone(), jumps, redirect_uri).await;
        Self { broker, provider, store, tabs, clock, bell, world }
    }

    async fn logged_in(account: &str) -> Self {
        let bench = Self::new(&[account]).await;
        bench.log_in(account).await;
        bench
    }

    /// The user's part of a login, up to the outcome.
    async fn log_in(&self, account: &str) -> LoginStatus {
        let started = self.broker.start_login(account, LoginVia::CallerBrowser).await.unwrap();
        let answer = self.browse(started.start_url.as_deref().unwrap(), "code=c").await;
        self.broker.callback(answer).await.unwrap();
        self.broker.login(&started.login_id, s(0)).await.unwrap().status
    }

    /// What a browser brings back that was sent through the start URL.
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

    /// Spends the start URL's ticket.
    async fn leave(&self, start_url: &str) -> BrowserStart {
        match self.broker.open_ticket(start_url.rsplit('/').next().unwrap()).await {
            Ok(Opened::Leaves(start)) => start,
            Ok(Opened::Over(id)) => panic!("{:?}", self.broker.outcome(&id).await),
            Err(stray) => panic!("{stray:?}"),
        }
    }

    async fn token(&self) -> String {
        self.token_within(None).await
    }

    async fn token_within(&self, wait: Option<Duration>) -> String {
        match self.broker.token("default", TokenQuery { min_ttl: None, wait, target: None }).await {
            Ok(reply) => reply.access_token,
            Err(error) => error.code().row().name.to_owned(),
        }
    }

    fn requests(&self) -> usize {
        self.provider.requests.load(Ordering::SeqCst)
    }

    fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        self.provider.script.lock().unwrap().extend(answers);
    }
}

use crate::credentials::CredentialEnv;

#[tokio::test(start_paused = true)]
async fn an_account_is_refreshed_ahead_of_expiry_with_nobody_asking() {
    let b = Bench::logged_in("work").await;
    for n in 1..6 {
        assert_eq!((b.token().await, b.requests()), (format!("a{n}"), n));
        tokio::time::sleep(s(3090)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn five_hundred_callers_at_expiry_make_one_request_and_all_get_the_new_token() {
    let b = Arc::new(Bench::logged_in("work").await);
    *b.provider.latency.lock().unwrap() = s(2);
    b.clock.suspend(s(4000));
    let callers: Vec<_> = (0..500)
        .map(|_| {
            let b = Arc::clone(&b);
            tokio::spawn(async move { b.token().await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "a2");
    }
    assert_eq!((b.requests(), b.provider.most_at_once.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_hangs_up_cancels_nothing() {
    let b = Bench::logged_in("work").await;
    *b.provider.latency.lock().unwrap() = s(5);
    b.clock.suspend(s(4000));
    assert!(tokio::time::timeout(s(1), b.token()).await.is_err());
    tokio::time::sleep(s(5)).await;
    assert_eq!((b.token().await, b.requests()), ("a2".into(), 2));
}

#[tokio::test(start_paused = true)]
async fn after_a_sleep_the_bell_wakes_the_accounts() {
    let b = Bench::logged_in("work").await;
    b.clock.suspend(s(7200));
    b.bell.send_replace(());
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!((b.requests(), b.token().await), (2, "a2".into()), "before anybody asked");
}

#[tokio::test(start_paused = true)]
async fn callers_wait_no_longer_than_they_asked_and_hear_why() {
    let b = Bench::logged_in("work").await;
    b.clock.suspend(s(4000));
    b.script((0..50).map(|_| Answer::Busy { retry_after: Some(s(60)), why: "503".into() }));
    let before = b.clock.now();
    assert_eq!(b.token_within(Some(s(5))).await, "provider_unreachable");
    assert_eq!(before.until(b.clock.now()), s(0), "the next attempt is later than that: no use in waiting");
    let before = b.clock.now();
    *b.provider.latency.lock().unwrap() = s(100);
    assert_eq!(b.token_within(Some(s(70))).await, "provider_unreachable");
    assert_eq!(before.until(b.clock.now()), s(70));
}

#[tokio::test(start_paused = true)]
async fn who_asks_to_wait_waits_for_a_login_too() {
    let b = Arc::new(Bench::new(&["work"]).await);
    assert_eq!(b.token().await, "login_required");
    let waiting = tokio::spawn({
        let b = Arc::clone(&b);
        async move { b.token_within(Some(s(100))).await }
    });
    tokio::time::sleep(s(30)).await;
    assert_eq!(b.log_in("work").await, LoginStatus::Succeeded);
    assert_eq!(waiting.await.unwrap(), "a1");
    b.broker.logout("work").await.unwrap();
    let before = b.clock.now();
    assert_eq!(b.token_within(Some(s(100))).await, "login_required");
    assert_eq!(before.until(b.clock.now()), s(100));
}

#[tokio::test(start_paused = true)]
async fn a_login_is_joined_told_of_its_end_and_ends_by_itself() {
    let b = Bench::new(&["work"]).await;
    let first = b.broker.start_login("work", LoginVia::DaemonBrowser).await.unwrap();
    let second = b.broker.start_login("default", LoginVia::DaemonBrowser).await.unwrap();
    assert_eq!((first.joined, second.joined, first.login_id == second.login_id), (false, true, true));
    assert!(b.broker.expects_callback("/callback/p") && !b.broker.expects_callback("/callback/q"));
    assert_eq!(b.broker.account("work").unwrap().login_pending, Some(first.login_id.clone()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(b.tabs.0.load(Ordering::SeqCst), 1, "one tab");
    let over = b.broker.login(&first.login_id, s(3600)).await.unwrap();
    assert_eq!(
        (over.status, over.failure.unwrap().error),
        (LoginStatus::Failed, crate::contract::ErrorCode::LoginFailed)
    );
    assert!(!b.broker.expects_callback("/callback/p"));
    assert_eq!(b.broker.account("work").unwrap().login_pending, None);
    tokio::time::sleep(s(601)).await;
    assert!(matches!(b.broker.login(&first.login_id, s(0)).await, Err(Error::NotFound { .. })), "forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_login_that_fails_says_why_and_a_new_one_can_follow() {
    let b = Bench::logged_in("work").await;
    for (answer, scripted, why) in [
        ("error=access_denied", None, "access was denied at the provider"),
        ("code=c", Some(Answer::Lost { why: "cut".into() }), "cut"),
        ("code=c", Some(refused("invalid_grant")), "the provider refused the code: invalid_grant"),
    ] {
        let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
        b.script(scripted);
        let request = b.browse(started.start_url.as_deref().unwrap(), answer).await;
        let id = b.broker.callback(request).await.unwrap();
        let outcome = b.broker.outcome(&id).await.unwrap().failure.unwrap();
        assert_eq!(outcome.error_description, format!("the login to `work` failed: {why}"));
        assert_eq!(b.token().await, "a1", "the old token still serves");
    }
    assert_eq!(b.log_in("work").await, LoginStatus::Succeeded);
    assert_ne!(b.token().await, "a1");
}

fn refused(code: &str) -> Answer {
    Answer::Refused(Refusal { code: code.into(), description: String::new(), blame: Blame::Grant })
}

#[tokio::test(start_paused = true)]
async fn a_stray_answer_changes_nothing() {
    let b = Bench::new(&["work"]).await;
    let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    let good = b.browse(started.start_url.as_deref().unwrap(), "code=c").await;
    let wrong_state = CallbackRequest {
        parameters: vec![("code".into(), "c".into()), ("state".into(), "x".into())].into(),
        ..good.clone()
    };
    let no_cookie = CallbackRequest { in_fragment: false, cookies: vec![], ..good.clone() };
    for (request, stray) in [(wrong_state, Stray::NotOurs), (no_cookie, Stray::NotOurs)] {
        assert_eq!(b.broker.callback(request).await.unwrap_err(), stray);
    }
    assert_eq!(b.broker.login(&started.login_id, s(0)).await.unwrap().status, LoginStatus::Pending);
    b.broker.callback(good).await.unwrap();
    assert_eq!(b.token().await, "a1");
}

#[tokio::test(start_paused = true)]
async fn an_address_pasted_from_another_machine_completes_the_login() {
    let b = Bench::new(&["work"]).await;
    let started = b.broker.start_login("work", LoginVia::Paste).await.unwrap();
    let state = url::Url::parse(started.start_url.as_deref().unwrap())
        .unwrap()
        .query_pairs()
        .find(|(n, _)| n == "state")
        .unwrap()
        .1
        .into_owned();
    for wrong in ["", "hello", "http://127.0.0.1:7464/callback/p?code=c&state=x", "http://127.0.0.1:7464/callback/p"] {
        assert!(matches!(b.broker.paste(&started.login_id, wrong).await, Err(Error::Usage { .. })), "{wrong}");
    }
    let good = format!(" http://127.0.0.1:7464/callback/p?code=c&state={state}\n");
    assert_eq!(b.broker.paste(&started.login_id, &good).await.unwrap().status, LoginStatus::Succeeded);
    assert_eq!(b.token().await, "a1");
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_keeps_the_old_token_and_loses_no_new_one() {
    let b = Bench::logged_in("work").await;
    b.store.full.store(true, Ordering::Relaxed);
    tokio::time::sleep(s(3300)).await;
    assert_eq!((b.token().await, b.requests()), ("a1".into(), 1), "nothing is asked for that could not be kept");
    tokio::time::sleep(s(600)).await;
    assert_eq!(b.token().await, "store_unavailable");
    b.store.full.store(false, Ordering::Relaxed);
    tokio::time::sleep(s(301)).await;
    assert_eq!(b.token().await, "a2");
}

#[tokio::test(start_paused = true)]
async fn a_restart_serves_at_once_from_the_store() {
    let b = Bench::logged_in("work").await;
    b.broker.shut_down(s(1)).await;
    let again = Broker::start(config(&["work"]), b.world.clone(), b.bell.subscribe(), redirect_uri).await;
    assert_eq!(again.token("work", TokenQuery::default()).await.ok().unwrap().access_token, "a1");
    assert_eq!(b.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reload_adds_and_removes_accounts_and_drops_neither_token_nor_login() {
    let b = Bench::logged_in("work").await;
    let pending = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    b.broker.reload(config(&["work", "home"])).await;
    let names = |broker: &Broker| broker.accounts().iter().map(|a| a.account.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!(names(&b.broker), "home work");
    assert_eq!(b.broker.token("work", TokenQuery::default()).await.ok().unwrap().access_token, "a1");
    let answer = b.browse(pending.start_url.as_deref().unwrap(), "code=c").await;
    b.broker.callback(answer).await.unwrap();
    assert_eq!(b.broker.token("work", TokenQuery::default()).await.ok().unwrap().access_token, "a2");
    b.broker.reload(config(&["home"])).await;
    assert_eq!(names(&b.broker), "home");
    assert!(matches!(b.broker.account("wrok"), Err(Error::UnknownAccount { .. })));
    b.broker.reload(config(&["work"])).await;
    assert_eq!(b.token().await, "a2", "its file stayed");
}

#[tokio::test(start_paused = true)]
async fn a_removed_account_is_not_started_anew_while_its_refresh_is_in_flight() {
    let b = Bench::logged_in("work").await;
    *b.provider.latency.lock().unwrap() = s(5);
    b.clock.suspend(s(4000));
    b.bell.send_replace(());
    tokio::time::sleep(s(1)).await;
    b.broker.reload(config(&["home"])).await;
    b.broker.reload(config(&["work"])).await;
    assert_eq!((b.token().await, b.requests(), b.provider.most_at_once.load(Ordering::SeqCst)), ("a2".into(), 2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_logout_revokes_and_forgets() {
    let b = Bench::logged_in("work").await;
    let reply = b.broker.logout("work").await.unwrap();
    assert_eq!((reply.outcome, b.provider.revoked.load(Ordering::SeqCst)), (LogoutOutcome::RevokedAtProvider, 1));
    assert_eq!(
        (b.token().await, b.broker.account("work").unwrap().state),
        ("login_required".into(), AccountState::SignedOut)
    );
    assert_eq!(b.broker.logout("work").await.unwrap().outcome, LogoutOutcome::NothingStored);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_refreshed_once_per_half_minute() {
    let b = Bench::logged_in("work").await;
    for (pause, requests) in [(0, 1), (31, 2), (1, 2), (31, 3)] {
        tokio::time::sleep(s(pause)).await;
        b.broker.rejected("work").await.unwrap();
        assert_eq!(b.requests(), requests);
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_names_get_the_nearest_and_default_has_to_be_clear() {
    let b = Bench::new(&["work", "home"]).await;
    let error = b.broker.account("wrk").unwrap_err();
    assert_eq!(error, Error::UnknownAccount { name: "wrk".into(), nearest: vec!["work".into()] });
    assert!(matches!(b.broker.account("default"), Err(Error::Usage { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_caller_with_a_valid_token_is_served_before_it_expires_whatever_the_provider_does() {
    let b = Bench::logged_in("work").await;
    *b.provider.latency.lock().unwrap() = s(3000);
    tokio::time::sleep(s(3597)).await;
    for wait in [None, Some(s(60))] {
        let query = TokenQuery { min_ttl: wait, wait, target: None };
        assert_eq!(b.broker.token("work", query).await.ok().unwrap().access_token, "a1", "{wait:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_writes_what_was_held_back() {
    let b = Bench::logged_in("work").await;
    *b.provider.latency.lock().unwrap() = s(1000);
    tokio::time::sleep(s(3095)).await;
    b.store.full.store(true, Ordering::Relaxed);
    tokio::time::sleep(s(1000)).await;
    assert_eq!(b.broker.account("work").unwrap().generation, 1, "committing failed");
    b.store.full.store(false, Ordering::Relaxed);
    b.broker.shut_down(s(1)).await;
    assert_eq!(b.store.records.lock().unwrap()["work"].generation, 2);
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_a_login_finish_and_begins_no_refresh() {
    let b = Arc::new(Bench::logged_in("work").await);
    *b.provider.latency.lock().unwrap() = Duration::from_millis(500);
    let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    let answer = b.browse(started.start_url.as_deref().unwrap(), "code=c").await;
    let login = tokio::spawn({
        let b = Arc::clone(&b);
        async move { b.broker.callback(answer).await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    b.clock.suspend(s(4000));
    b.broker.shut_down(Duration::from_millis(1500)).await;
    login.await.unwrap().unwrap();
    let outcome = b.broker.outcome(&started.login_id).await.unwrap();
    assert_eq!((outcome.status, b.requests()), (LoginStatus::Succeeded, 2), "the login's request and no refresh");
}

#[tokio::test(start_paused = true)]
async fn a_logout_ends_the_pending_login() {
    let b = Bench::logged_in("work").await;
    let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    let answer = b.browse(started.start_url.as_deref().unwrap(), "code=c").await;
    b.broker.logout("work").await.unwrap();
    assert_eq!(b.broker.login(&started.login_id, s(0)).await.unwrap().status, LoginStatus::Failed);
    assert_eq!(b.broker.callback(answer).await.unwrap_err(), Stray::NotOurs);
}

#[tokio::test(start_paused = true)]
async fn a_second_refresh_by_hand_is_a_new_token_too_and_a_crowd_gets_one() {
    let b = Arc::new(Bench::logged_in("work").await);
    for generation in 2..4 {
        assert_eq!(b.broker.refresh("work").await.unwrap().generation, generation);
    }
    *b.provider.latency.lock().unwrap() = s(1);
    let crowd: Vec<_> = (0..50)
        .map(|_| {
            let b = Arc::clone(&b);
            tokio::spawn(async move { b.broker.refresh("work").await.unwrap().generation })
        })
        .collect();
    for one in crowd {
        assert_eq!(one.await.unwrap(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_pasted_into_the_wrong_login_changes_nothing() {
    let b = Bench::new(&["work", "home"]).await;
    let work = b.broker.start_login("work", LoginVia::Paste).await.unwrap();
    let home = b.broker.start_login("home", LoginVia::Paste).await.unwrap();
    let state = url::Url::parse(work.start_url.as_deref().unwrap()).unwrap();
    let state = state.query_pairs().find(|(n, _)| n == "state").unwrap().1.into_owned();
    let address = format!("http://127.0.0.1:7464/callback/p?code=c&state={state}");
    assert!(matches!(b.broker.paste(&home.login_id, &address).await, Err(Error::Usage { .. })));
    assert_eq!(b.broker.paste(&work.login_id, &address).await.unwrap().status, LoginStatus::Succeeded);
}
