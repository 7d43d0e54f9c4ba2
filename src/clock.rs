//! Time: the only module that reads a clock. Everything that decides gets a [`Moment`] as an argument.
//!
//! One clock is not enough: wall time jumps when somebody sets it, and the monotonic clock that tokio uses stops while
//! a machine sleeps. A [`Moment`] has wall time and boot time (which includes suspend), and expiry is decided by
//! whichever of the two is later.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::os;

/// The last millisecond that RFC 3339 can write: 9999-12-31T23:59:59.999Z.
pub(crate) const LAST_WRITABLE: i64 = 253_402_300_799_999;

/// Milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Wall(pub i64);

impl Wall {
    /// Whole seconds since the Unix epoch, as OAuth's `expires_at` counts them.
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment of so many whole seconds since the Unix epoch, saturating.
    pub fn of_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// This moment and `span` later, saturating.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This moment and `span` earlier, saturating.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The same moment for the standard library (log and file times).
    pub fn to_system(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }

    /// In UTC, with milliseconds (RFC 3339). What lies beyond the years that it can write is written as their end.
    pub fn rfc3339(self) -> String {
        humantime::format_rfc3339_millis(self.writable()).to_string()
    }

    /// The same in whole seconds.
    pub fn rfc3339_seconds(self) -> String {
        humantime::format_rfc3339_seconds(self.writable()).to_string()
    }

    /// What RFC 3339 says in UTC; `None` if it is something else, or before 1970.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let since = humantime::parse_rfc3339(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self(0).plus(since))
    }

    fn writable(self) -> SystemTime {
        Self(self.0.clamp(0, LAST_WRITABLE)).to_system()
    }
}

/// Time since the machine started, suspend included (`CLOCK_BOOTTIME` on Linux). Deadlines of things that are only in
/// memory are of this type: setting the wall clock neither shortens nor lengthens them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Boot(pub Duration);

impl Boot {
    /// This moment and `span` later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// How long until `later`; zero if it has passed.
    pub fn until(self, later: Self) -> Duration {
        later.0.saturating_sub(self.0)
    }

    /// Whether `deadline` has passed.
    pub fn reached(self, deadline: Self) -> bool {
        self >= deadline
    }
}

/// The id of one boot of the machine: boot times of the same boot can be compared, also by processes that run one after
/// the other.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct BootId(pub Arc<str>);

/// A reading of both clocks. As a deadline, it is for things that are also on disk, or that depend on those: only the
/// wall clock continues across boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Wall time.
    pub wall: Wall,
    /// Time since boot.
    pub boot: Boot,
}

impl Moment {
    /// Earlier than every other moment: it has always been reached.
    pub const EARLIEST: Self = Self { wall: Wall(i64::MIN), boot: Boot(Duration::ZERO) };

    /// A deadline that is reached by boot time alone, whatever the wall clock is set to.
    pub const fn by_boot(boot: Boot) -> Self {
        Self { wall: Wall(i64::MAX), boot }
    }

    /// Both clocks advanced by `span`.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self { wall: self.wall.plus(span), boot: self.boot.plus(span) }
    }

    /// Both clocks moved back by `span`.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self { wall: self.wall.minus(span), boot: Boot(self.boot.0.saturating_sub(span)) }
    }

    /// The later of the two on each clock: after a jump the clocks may disagree on which that is.
    #[must_use]
    pub fn latest(self, other: Self) -> Self {
        Self { wall: self.wall.max(other.wall), boot: self.boot.max(other.boot) }
    }

    /// The earlier of the two on each clock: reached as soon as one of the two is.
    #[must_use]
    pub fn earliest(self, other: Self) -> Self {
        Self { wall: self.wall.min(other.wall), boot: self.boot.min(other.boot) }
    }

    /// The time left until `deadline`, by the clock on which less is left.
    pub fn until(self, deadline: Self) -> Duration {
        deadline.wall.since(self.wall).min(self.boot.until(deadline.boot))
    }

    /// Whether `deadline` has passed on either clock.
    pub fn reached(self, deadline: Self) -> bool {
        self.until(deadline).is_zero()
    }
}

/// A span for people: `42 s`, `42 min`, `5 h`, `3 days`; in the largest unit of which there are at least two.
pub(crate) fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Where the time comes from.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clocks.
    #[default]
    System,
    /// Tokio's (pausable) clock plus jumps that a test sets.
    Virtual(Arc<Jumps>),
}

/// How far a [`Clock::Virtual`] was moved away from tokio's own time.
#[derive(Debug)]
pub struct Jumps {
    origin: tokio::time::Instant,
    wall_ms: AtomicI64,
    boot_ms: AtomicU64,
}

impl Clock {
    /// A clock for tests: starts at `wall` and follows tokio's time, paused or not.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn virtual_at(wall: Wall) -> Self {
        Self::Virtual(Arc::new(Jumps {
            origin: tokio::time::Instant::now(),
            wall_ms: AtomicI64::new(wall.0),
            boot_ms: AtomicU64::new(1_000_000),
        }))
    }

    /// Reads both clocks.
    pub fn now(&self) -> Moment {
        match self {
            Self::System => Moment { wall: system_wall(), boot: Boot(os::clock::since_boot()) },
            Self::Virtual(jumps) => jumps.now(),
        }
    }

    /// Wall time in whole seconds since the Unix epoch.
    pub(crate) fn unix_seconds(&self) -> i64 {
        self.now().wall.unix_seconds()
    }

    /// The boot that boot time is counted from, if it can be known.
    pub fn boot_id(&self) -> Option<BootId> {
        match self {
            Self::System => os::clock::boot_id().map(|id| BootId(id.into())),
            Self::Virtual(_) => None,
        }
    }

    /// How long the machine has slept since it started: a clear increase means that it slept in between, and not that
    /// somebody set a clock. Zero if the system does not tell.
    pub fn slept(&self) -> Duration {
        match self {
            Self::System => os::clock::slept().unwrap_or_default(),
            Self::Virtual(jumps) => Duration::from_millis(jumps.boot_ms.load(Ordering::Relaxed)),
        }
    }

    /// Simulates a change of the wall clock: it jumps by `ms`, boot time does not. No effect on system clocks.
    pub fn jump_wall(&self, ms: i64) {
        if let Self::Virtual(jumps) = self {
            jumps.wall_ms.fetch_add(ms, Ordering::Relaxed);
        }
    }

    /// Simulates sleep for `span`: wall and boot time continue, tokio's timers don't notice.
    pub fn suspend(&self, span: Duration) {
        if let Self::Virtual(jumps) = self {
            let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            jumps.boot_ms.fetch_add(ms, Ordering::Relaxed);
            jumps.wall_ms.fetch_add(i64::try_from(ms).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }
}

impl Jumps {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn now(&self) -> Moment {
        let run = tokio::time::Instant::now().saturating_duration_since(self.origin);
        let wall = Wall(self.wall_ms.load(Ordering::Relaxed)).plus(run);
        let boot = Duration::from_millis(self.boot_ms.load(Ordering::Relaxed)).saturating_add(run);
        Moment { wall, boot: Boot(boot) }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn system_wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn expiry_is_judged_by_the_clock_that_says_the_later() {
        let clock = Clock::virtual_at(Wall(1_000_000));
        let deadline = clock.now().plus(Duration::from_secs(100));
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(clock.now().until(deadline), Duration::from_secs(60));
        clock.jump_wall(30_000);
        assert_eq!(clock.now().until(deadline), Duration::from_secs(30), "the wall clock is ahead");
        clock.jump_wall(-3_600_000);
        assert_eq!(clock.now().until(deadline), Duration::from_secs(60), "a wall clock set back hides nothing");
        clock.suspend(Duration::from_secs(60));
        assert!(clock.now().reached(deadline), "sleep counts");
    }

    #[test]
    fn a_moment_is_written_whatever_it_is_and_read_again() {
        for (wall, written) in [
            (Wall(i64::MIN), "1970-01-01T00:00:00.000Z"),
            (Wall::of_unix_seconds(1_700_000_000).plus(Duration::from_millis(7)), "2023-11-14T22:13:20.007Z"),
            (Wall::of_unix_seconds(i64::MAX), "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(wall.rfc3339(), written);
            assert_eq!(wall.rfc3339_seconds(), format!("{}Z", written.split_once('.').unwrap().0));
            assert_eq!(Wall::parse_rfc3339(written), Some(Wall(wall.0.clamp(0, LAST_WRITABLE))));
        }
        assert_eq!(Wall::parse_rfc3339("today"), None);
    }

    #[test]
    fn spans_are_told_in_the_unit_that_fits() {
        let told = [0, 119, 120, 3_600, 7_199, 7_200, 172_799, 172_800].map(|s| in_words(Duration::from_secs(s)));
        assert_eq!(told, ["0 s", "119 s", "2 min", "60 min", "119 min", "2 h", "47 h", "2 days"]);
    }

    #[test]
    fn the_system_clocks_are_past_their_origins() {
        let now = Clock::System.now();
        assert!(now.wall > Wall(1_700_000_000_000) && now.boot.0 > Duration::ZERO);
    }
}
