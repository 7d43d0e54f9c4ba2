//! Runs of the daemon: it starts, callers send requests, the machine is suspended, clocks jump, it is killed or
//! stopped, and starts again. At the end all faults cease, and every account must be healthy or have a reason not to.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use ringback::account::login_reason::LoginReason;
use ringback::account::record::Record;
use ringback::broker::World;
use ringback::broker::handle::{Broker, TokenQuery};
use ringback::clock::{Clock, Wall};
use ringback::config::{self, AccountConfig, Config, FilePrivacy};
use ringback::contract::AccountState;
use ringback::credentials::CredentialEnv;
use ringback::oauth::grant::{Binding, Expiry, TokenSet};
use ringback::os::browser::{BrowserNotOpened, BrowserOpener, StartUrl};
use ringback::random::Randomness;
use ringback::secret::Secret;
use ringback::store::record;
use tokio::sync::watch;

use crate::counts::{What, happens};
use crate::disk::Disk;
use crate::older::Copy;
use crate::people::{Desk, Person, redirect_uri};
use crate::server::{Server, pick};
use crate::truth::{ACCOUNTS, Truth};
use crate::{locking, outage, status};

const START: Wall = Wall(1_800_000_000_000);
/// Callers of each account.
const CALLERS: u32 = 2;
/// How much longer than requested a caller may wait.
const SLACK: Duration = Duration::from_millis(500);
/// At the end, there are no faults for this long before the final check.
const CALM: Duration = Duration::from_secs(5400);

/// The wall clock at the next start.
struct Times {
    wall: Wall,
}

/// All runs of one seed.
pub(crate) fn live(truth: &Arc<Truth>) {
    let mut rng = truth.jitter("lives");
    let lives = rng.random_range(1..6);
    let mut times = Times { wall: START };
    for life in 0..lives {
        if life + 1 == lives {
            truth.become_calm();
        }
        one_life(truth, life, life + 1 == lives, &mut times, &mut rng);
        // The machine is off for a while.
        let pause = Duration::from_secs(if happens(&mut rng, 0.7) { 1 } else { rng.random_range(1..20_000) });
        times.wall = times.wall.plus(pause);
        truth.pass(pause);
        for account in ACCOUNTS {
            if happens(&mut rng, 0.1) {
                truth.put_back(account, &mut rng);
            }
        }
    }
}

fn one_life(truth: &Arc<Truth>, life: u32, last: bool, times: &mut Times, rng: &mut StdRng) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let span = Duration::from_secs(rng.random_range(1..7200));
    runtime.block_on(async {
        let clock = Clock::virtual_at(times.wall);
        truth.begin_life(&clock);
        truth.step(What::Start, "daemon", String::new);
        let server = Arc::new(Server::new(truth, &clock, life));
        let (bell, jumps) = watch::channel(());
        let desk = Arc::<Desk>::default();
        let world = World {
            store: Arc::new(Disk::new(truth, life)),
            provider: Arc::clone(&server) as Arc<_>,
            credentials: Arc::new(CredentialEnv::default()),
            opener: Arc::new(NoBrowser),
            callback_listener: Arc::clone(&desk) as Arc<_>,
            runtime: None,
            clock: clock.clone(),
            randomness: Randomness::Seeded(truth.seed ^ u64::from(life)),
            audit: ringback::audit::AuditLog::default(),
        };
        if !last {
            ACCOUNTS
                .into_iter()
                .filter(|account| wants_login(truth, account, rng))
                .for_each(|account| log_in(truth, &server, account, &clock));
        }
        let timeout = Duration::from_secs(*pick(rng, &[10, 60, 600]));
        let redirect = |config: &AccountConfig| Some(redirect_uri(&config.name));
        let broker = Broker::start(Arc::new(config(timeout, truth.seed)), world, jumps, redirect).await;
        for account in ACCOUNTS {
            for number in 0..CALLERS {
                tokio::spawn(call(Arc::clone(truth), broker.clone(), clock.clone(), account, number, life));
            }
        }
        tokio::spawn(status::look(Arc::clone(truth), broker.clone(), life));
        if last {
            tokio::time::sleep(CALM).await;
            judge(truth, &broker).await;
        } else {
            for account in ACCOUNTS {
                let (truth, broker, clock) = (Arc::clone(truth), broker.clone(), clock.clone());
                let person = Person { truth, broker, clock, desk: Arc::clone(&desk), account, timeout };
                tokio::spawn(person.live(life));
            }
            tokio::spawn(locking::lock_and_unlock(Arc::clone(truth), broker.clone(), life));
            let mut shaking = truth.jitter(&format!("clocks {life}"));
            let shaken = Shaken { truth, clock: &clock, bell: &bell, server: &server, desk: &desk, broker: &broker };
            tokio::select! {
                () = shaken.shake(&mut shaking) => {}
                () = outage::outages(truth, &server, &broker, &clock, life) => {}
                () = tokio::time::sleep(span) => {}
            }
            if happens(rng, 0.5) { locking::stop(truth, &broker).await } else { killed(truth) }
        }
        times.wall = clock.now().wall;
        truth.end_life();
    });
    // Drops every task where it stands, like SIGKILL; writes in progress complete.
    drop(runtime);
}

fn killed(truth: &Truth) {
    truth.step(What::Crash, "daemon", String::new);
    truth.lose_uncommitted();
    for account in ACCOUNTS {
        if truth.with_disk(account, |disk, _| std::mem::take(&mut disk.uncommitted)) {
            truth.step(What::Forgotten, account, String::new);
            truth.with_grant(account, |grant, _| grant.unheard += 1);
        }
    }
}

/// Everything that a suspend or a clock jump affects.
struct Shaken<'a> {
    truth: &'a Truth,
    clock: &'a Clock,
    bell: &'a watch::Sender<()>,
    server: &'a Server,
    desk: &'a Desk,
    broker: &'a Broker,
}

impl Shaken<'_> {
    /// Suspends the machine and sets the clock at random times. Never ends.
    async fn shake(&self, rng: &mut StdRng) {
        let Self { truth, clock, .. } = *self;
        loop {
            tokio::time::sleep(Duration::from_secs(rng.random_range(60..7200))).await;
            if happens(rng, 0.6) {
                let span = Duration::from_secs(rng.random_range(5..12_000));
                clock.suspend(span);
                truth.slept(clock.now().boot.0);
                truth.step(What::Slept, "machine", || format!(" for {} s", span.as_secs()));
            } else {
                let ms = rng.random_range(-7_200_000..7_200_000);
                clock.jump_wall(ms);
                truth.skew(ms);
                truth.step(What::Jumped, "machine", || format!(" by {} s", ms / 1000));
            }
            self.server.forgive();
            self.bell.send_replace(());
            self.desk.look(truth, self.broker, clock).await;
        }
    }
}

/// A program that sends requests in a loop, with random parameters.
async fn call(truth: Arc<Truth>, broker: Broker, clock: Clock, account: &'static str, number: u32, life: u32) {
    let mut rng = truth.jitter(&format!("caller {account} {number} {life}"));
    loop {
        tokio::time::sleep(Duration::from_secs(rng.random_range(1..400))).await;
        if happens(&mut rng, 0.02) {
            truth.step(What::Reported, account, String::new);
            _ = broker.rejected(account).await;
            continue;
        }
        let query = TokenQuery {
            min_ttl: happens(&mut rng, 0.3).then(|| Duration::from_secs(rng.random_range(0..400))),
            wait: happens(&mut rng, 0.5).then(|| Duration::from_secs(rng.random_range(0..40))),
            target: None,
            proves_key: false,
        };
        if happens(&mut rng, 0.05) {
            // Hangs up while waiting.
            let patience = Duration::from_millis(rng.random_range(0..5000));
            if tokio::time::timeout(patience, broker.token(account, query)).await.is_err() {
                truth.step(What::Left, account, String::new);
            }
            continue;
        }
        let (valid_before, begun) = (truth.durable_and_valid(account), clock.now());
        let (locked, slots) = truth.with_gate(|gate, _| (gate.locked, gate.slots));
        // The default wait: ten seconds.
        let patience = query.wait.unwrap_or(Duration::from_secs(10)) + SLACK;
        let reply = broker.token(account, query).await;
        let waited = clock.now().boot.0.saturating_sub(begun.boot.0);
        let (same, stopped) = truth.with_gate(|gate, _| (gate.slots == slots, gate.stopped));
        if stopped {
            return;
        }
        if locked && same && reply.is_ok() {
            truth.violated(&format!("{account}: a token was served while the store was locked"));
        }
        match reply {
            Ok(reply) => truth.check_served(account, &reply.access_token),
            Err(error) => {
                truth.step(What::Refused, account, || format!(" ({})", error.code().row().name));
                if same && valid_before && truth.durable_and_valid(account) && !unread(&broker, account) {
                    truth.violated(&format!("{account}: a valid token was withheld: {error}"));
                }
            }
        }
        // A caller that was suspended with the machine has not waited longer by its own clock.
        if waited > patience && !truth.slept_since(begun.boot.0) {
            truth.violated(&format!("{account}: a caller waited {waited:?} instead of {patience:?}"));
        }
    }
}

fn unread(broker: &Broker, account: &str) -> bool {
    broker.account(account).is_ok_and(|view| view.state == AccountState::StoreUnavailable)
}

/// Whether the account needs a first login, or another one.
fn wants_login(truth: &Truth, account: &'static str, rng: &mut StdRng) -> bool {
    let older = truth.is_older(account) && happens(rng, 0.5);
    older || stored(truth, account).is_none_or(|record| record.needs_login.is_some())
}

fn stored(truth: &Truth, account: &'static str) -> Option<Record> {
    truth.with_disk(account, |disk, _| disk.bytes.clone()).map(|bytes| record::decode(&bytes).unwrap())
}

/// A login while the daemon is off: writes its record to the disk.
fn log_in(truth: &Truth, server: &Server, account: &'static str, clock: &Clock) {
    let (access, refresh, lifetime) = server.log_in(account);
    let now = clock.now().wall;
    let generation = truth.with_disk(account, |disk, _| disk.generation.max(disk.mark)) + 1;
    let tokens = TokenSet {
        access_token: Secret::new(access.clone()),
        refresh_token: Some(Secret::new(refresh)),
        scope: None,
        expiry: Expiry::At { wall: now.plus(lifetime), lifetime },
        obtained_at: now,
        dpop_key: None,
        extra: serde_json::Map::new(),
    };
    let binding = Binding { provider: "p".into(), token_url: "https://id.example/t".into(), client_id: "c".into() };
    let record = Record::new(binding, generation, tokens);
    truth.with_disk(account, |disk, _| {
        let bytes = record::encode(&record).unwrap().to_vec();
        disk.older.push(Copy::of(&record, &bytes));
        disk.bytes = Some(bytes);
        (disk.generation, disk.mark) = (generation, generation);
    });
    truth.kept(account, &access);
}

/// The final check, after hours without faults.
async fn judge(truth: &Truth, broker: &Broker) {
    for account in ACCOUNTS {
        let Some(record) = stored(truth, account) else { continue };
        let view = broker.account(account).unwrap();
        if truth.is_older(account) {
            if view.reason_code.as_deref() != Some("restored_from_backup") {
                truth.violated(&format!("{account}: was restored, and it is {:?} ({:?})", view.state, view.reason));
            }
            continue;
        }
        let (ended, unheard, current) =
            truth.with_grant(account, |grant, _| (grant.ended, grant.unheard, grant.current.clone()));
        let held = record.tokens.refresh_token.as_ref().map(|token| token.expose().to_owned()).unwrap_or_default();
        match (view.state, ended) {
            (AccountState::Active, None) => {
                if held != current {
                    truth.violated(&format!("{account}: has {held}, but the provider issued {current}"));
                }
                match broker.token(account, TokenQuery::default()).await {
                    Ok(reply) => truth.check_served(account, &reply.access_token),
                    Err(error) => truth.violated(&format!("{account}: failed without a fault: {error}")),
                }
            }
            // A grant can end only by revocation, or by a lost reply.
            (AccountState::NeedsLogin, Some("revoked")) => {}
            (AccountState::NeedsLogin, _) if unheard > 0 => {
                if matches!(
                    record.needs_login,
                    Some(LoginReason::NoRefreshToken | LoginReason::ConfigChanged | LoginReason::Damaged)
                ) {
                    truth.violated(&format!("{account}: the wrong reason: {:?}", record.needs_login));
                }
            }
            (state, ended) => truth.violated(&format!(
                "{account}: {state:?} ({:?}), though its grant is {ended:?} and {unheard} replies were not heard",
                view.reason
            )),
        }
    }
}

/// By the seed, an account is refreshed on demand, and its refresh token kept alive.
fn config(login_timeout: Duration, seed: u64) -> Config {
    let mut text = "[providers.p]\npreset = \"generic\"\nauthorize_url = \"https://id.example/a\"\n\
                    token_url = \"https://id.example/t\"\nclient_auth = \"none\"\n"
        .to_owned();
    for account in ACCOUNTS {
        write!(text, "[accounts.{account}]\nprovider = \"p\"\nclient_id = \"c\"\n").unwrap();
    }
    // These are keys of the last one.
    if seed.is_multiple_of(3) {
        text.push_str("lazy = true\n");
    }
    if seed.is_multiple_of(5) {
        text.push_str("refresh_at_least = \"20m\"\n");
    }
    let mut config = config::parse(&text, "/c.toml".as_ref(), FilePrivacy::Private, None).unwrap();
    config.serve.login_timeout = login_timeout;
    config
}

struct NoBrowser;

impl BrowserOpener for NoBrowser {
    fn open(&self, _: &StartUrl, _: Option<&[String]>) -> Result<(), BrowserNotOpened> {
        Err(BrowserNotOpened::NoBrowser)
    }
}
