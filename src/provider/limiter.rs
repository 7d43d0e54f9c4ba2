//! The rate limiter: holds requests back before the provider has to refuse them. Pure: the time is an argument.
//!
//! The provider counts a request when it arrives, which is some time between its admission here and its reply. So a
//! request counts from its admission until the window's length after its reply: then no window at the provider ever
//! exceeds the limit, however slow the network.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::oauth::dialect::RateLimit;

/// Above this many windows, empty ones are evicted.
const MANY: usize = 64;

/// Requests with the same key are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct LimitKey {
    /// The provider.
    pub(super) authority: String,
    /// The client.
    pub(super) client_id: String,
    /// The endpoint; `None`: all of them.
    pub(super) endpoint: Option<String>,
}

/// The windows of all keys.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    windows: HashMap<LimitKey, LimitWindow>,
    /// The latest time so far: times that are read on different threads come in any order.
    latest: Duration,
}

#[derive(Debug, Default)]
struct LimitWindow {
    /// In flight: admitted and not answered yet.
    flying: usize,
    /// When other requests were answered, in order.
    answered: VecDeque<Duration>,
    /// The longest time for which one of them may count.
    longest: Duration,
}

impl Limiter {
    /// Admits a request if all of its limits allow it, and counts it against all of them; else returns how long it has
    /// to wait.
    pub(super) fn admit(&mut self, limits: &[(LimitKey, RateLimit)], now: Duration) -> Result<(), Duration> {
        let now = self.advance(now);
        let wait = |(key, limit): &(LimitKey, RateLimit)| {
            self.windows.get(key).map_or(Duration::ZERO, |w| w.wait(*limit, now))
        };
        let longest = limits.iter().map(wait).max().unwrap_or_default();
        if !longest.is_zero() {
            return Err(longest);
        }
        if self.windows.len() > MANY {
            self.windows.retain(|_, window| !window.is_idle(now));
        }
        for (key, limit) in limits {
            let window = self.windows.entry(key.clone()).or_default();
            window.longest = window.longest.max(limit.per);
            window.flying += 1;
        }
        Ok(())
    }

    /// The request was answered, or never will be.
    pub(super) fn answered(&mut self, limits: &[(LimitKey, RateLimit)], now: Duration) {
        let now = self.advance(now);
        for (key, _) in limits {
            if let Some(window) = self.windows.get_mut(key) {
                window.flying = window.flying.saturating_sub(1);
                window.forget(now);
                window.answered.push_back(now);
            }
        }
    }

    fn advance(&mut self, now: Duration) -> Duration {
        self.latest = self.latest.max(now);
        self.latest
    }
}

impl LimitWindow {
    /// How long until one more fits under `limit`.
    fn wait(&self, limit: RateLimit, now: Duration) -> Duration {
        let gone = self.answered.partition_point(|at| at.saturating_add(limit.per) <= now);
        let counted = self.flying + (self.answered.len() - gone);
        let most = usize::try_from(limit.most).unwrap_or(usize::MAX);
        let Some(over) = counted.checked_sub(most) else { return Duration::ZERO };
        // A request in flight still counts for its whole window.
        let last_to_go = self.answered.get(gone + over).copied().unwrap_or(now);
        last_to_go.saturating_add(limit.per).saturating_sub(now).max(Duration::from_millis(1))
    }

    fn forget(&mut self, now: Duration) {
        let gone = self.answered.partition_point(|at| at.saturating_add(self.longest) <= now);
        self.answered.drain(..gone);
    }

    fn is_idle(&mut self, now: Duration) -> bool {
        self.forget(now);
        self.flying == 0 && self.answered.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(endpoint: Option<&str>) -> LimitKey {
        LimitKey { authority: "p".into(), client_id: "c".into(), endpoint: endpoint.map(str::to_owned) }
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_wait_is_as_long_as_it_has_to_be() {
        let limits = [(key(None), RateLimit { most: 2, per: ms(100) })];
        let mut limiter = Limiter::default();
        assert_eq!(limiter.admit(&limits, ms(0)), Ok(()));
        limiter.answered(&limits, ms(10));
        assert_eq!(limiter.admit(&limits, ms(20)), Ok(()));
        assert_eq!(limiter.admit(&limits, ms(30)), Err(ms(80)), "until the first one's window ends");
        limiter.answered(&limits, ms(50));
        assert_eq!(limiter.admit(&limits, ms(109)), Err(ms(1)));
        assert_eq!(limiter.admit(&limits, ms(110)), Ok(()));
        assert_eq!(limiter.admit(&limits, ms(111)), Err(ms(39)));
        limiter.answered(&limits, ms(120));
        assert_eq!(limiter.admit(&limits, ms(60)), Err(ms(30)), "time does not go back");
    }

    #[test]
    fn a_request_that_one_limit_holds_back_does_not_count_for_the_other() {
        let (one, all) = (RateLimit { most: 1, per: ms(100) }, RateLimit { most: 2, per: ms(100) });
        let of = |endpoint| [(key(Some(endpoint)), one), (key(None), all)];
        let mut limiter = Limiter::default();
        assert_eq!(limiter.admit(&of("a"), ms(0)), Ok(()));
        for _ in 0..5 {
            assert!(limiter.admit(&of("a"), ms(1)).is_err());
        }
        assert_eq!(limiter.admit(&of("b"), ms(1)), Ok(()));
        assert!(limiter.admit(&of("c"), ms(1)).is_err(), "two of all");
    }

    #[test]
    fn memory_is_bounded_by_what_counts() {
        let mut limiter = Limiter::default();
        for n in 0..10_000_u64 {
            let limits = [(key(Some(&n.to_string())), RateLimit { most: 3, per: ms(10) })];
            assert_eq!(limiter.admit(&limits, ms(n)), Ok(()));
            limiter.answered(&limits, ms(n));
        }
        assert!(limiter.windows.len() <= MANY + 1, "{}", limiter.windows.len());
        let limits = [(key(None), RateLimit { most: 3, per: ms(10) })];
        for n in 10_000..20_000 {
            if limiter.admit(&limits, ms(n)).is_ok() {
                limiter.answered(&limits, ms(n));
            }
        }
        assert!(limiter.windows[&key(None)].answered.len() <= 3);
    }

    proptest! {
        /// `steps`: by how much the clock moves (back, too), whether a request is tried or one is answered,
        /// and when between the two it arrives.
        #[test]
        fn no_window_at_the_provider_holds_more_than_the_limit(
            most in 1_u32..5,
            per in 1_u64..200,
            steps in proptest::collection::vec((-40_i64..60, any::<bool>(), 0.0_f64..1.0), 1..300),
        ) {
            let per = ms(per);
            let limits = [(key(None), RateLimit { most, per })];
            let mut limiter = Limiter::default();
            let mut clock = 1000_u64;
            let (mut flying, mut arrived) = (VecDeque::new(), Vec::new());
            for (by, tries, part) in steps {
                clock = clock.saturating_add_signed(by);
                if tries {
                    if limiter.admit(&limits, ms(clock)).is_ok() {
                        flying.push_back(limiter.latest);
                    }
                } else if let Some(from) = flying.pop_front() {
                    limiter.answered(&limits, ms(clock));
                    arrived.push(from + limiter.latest.saturating_sub(from).mul_f64(part));
                }
            }
            arrived.extend(flying.iter().map(|_| limiter.latest));
            for begin in &arrived {
                let inside = arrived.iter().filter(|at| **at >= *begin && **at < *begin + per).count();
                prop_assert!(inside <= most as usize, "{inside} in {per:?} from {begin:?}");
            }
        }

        #[test]
        fn whoever_waits_as_long_as_told_is_let_through(most in 1_u32..5, per in 1_u64..200, gaps in proptest::collection::vec(0_u64..50, 1..50)) {
            let limits = [(key(None), RateLimit { most, per: ms(per) })];
            let mut limiter = Limiter::default();
            let mut now = ms(0);
            for gap in gaps {
                now += ms(gap);
                if let Err(wait) = limiter.admit(&limits, now) {
                    now += wait;
                    prop_assert_eq!(limiter.admit(&limits, now), Ok(()));
                }
                limiter.answered(&limits, now);
            }
        }
    }
}
