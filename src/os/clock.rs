//! The machine's clocks that include sleep and can't be set.

use std::time::Duration;

/// Time since the machine started, sleep included (but see [`Topic::BootClock`](super::support::Topic::BootClock)).
pub(crate) fn since_boot() -> Duration {
    system::since_boot()
}

/// The id of this boot of the machine; `None` if the system has none.
pub(crate) fn boot_id() -> Option<String> {
    system::boot_id()
}

/// How long the machine has slept since it started; `None` if the system does not tell.
pub(crate) fn slept() -> Option<Duration> {
    system::slept()
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn read(clock: rustix::time::ClockId) -> Duration {
    let now = rustix::time::clock_gettime(clock);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(target_os = "linux")]
mod system {
    use std::time::Duration;

    use rustix::time::ClockId;

    pub(super) fn since_boot() -> Duration {
        super::read(ClockId::Boottime)
    }

    pub(super) fn boot_id() -> Option<String> {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let id = id.trim();
        (!id.is_empty() && id.len() <= 64).then(|| id.to_owned())
    }

    /// `CLOCK_MONOTONIC` stops during sleep.
    #[expect(clippy::unnecessary_wraps, reason = "other systems do not tell")]
    pub(super) fn slept() -> Option<Duration> {
        let awake = super::read(ClockId::Monotonic);
        // Read one after the other: the time between the two readings is not sleep, but is counted.
        Some(since_boot().saturating_sub(awake))
    }
}

#[cfg(target_os = "macos")]
mod system {
    use std::time::Duration;

    use rustix::time::ClockId;

    /// On a Mac `CLOCK_MONOTONIC` includes sleep (`clock_gettime(3)`).
    pub(super) fn since_boot() -> Duration {
        super::read(ClockId::Monotonic)
    }

    pub(super) fn boot_id() -> Option<String> {
        None
    }

    pub(super) fn slept() -> Option<Duration> {
        None
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod system {
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    /// Since the first call, which is just as good: only differences count.
    #[expect(clippy::disallowed_methods, reason = "the system has no better clock")]
    pub(super) fn since_boot() -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }

    pub(super) fn boot_id() -> Option<String> {
        None
    }

    pub(super) fn slept() -> Option<Duration> {
        None
    }
}
