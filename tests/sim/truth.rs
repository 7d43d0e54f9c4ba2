//! What is really so, whatever the daemon believes: which tokens the provider honours, what lies on the disk, and
//! every step that was taken. The judge of the simulation.

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
/// What boot time a virtual clock begins with.
const BOOT: Duration = Duration::from_secs(1000);
/// How far a clock may be behind after a restart and is still believed.
const BELIEVED: Duration = Duration::from_secs(61);
/// No request takes longer.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);
/// How many steps are told when something does not hold.
const TOLD: usize = 60;

/// The judge. Everybody has it.
pub(crate) struct Truth {
    pub(crate) seed: u64,
    told: bool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Of the daemon's present life.
    clock: Option<Clock>,
    /// What lies before that life.
    before: Duration,
    grants: BTreeMap<&'static str, Grant>,
    disks: BTreeMap<&'static str, Disk>,
    counts: Counts,
    steps: VecDeque<String>,
    broken: Vec<String>,
    led_there: String,
    /// Everything works: no faults from here on.
    calm: bool,
    /// How far the wall clock is from the truth, in milliseconds.
    skew: i64,
    lives: u32,
    /// By boot time: the end of the last sleep.
    slept_at: Duration,
    gate: Gate,
}

/// What holds for all accounts at a time.
#[derive(Default)]
pub(crate) struct Gate {
    /// The store is locked, and the daemon has said so.
    pub(crate) locked: bool,
    /// How often somebody began or ended to lock or unlock it.
    pub(crate) slots: u32,
    /// The daemon was told to stop.
    pub(crate) stopping: bool,
    /// And has.
    pub(crate) stopped: bool,
    /// How everything fails at the provider, while it is out.
    pub(crate) outage: Option<Kind>,
    /// Nothing goes wrong until then.
    pub(crate) fair_until: Duration,
}

/// What the provider knows of one account.
#[derive(Default)]
pub(crate) struct Grant {
    pub(crate) current: String,
    /// Rotated away, and when.
    pub(crate) replaced: Vec<(String, Duration)>,
    /// When each access token ends.
    pub(crate) access: BTreeMap<String, Duration>,
    /// Over: revoked, or a refresh token was used twice.
    pub(crate) ended: Option<&'static str>,
    pub(crate) flying: u32,
    pub(crate) issued: u32,
    /// How often a reply never arrived whose request had been done.
    pub(crate) unheard: u32,
    /// What logins brought that the daemon has not kept, or not yet.
    pub(crate) brought: Vec<Brought>,
    /// Codes of the user's consent, and whether they were exchanged.
    pub(crate) codes: BTreeMap<String, bool>,
    /// The provider wants no request before that.
    pub(crate) wish: Duration,
}

/// What lies on the disk for one account.
#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) bytes: Option<Vec<u8>>,
    /// Nothing can be written until then.
    pub(crate) full_until: Duration,
    /// Every access token that was ever durable.
    pub(crate) kept: Vec<Kept>,
    pub(crate) generation: u64,
    /// The generation that was written last, kept elsewhere. 0: it got lost.
    pub(crate) mark: u64,
    /// What was durable before.
    pub(crate) older: Vec<Copy>,
    /// A token set came and could not be written yet: it lives in the daemon's memory alone.
    pub(crate) uncommitted: bool,
    /// The last write worked and said that it had failed.
    pub(crate) doubted: bool,
}

/// An access token on the disk.
pub(crate) struct Kept {
    pub(crate) token: String,
    /// How far the wall clock was off then.
    skew: i64,
    /// In which life.
    life: u32,
    /// When.
    at: Duration,
    /// The machine had slept just before: its reply may have slept with it, and the daemon counts that time as gone.
    slept: bool,
}

impl Inner {
    fn now(&self) -> Duration {
        let lived = self.clock.as_ref().map(|clock| clock.now().boot.0.saturating_sub(BOOT));
        self.before + lived.unwrap_or_default()
    }

    /// What the provider asked for is kept in memory only.
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

    /// The draws of one thing: those of another don't change them.
    pub(crate) fn jitter(&self, of: &str) -> StdRng {
        let mut hasher = DefaultHasher::new();
        (self.seed, of).hash(&mut hasher);
        StdRng::seed_from_u64(hasher.finish())
    }

    /// A life of the daemon begins, with clocks of its own: time goes on from where it was.
    pub(crate) fn begin_life(&self, clock: &Clock) {
        let mut inner = self.lock();
        inner.before = inner.now();
        inner.clock = Some(clock.clone());
        inner.lives += 1;
        inner.slept_at = Duration::ZERO;
        inner.gate = Gate::default();
        inner.forget_wishes();
    }

    /// The life is over; nobody runs. Has to be called while its clock still goes.
    pub(crate) fn end_life(&self) {
        let mut inner = self.lock();
        inner.before = inner.now();
        inner.clock = None;
    }

    /// What time it really is since the beginning, sleep included.
    pub(crate) fn now(&self) -> Duration {
        self.lock().now()
    }

    /// Time passes while nothing runs.
    pub(crate) fn pass(&self, span: Duration) {
        self.lock().before += span;
    }

    /// The wall clock was set. Who sets it forward ends what the provider asked for: a deadline passes with either clock.
    pub(crate) fn skew(&self, ms: i64) {
        let mut inner = self.lock();
        inner.skew += ms;
        if ms > 0 {
            inner.forget_wishes();
        }
    }

    /// The machine slept up to now, by this boot time.
    pub(crate) fn slept(&self, boot: Duration) {
        self.lock().slept_at = boot;
    }

    /// Whether it slept after this boot time.
    pub(crate) fn slept_since(&self, boot: Duration) -> bool {
        self.lock().slept_at > boot
    }

    /// An access token is on the disk.
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

    /// Whether nothing goes wrong at the moment.
    pub(crate) fn is_calm(&self) -> bool {
        let inner = self.lock();
        inner.calm || inner.now() < inner.gate.fair_until
    }

    pub(crate) fn with_gate<T>(&self, work: impl FnOnce(&mut Gate, Duration) -> T) -> T {
        let mut inner = self.lock();
        let now = inner.now();
        work(&mut inner.gate, now)
    }

    /// The store was locked: boot times are forgotten with all the rest, as by a restart of the machine.
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

    /// Whether the disk holds a token that is good for a while yet. A wall clock that was set forward since it
    /// came makes the daemon careful, and so does one that was set back and a restart: it can't know that the token is
    /// still good.
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

    /// A token was handed out.
    pub(crate) fn check_served(&self, account: &'static str, token: &str) {
        self.step(What::Served, account, || format!(" {token}"));
        let found = {
            let inner = self.lock();
            let kept = inner.disks.get(account).and_then(|disk| disk.kept.iter().find(|kept| kept.token == token));
            let grant = inner.grants.get(account);
            let end = grant.and_then(|grant| grant.access.get(token).copied());
            // Each life is one of the machine, too: its restart leaves nothing but the wall clock to go by, and that
            // was set back since; but not to before the time when the token came.
            let fooled = kept.is_some_and(|kept| {
                let back = Duration::from_millis(u64::try_from(kept.skew - inner.skew).unwrap_or(0));
                kept.life != inner.lives && !back.is_zero() && inner.now().saturating_sub(kept.at) + BELIEVED >= back
            });
            let over = !fooled && end.is_some_and(|end| end < inner.now());
            // What the provider took back before its time, nobody here can know.
            let taken_back = grant.is_some_and(|grant| grant.ended.is_some());
            (kept.is_some(), over, end.is_none() && !taken_back)
        };
        match found {
            (false, ..) => self.violated(&format!("{account}: {token} was served and is not on the disk")),
            (_, true, _) => self.violated(&format!("{account}: {token} was served after its end")),
            (.., true) => self.violated(&format!("{account}: {token} was served and nobody issued it")),
            _ => {}
        }
    }

    /// Notes what happened.
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

    /// Something that must hold does not.
    pub(crate) fn violated(&self, what: &str) {
        let mut inner = self.lock();
        let line = format!("at {:.1} s: {what}", inner.now().as_secs_f64());
        inner.steps.push_back(format!("!!! {what}"));
        // What led to the first is what matters.
        if inner.broken.is_empty() {
            inner.led_there = inner.steps.iter().cloned().collect::<Vec<_>>().join("\n");
        }
        inner.broken.push(line);
    }

    pub(crate) fn broken(&self) -> Vec<String> {
        self.lock().broken.iter().take(5).cloned().collect()
    }

    pub(crate) fn what_led_there(&self) -> String {
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
