//! Keeps a hundred accounts from hammering a host that does not answer.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// After this many failures to reach an origin in a row, it is left alone for a while.
const BREAKS_AFTER: u32 = 3;
/// The first and the longest such while.
const BREAK_FIRST: Duration = Duration::from_secs(2);
const BREAK_LONGEST: Duration = Duration::from_secs(60);

/// One origin's. Times are since boot.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: AtomicU32,
    /// Milliseconds since boot until which nothing is sent.
    closed_until: AtomicU64,
}

impl Breaker {
    /// Whether something may be sent.
    pub(super) fn is_open_to_requests(&self, now: Duration) -> bool {
        now >= Duration::from_millis(self.closed_until.load(Ordering::Acquire))
    }

    /// Forgets every failure.
    pub(super) fn forgive(&self) {
        self.failures.store(0, Ordering::Release);
        self.closed_until.store(0, Ordering::Release);
    }

    /// How an attempt to reach the origin ended.
    pub(super) fn note(&self, failed: bool, now: Duration) {
        if !failed {
            return self.failures.store(0, Ordering::Release);
        }
        let failures = self.failures.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        if let Some(over) = failures.checked_sub(BREAKS_AFTER) {
            let pause = BREAK_FIRST.saturating_mul(1 << over.min(8)).min(BREAK_LONGEST);
            self.closed_until.store(u64::try_from((now + pause).as_millis()).unwrap_or(u64::MAX), Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_does_not_answer_is_left_alone_for_longer_and_longer_until_it_does() {
        let breaker = Breaker::default();
        let mut now = Duration::from_secs(100);
        for _ in 0..2 {
            breaker.note(true, now);
            assert!(breaker.is_open_to_requests(now));
        }
        for pause in [2, 4, 8, 16, 32, 60, 60] {
            breaker.note(true, now);
            assert!(!breaker.is_open_to_requests(now + Duration::from_millis(1000 * pause - 1)));
            now += Duration::from_secs(pause);
            assert!(breaker.is_open_to_requests(now), "after {pause} s");
        }
        breaker.note(false, now);
        breaker.note(true, now);
        assert!(breaker.is_open_to_requests(now));
        breaker.note(true, now);
        breaker.note(true, now);
        assert!(!breaker.is_open_to_requests(now));
        breaker.forgive();
        assert!(breaker.is_open_to_requests(now));
    }
}
