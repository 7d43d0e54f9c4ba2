//! The sandbox's own clock: wall time, plus the time that a test has skipped.
//!
//! It shares nothing with the daemon's clock on purpose: a test can then move one of the two and watch how the other
//! side reacts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::options::millis;

/// Answers in Unix milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    skipped: AtomicU64,
}

impl Clock {
    /// Unix milliseconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one look at the wall clock in the sandbox, which must not follow the daemon's"
    )]
    pub(crate) fn now(&self) -> u64 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        millis(wall.unwrap_or_default()).saturating_add(self.skipped.load(Ordering::Relaxed))
    }

    /// Makes everything older by `span`.
    pub(crate) fn advance(&self, span: Duration) {
        self.skipped.fetch_add(millis(span), Ordering::Relaxed);
    }
}

/// ISO 8601 in UTC with milliseconds, as in Phone.com's `@time`.
pub(crate) fn timestamp(now: u64) -> String {
    // Clamped to the year 9999, the last that the formatter accepts.
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(now.min(253_402_300_799_000))).unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_millis(time).to_string()
}
