//! The cost of a caller's request inside the daemon, by part: `cargo bench`.
//!
//! Compare the ratios of one run, not the times of two machines. Each time is the best of several rounds, since other
//! processes can only make a round slower. Nothing is asserted.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench fails by panicking, and prints its table")]

use std::future::Future;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use ringback::account::record::Record;
use ringback::apps::Apps;
use ringback::audit::{AuditLimits, AuditLog};
use ringback::broker::handle::{Broker, TokenQuery};
use ringback::broker::{CallbackListener, ListenerGuard, World, wakeups};
use ringback::clock::Clock;
use ringback::config::{self, Config, FilePrivacy};
use ringback::contract::{AuditEvent, AuditLine, StoreState, TokenReply};
use ringback::credentials::CredentialEnv;
use ringback::http::listen::{Answers as _, ConnectionLimits};
use ringback::http::peer::{Connection, Peer, Scheme};
use ringback::http::session::Sessions;
use ringback::http::{Gate, Guarded, Http, HttpState, router};
use ringback::oauth::grant::{Binding, Expiry, TokenSet};
use ringback::oauth::reply::{self, ReceivedReply};
use ringback::os::browser::UsersBrowser;
use ringback::os::ports::{PeerLookup, PeerUser};
use ringback::provider::{HttpProvider, ProviderFuture};
use ringback::random::Randomness;
use ringback::secret::Secret;
use ringback::secret::source::KeySource;
use ringback::store::file::{FileStore, StateLock};
use ringback::store::key::MasterKey;
use ringback::store::key::source::{OsKeyring, Outside};
use ringback::store::{Opening, Store, StoreError};
use ringback::store::{record, seal};
use tokio::sync::watch;

const ROUNDS: u32 = 7;
/// The target duration of a round.
const ROUND: Duration = Duration::from_millis(40);

/// No request is sent to this provider.
const CONFIG: &str = r#"
[providers.bench]
preset = "generic"
authorize_url = "https://id.example/authorize"
token_url = "https://id.example/token"
client_auth = "none"

[accounts.work]
provider = "bench"
client_id = "bench"
"#;

fn main() {
    // `cargo test --all-targets` runs this, too; there it only has to compile.
    if !std::env::args().any(|argument| argument == "--bench") {
        return println!("nothing was measured: run me with `cargo bench`");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (broker, store) = runtime.block_on(start(&state));
    let mut table = Table { base: None };

    let number = AtomicU64::new(1);
    table.row("atomic load", best(|| number.load(Ordering::Relaxed)));
    table.row("both clocks read", best(|| Clock::System.now()));
    table.row("Broker::token, cached", runtime.block_on(best_of_async(|| broker.token("work", TokenQuery::default()))));
    let reply = runtime.block_on(broker.token("work", TokenQuery::default())).unwrap();
    table.row("the reply as JSON", best(|| serde_json::to_vec::<TokenReply>(&reply).unwrap()));
    let apps = Apps::open(&state, Clock::System.now().wall).unwrap();
    let key = std::fs::read_to_string(apps.key_file().unwrap()).unwrap();
    let audit = AuditLog::open(&state, AuditLimits { file: 1 << 30, keep: 1 }, Clock::System).unwrap();
    let line = AuditLine::new(AuditEvent::Token, "2026-11-25T00:00:00.000Z".into());
    table.row("audit: a line queued", runtime.block_on(best_of_async(|| audit.note(&line))));
    runtime.block_on(audit.flush()).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = listener.local_addr().unwrap();
    let client = std::net::TcpStream::connect(ours).unwrap();
    let (peers, address) = (PeerLookup::open(), client.local_addr().unwrap());
    let lookup = runtime.block_on(best_of_async(|| peers.user(address, ours)));
    table.row("the user behind a connection (once for each)", lookup);
    let http = Http::from(HttpState {
        broker: broker.clone(),
        apps: apps.clone(),
        audit: audit.clone(),
        sessions: Sessions::default(),
        own_origin: None,
        socket: None,
        extra_listeners: ringback::http::extra_states::ExtraStates::default(),
        tells_users: true,
        consents: ringback::apps::consent::Consents::open(&state).unwrap(),
        clock: Clock::System,
        waiting: ringback::http::Waiting::of_connections(256),
        requests: ringback::http::RequestCounts::default(),
        latency: ringback::provider::ProviderLatency::default(),
        proxy: ringback::http::ReverseProxy::default(),
    });
    let silent = Http::from(HttpState { audit: AuditLog::default(), ..HttpState::clone(&http) });
    let unaudited = router(silent, Gate::new(apps.clone(), AuditLog::default(), Sessions::default(), Clock::System));
    table.row(
        "GET /token, socket, whole router, no audit",
        runtime.block_on(best_of_async(|| get(&unaudited, socket_peer(), None))),
    );
    let app = router(http, Gate::new(apps, audit, Sessions::default(), Clock::System));
    table.row("GET /token, socket, whole router", runtime.block_on(best_of_async(|| get(&app, socket_peer(), None))));
    table.row(
        "GET /token, TCP with key, whole router",
        runtime.block_on(best_of_async(|| get(&app, tcp_peer(), Some(&key)))),
    );

    let dialect = config(1).accounts.get("work-0").unwrap().dialect.clone();
    let body = br#"{"access_token":"an-access-token-of-48-characters-aaaaaaaaaaaaaaaaa","token_type":"Bearer",
        "expires_in":3600,"refresh_token":"a-refresh-token-of-48-characters-aaaaaaaaaaaaaaa","scope":"account-owner"}"#;
    let at = Clock::System.now().wall;
    let received =
        ReceivedReply { status: 200, content_type: Some("application/json"), retry_after: None, body: &body[..], at };
    table.row("the provider's reply parsed", best(|| reply::parse(received, &dialect)));
    for accounts in [1, 100, 10_000] {
        let (jump, jumps) = watch::channel(());
        let broker = runtime.block_on(broker_of(Arc::new(Remembered), config(accounts), jumps));
        let took = runtime.block_on(best_of_async(async || {
            jump.send_replace(());
            // The runtime runs 61 tasks before one that yields goes on.
            for _ in 0..accounts / 61 + 2 {
                tokio::task::yield_now().await;
            }
        }));
        table.row(&format!("schedule after a resume, accounts: {accounts}"), took);
        drop(broker);
    }

    let (key, record) = (MasterKey::generate().unwrap(), stored());
    let plain = record::encode(&record).unwrap();
    let sealed = seal::seal(&key, "work", 1, &plain, &mut rand::rng()).unwrap();
    table.row("record as JSON", best(|| record::encode(&record).unwrap()));
    table.row("seal a record", best(|| seal::seal(&key, "work", 1, &plain, &mut rand::rng()).unwrap()));
    table.row("open a record", best(|| seal::open(&key, "work", &sealed).unwrap()));
    let mut next = record.clone();
    let commit = || {
        store.begin("other", &next).unwrap();
        next.generation += 1;
        store.commit("other", &next).unwrap();
    };
    table.row("begin and commit on this disk", best(commit));
}

/// A broker with one account, whose token is valid for a day.
async fn start(state: &Path) -> (Broker, Arc<FileStore>) {
    let held = StateLock::take(state).unwrap();
    let outside = Outside { env: &|_| None, keyring: &OsKeyring };
    let store = Arc::new(FileStore::open(held, &KeySource::File, outside, Clock::System).unwrap());
    store.commit("work", &stored()).unwrap();
    let config: Config = config::parse(CONFIG, Path::new("/bench/config.toml"), FilePrivacy::Private, None).unwrap();
    (broker_of(Arc::clone(&store) as Arc<_>, config, wakeups::watch()).await, store)
}

/// So many accounts, `work-0` and on.
fn config(accounts: usize) -> Config {
    let account = |number| format!("[accounts.work-{number}]\nprovider = \"bench\"\nclient_id = \"bench\"\n");
    let providers = CONFIG.split_once("[accounts").unwrap().0;
    let text = (0..accounts).fold(providers.to_owned(), |text, number| text + &account(number));
    config::parse(&text, Path::new("/bench/config.toml"), FilePrivacy::Private, None).unwrap()
}

async fn broker_of(store: Arc<dyn Store>, config: Config, jumps: watch::Receiver<()>) -> Broker {
    let world = World {
        store,
        provider: Arc::new(HttpProvider::new(Clock::System)),
        credentials: Arc::new(CredentialEnv::default()),
        opener: Arc::new(UsersBrowser),
        callback_listener: Arc::new(NoDoor),
        runtime: None,
        clock: Clock::System,
        randomness: Randomness::System,
        audit: AuditLog::default(),
    };
    Broker::start(Arc::new(config), world, jumps, |_| None).await
}

/// A store in memory: it has one record for all accounts, and never gets another.
struct Remembered;

impl Store for Remembered {
    fn load(&self, _: &str) -> Result<Option<Record>, StoreError> {
        Ok(Some(stored()))
    }

    fn high_water_mark(&self, _: &str) -> u64 {
        0
    }

    fn begin(&self, _: &str, _: &Record) -> Result<(), StoreError> {
        Ok(())
    }

    fn commit(&self, _: &str, _: &Record) -> Result<(), StoreError> {
        Ok(())
    }

    fn remove(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn key_source(&self) -> String {
        "none".into()
    }

    fn lock(&self) {}

    fn unlock(&self, _: &Opening) -> Result<(), StoreError> {
        Ok(())
    }

    fn state(&self) -> StoreState {
        StoreState::Unlocked
    }
}

fn stored() -> Record {
    let (now, lifetime) = (Clock::System.now().wall, Duration::from_secs(24 * 3600));
    let tokens = TokenSet {
        access_token: Secret::new("a".repeat(48)),
        refresh_token: Some(Secret::new("r".repeat(48))),
        scope: Some("account-owner".into()),
        expiry: Expiry::At { wall: now.plus(lifetime), lifetime },
        obtained_at: now,
        dpop_key: None,
        extra: serde_json::Map::new(),
    };
    let binding =
        Binding { provider: "bench".into(), token_url: "https://id.example/token".into(), client_id: "bench".into() };
    Record::new(binding, 1, tokens)
}

/// A listener that is never opened, since no login happens here.
struct NoDoor;

impl CallbackListener for NoDoor {
    fn open<'a>(&'a self, _: &'a str) -> ProviderFuture<'a, Result<ListenerGuard, String>> {
        Box::pin(async { Err("no logins in a bench".into()) })
    }
}

fn socket_peer() -> Peer {
    Peer::Unix { uid: rustix::process::geteuid().as_raw(), pid: None }
}

fn tcp_peer() -> Peer {
    Peer::Tcp {
        address: ([127, 0, 0, 1], 50_000).into(),
        port: 7464,
        user: PeerUser::Uid(rustix::process::geteuid().as_raw()),
        scheme: Scheme::Http,
    }
}

/// Handles a request from its head to the last byte of the reply, without a network.
async fn get(app: &Guarded, peer: Peer, key: Option<&str>) {
    let host = if matches!(peer, Peer::Tcp { .. }) { "127.0.0.1:7464" } else { "localhost" };
    let mut request = Request::get("/token").header(header::HOST, host);
    if let Some(key) = key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let connection = Connection::new(peer, None, ConnectionLimits::default().body);
    let reply = app.answer(request.body(Body::empty()).unwrap(), &connection).await;
    assert_eq!(reply.status(), StatusCode::OK);
    black_box(axum::body::to_bytes(reply.into_body(), 64 * 1024).await.unwrap());
}

/// The table on standard output; rows are compared with the first one.
struct Table {
    base: Option<u64>,
}

impl Table {
    fn row(&mut self, what: &str, took: Picoseconds) {
        if self.base.is_none() {
            println!("{:<40} {:>10} {:>10}", "", "time", "ratio");
        }
        let base = *self.base.get_or_insert(took.0.max(1));
        println!("{what:<40} {:>10} {:>10}", took.to_text(), took.0 / base);
    }
}

/// The time of one call.
#[derive(Clone, Copy)]
struct Picoseconds(u64);

impl Picoseconds {
    fn to_text(self) -> String {
        match self.0 {
            0..10_000 => format!("{}.{} ns", self.0 / 1000, self.0 % 1000 / 100),
            10_000..10_000_000 => format!("{} ns", self.0 / 1000),
            10_000_000..10_000_000_000 => format!("{} µs", self.0 / 1_000_000),
            _ => format!("{} ms", self.0 / 1_000_000_000),
        }
    }
}

fn best<T>(mut call: impl FnMut() -> T) -> Picoseconds {
    let mut round = |calls: u32| {
        let began = now();
        for _ in 0..calls {
            black_box(call());
        }
        now().saturating_sub(began)
    };
    let calls = calls_for(round(16) / 16);
    least((0..ROUNDS).map(|_| round(calls)), calls)
}

async fn best_of_async<T, F: Future<Output = T>>(mut call: impl FnMut() -> F) -> Picoseconds {
    let mut rounds = Vec::new();
    let mut calls = 16;
    for counted in 0..=ROUNDS {
        let began = now();
        for _ in 0..calls {
            black_box(call().await);
        }
        let took = now().saturating_sub(began);
        if counted == 0 {
            calls = calls_for(took / calls);
        } else {
            rounds.push(took);
        }
    }
    least(rounds.into_iter(), calls)
}

fn calls_for(one: Duration) -> u32 {
    u32::try_from(ROUND.as_nanos() / one.as_nanos().max(1)).unwrap_or(u32::MAX).clamp(16, 20_000_000)
}

fn least(rounds: impl Iterator<Item = Duration>, calls: u32) -> Picoseconds {
    let best = rounds.min().unwrap_or_default().as_nanos() * 1000 / u128::from(calls);
    Picoseconds(u64::try_from(best).unwrap_or(u64::MAX))
}

fn now() -> Duration {
    Clock::System.now().boot.0
}
