//! Failpoints (fault injection): named steps at which tests kill the process to see what survives (docs/security.md,
//! rule 28), and a provider timeout that is an hour long.
//!
//! Without the cargo feature `failpoints`, [`reach`] and [`patience`] do nothing, so a release contains none of this.

use std::time::Duration;

/// How long to wait for a provider: `usual`. With the feature `failpoints`, and with `RINGBACK_PATIENCE` set, for an
/// hour, which reveals anything that waits for a provider and must not.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) fn patience(usual: Duration) -> Duration {
    usual
}

/// How long to wait for a provider: `usual`. With the feature `failpoints`, and with `RINGBACK_PATIENCE` set, for an
/// hour, which reveals anything that waits for a provider and must not.
#[cfg(feature = "failpoints")]
pub(crate) fn patience(usual: Duration) -> Duration {
    if std::env::var_os("RINGBACK_PATIENCE").is_some() { Duration::from_secs(3600) } else { usual }
}

/// Marks a step. With the feature `failpoints`, and with `RINGBACK_FAILPOINT` set to `STEP` (or
/// `STEP:N`, the N-th time it is reached), the process ends here by SIGKILL: no destructor runs and no
/// buffer is flushed, as in a crash.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn reach(_step: &'static str) {}

/// Marks a step. With the feature `failpoints`, and with `RINGBACK_FAILPOINT` set to `STEP` (or
/// `STEP:N`, the N-th time it is reached), the process ends here by SIGKILL: no destructor runs and no
/// buffer is flushed, as in a crash.
#[cfg(feature = "failpoints")]
pub(crate) fn reach(step: &'static str) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static REACHED: AtomicU64 = AtomicU64::new(0);

    let Ok(wanted) = std::env::var("RINGBACK_FAILPOINT") else { return };
    let (name, count) = match wanted.split_once(':') {
        Some((name, count)) => (name, count.parse().unwrap_or(1)),
        None => (wanted.as_str(), 1),
    };
    if name != step || REACHED.fetch_add(1, Ordering::SeqCst).saturating_add(1) != count {
        return;
    }
    let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // The signal is pending now; nothing may happen after it. If it could not be sent, end all the same.
    if killed.is_err() {
        std::process::abort();
    }
    loop {
        std::thread::park();
    }
}
