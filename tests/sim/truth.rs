//! The true state, independent of the daemon: the tokens that the provider accepts, the content of the disk, and every
//! step that was taken. Invariants are checked against it.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use ringback::clock::Clock;

use crate::brought::Brought;
use crate::counts::{Counts, What};
use crate::older::Copy;
use crate::outage::Kind;

/// The accounts of every seed.
pub(crate) const ACCOUNTS: [&str; 2] = ["work", "home"];
/// The initial boot time of a virtual clock.
const BOOT: Duration = Duration::from_secs(1000);
/// How far a clock may be behind after a restart and still be trusted.
const BELIEVED: Duration = Duration::from_secs(61);
/// The longest duration of a request.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);
/// How many steps are printed after a violation.
const TOLD: usize = 60;

/// The true state, shared by all parts of the simulation.
pub(crate) struct Truth {
    pub(crate) seed: u64,
    told: bool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The clock of the daemon's current run.
    clock: Option<Clock>,
    /// The time before that run.
    before: Duration,
    grants: BTreeMap<&'static str, Grant>,
    disks: BTreeMap<&'static str, Disk>,
    counts: Counts,
    steps: VecDeque<String>,
    broken: Vec<String>,
    led_there: String,
    /// No faults from here on.
    calm: bool,
    /// How far the wall clock is off, in milliseconds.
    skew: i64,
    lives: u32,
    /// The boot time at the end of the last suspend.
    slept_at: Duration,
    gate: Gate,
}

/// State that all accounts share.
#[derive(Default)]
pub(crate) struct Gate {
    /// The store is locked, and the daemon has confirmed it.
    pub(crate) locked: bool,
    /// How many times a lock or unlock started or ended.
    pub(crate) slots: u32,
    /// The daemon was told to stop.
    pub(crate) stopping: bool,
    /// The daemon has stopped.
    pub(crate) stopped: bool,
    /// The current outage of the provider, if any.
    pub(crate) outage: Option<Kind>,
    /// No faults until this time.
    pub(crate) fair_until: Duration,
}

/// The provider's state of one account.
#[derive(Default)]
pub(crate) struct Grant {
    pub(crate) current: String,
    /// Replaced refresh tokens, with their time of replacement.
    pub(crate) replaced: Vec<(String, Duration)>,
    /// The expiry of each access token.
    pub(crate) access: BTreeMap<String, Duration>,
    /// Why the grant ended: revoked, or a refresh token was reused.
    pub(crate) ended: Option<&'static str>,
    pub(crate) flying: u32,
    pub(crate) issued: u32,
    /// How many times the reply to a completed request was lost.
    pub(crate) unheard: u32,
    /// Grants of logins that the daemon has not stored, or not yet.
    pub(crate) brought: Vec<Brought>,
    /// Authorization codes, and whether they were exchanged.
    pub(crate) codes: BTreeMap<String, bool>,
    /// The end of the provider's `Retry-After`.
    pub(crate) wish: Duration,
}

/// The disk's state of one account.
#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) bytes: Option<Vec<u8>>,
    /// The disk is full until this time.
    pub(crate) full_until: Duration,
    /// Every access token that was ever durable.
    pub(crate) kept: Vec<Kept>,
    pub(crate) generation: u64,
    /// The high-water mark: the last written generation. 0: it was lost.
    pub(crate) mark: u64,
    /// Earlier durable records.
    pub(crate) older: Vec<Copy>,
    /// A received token set could not be written yet: it exists only in the daemon's memory.
    pub(crate) uncommitted: bool,
    /// The last write succeeded and reported failure.
    pub(crate) doubted: bool,
}

/// An access token on the disk.
pub(crate) struct Kept {
    pub(crate) token: String,
    /// How far the wall clock was off at that time.
    skew: i64,
    /// The daemon's run.
    life: u32,
    /// The time of the write.
    at: Duration,
    /// The machine was suspended just before, perhaps during the request: the daemon counts that time as elapsed.
    slept: bool,
}

impl Inner {
    fn now(&self) -> Duration {
        let lived = self.clock.as_ref().map(|clock| clock.now().boot.0.saturating_sub(BOOT));
        self.before + lived.unwrap_or_default()
    }

    /// A `Retry-After` is kept in memory only.
    fn forget_wishes(&mut self) {
        self.grants.values_mut().for_each(|grant| grant.wish = Duration::ZERO);
    }
}

impl Truth {
    pub(crate) fn new(seed: u64, told: bool) -> Self {
        Self { seed, told, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The random choices for `of`, independent of all others.
    pub(crate) fn jitter(&self, of: &str) -> StdRng {
        let mut hasher = DefaultHasher::new();
        (self.seed, of).hash(&mut hasher);
        StdRng::seed_from_u64(hasher.finish())
    }

    /// Starts a run of the daemon with a new clock: time continues from where it was.
    pub(crate) fn begin_life(&self, clock: &Clock) {
        let mut inner = self.lock();
        inner.before = inner.now();
        inner.clock = Some(clock.clone());
        inner.lives += 1;
        inner.slept_at = Duration::ZERO;
        inner.gate = Gate::default();
        inner.forget_wishes();
    }

    /// Ends the run. Must be called while its clock still runs.
    pub(crate) fn end_life(&self) {
        let mut inner = self.lock();
        inner.before = inner.now();
        inner.clock = None;
    }

    /// The true time since the beginning, including suspends.
    pub(crate) fn now(&self) -> Duration {
        self.lock().now()
    }

    /// Lets time pass while nothing runs.
    pub(crate) fn pass(&self, span: Duration) {
        self.lock().before += span;
    }

    /// The wall clock was set. A `Retry-After` is counted by the boot clock, and not changed.
    pub(crate) fn skew(&self, ms: i64) {
        self.lock().skew += ms;
    }

    /// The machine was suspended until now; `boot` is the boot time.
    pub(crate) fn slept(&self, boot: Duration) {
        self.lock().slept_at = boot;
    }

    /// Whether the machine was suspended after this boot time.
    pub(crate) fn slept_since(&self, boot: Duration) -> bool {
        self.lock().slept_at > boot
    }

    /// An access token was written to disk.
    pub(crate) fn kept(&self, account: &'static str, token: &str) {
        let mut inner = self.lock();
        let (skew, life, at) = (inner.skew, inner.lives, inner.now());
        let boot = inner.clock.as_ref().map_or(Duration::MAX, |clock| clock.now().boot.0);
        let slept = !inner.slept_at.is_zero() && boot.saturating_sub(inner.slept_at) < LONGEST_REQUEST;
        let kept = &mut inner.disks.entry(account).or_default().kept;
        if !kept.iter().any(|kept| kept.token == token) {
            kept.push(Kept { token: token.to_owned(), skew, life, at, slept });
        }
    }

    pub(crate) fn become_calm(&self) {
        self.lock().calm = true;
    }

    /// Whether there are no faults at the moment.
    pub(crate) fn is_calm(&self) -> bool {
        let inner = self.lock();
        inner.calm || inner.now() < inner.gate.fair_until
    }

    pub(crate) fn with_gate<T>(&self, work: impl FnOnce(&mut Gate, Duration) -> T) -> T {
        let mut inner = self.lock();
        let now = inner.now();
        work(&mut inner.gate, now)
    }

    /// The store was locked: the daemon forgets boot times with everything else, as after a reboot.
    pub(crate) fn forgot(&self) {
        let mut inner = self.lock();
        inner.lives += 1;
        inner.forget_wishes();
    }

    pub(crate) fn with_grant<T>(&self, account: &'static str, work: impl FnOnce(&mut Grant, Duration) -> T) -> T {
        let mut inner = self.lock();
        let now = inner.now();
        work(inner.grants.entry(account).or_default(), now)
    }

    pub(crate) fn with_disk<T>(&self, account: &'static str, work: impl FnOnce(&mut Disk, Duration) -> T) -> T {
        let mut inner = self.lock();
        let now = inner.now();
        work(inner.disks.entry(account).or_default(), now)
    }

    /// Whether the disk holds a token that stays valid for a while. If the wall clock was set forward since it
    /// arrived, or set back before a restart, the result is false: the daemon can't know that the token is
    /// still valid.
    pub(crate) fn durable_and_valid(&self, account: &'static str) -> bool {
        let inner = self.lock();
        let (Some(disk), Some(grant)) = (inner.disks.get(account), inner.grants.get(account)) else { return false };
        if disk.generation < disk.mark {
            return false;
        }
        let Some(newest) = disk.bytes.as_ref().and_then(|_| disk.kept.last()) else { return false };
        let end = grant.access.get(&newest.token);
        let comparable = inner.skew == newest.skew || newest.life == inner.lives && inner.skew < newest.skew;
        comparable && !newest.slept && end.is_some_and(|end| *end > inner.now() + Duration::from_secs(2))
    }

    /// A token was served.
    pub(crate) fn check_served(&self, account: &'static str, token: &str) {
        self.step(What::Served, account, || format!(" {token}"));
        let found = {
            let inner = self.lock();
            let kept = inner.disks.get(account).and_then(|disk| disk.kept.iter().find(|kept| kept.token == token));
            let grant = inner.grants.get(account);
            let end = grant.and_then(|grant| grant.access.get(token).copied());
            // Each run is also a boot of the machine. After a reboot only the wall clock is left, which may have
            // been set back, though not to before the token arrived.
            let fooled = kept.is_some_and(|kept| {
                let back = Duration::from_millis(u64::try_from(kept.skew - inner.skew).unwrap_or(0));
                kept.life != inner.lives && !back.is_zero() && inner.now().saturating_sub(kept.at) + BELIEVED >= back
            });
            let over = !fooled && end.is_some_and(|end| end < inner.now());
            // The daemon can't know that the provider revoked a token before its expiry.
            let taken_back = grant.is_some_and(|grant| grant.ended.is_some());
            (kept.is_some(), over, end.is_none() && !taken_back)
        };
        match found {
            (false, ..) => self.violated(&format!("{account}: {token} was served and is not on the disk")),
            (_, true, _) => self.violated(&format!("{account}: {token} was served after its end")),
            (.., true) => self.violated(&format!("{account}: {token} was served, but was never issued")),
            _ => {}
        }
    }

    /// Records an event.
    pub(crate) fn step(&self, what: What, of: &str, detail: impl FnOnce() -> String) {
        let mut inner = self.lock();
        inner.counts.count(what);
        let line = format!("{:>9.1} s  {of}: {}{}", inner.now().as_secs_f64(), what.name(), detail());
        if self.told {
            println!("{line}");
        }
        inner.steps.push_back(line);
        if inner.steps.len() > TOLD {
            inner.steps.pop_front();
        }
    }

    /// Records the violation of an invariant.
    pub(crate) fn violated(&self, what: &str) {
        let mut inner = self.lock();
        let line = format!("at {:.1} s: {what}", inner.now().as_secs_f64());
        inner.steps.push_back(format!("!!! {what}"));
        // Only the steps before the first violation matter.
        if inner.broken.is_empty() {
            inner.led_there = inner.steps.iter().cloned().collect::<Vec<_>>().join("\n");
        }
        inner.broken.push(line);
    }

    pub(crate) fn broken(&self) -> Vec<String> {
        self.lock().broken.iter().take(5).cloned().collect()
    }

    pub(crate) fn last_steps(&self) -> String {
        self.lock().led_there.clone()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts.clone()
    }

    pub(crate) fn summary(&self) -> String {
        let inner = self.lock();
        let grants: Vec<String> =
            inner.grants.iter().map(|(name, grant)| format!("{name} {} {:?}", grant.issued, grant.ended)).collect();
        format!("{}; {}", inner.counts, grants.join(", "))
    }
}
