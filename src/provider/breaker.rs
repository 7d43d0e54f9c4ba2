//! A circuit breaker for each host: keeps a hundred accounts from hammering a host that does not answer, or that
//! answers 5xx.
//!
//! While it is closed, every request passes. Some failures in a row open it: one request at a time then passes as a
//! probe, scheduled with exponential backoff, and every second while a program waits for a token. A person's requests
//! always pass. The first answer closes it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::account::state::Priority;

/// The number of failures in a row that open it.
const OPENS_AFTER: u32 = 3;
/// The first and the longest pause before a planned probe.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The pause before a probe for a program that waits.
const ASKED_PAUSE: Duration = Duration::from_secs(1);

/// The circuit breaker of one origin. Times are since boot.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<BreakerState>);

#[derive(Debug, Default)]
struct BreakerState {
    failures: u32,
    /// The last failure.
    why: String,
    /// The earliest times of the next probe: of a scheduled one, and of one for a program that waits.
    planned_at: Duration,
    asked_at: Duration,
    /// A probe is in flight.
    probing: bool,
}

/// The circuit is open: the request does not pass.
#[derive(Debug, PartialEq, Eq)]
pub struct CircuitOpen {
    /// One clause.
    pub why: String,
    /// When a request for a program that waits may pass.
    pub probe_in: Duration,
}

/// A request that passes. Dropped without [`Passing::ended`], it says nothing about the host.
#[derive(Debug)]
pub struct Passing<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Breaker {
    fn state(&self) -> MutexGuard<'_, BreakerState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a request pass, unless the circuit is open.
    pub fn admit(&self, priority: Priority, now: Duration) -> Result<Passing<'_>, CircuitOpen> {
        let mut state = self.state();
        let probe = state.failures >= OPENS_AFTER && priority != Priority::Person;
        if probe {
            let at = match priority {
                Priority::Planned => state.planned_at,
                Priority::Asked => state.asked_at,
                Priority::Person => Duration::ZERO,
            };
            if state.probing || now < at {
                let why = format!("its host is failing, and requests to it are paused ({})", state.why);
                // The duration of a probe is unknown. Its success wakes the other accounts of the host.
                let probe_in = if state.probing { ASKED_PAUSE } else { state.asked_at.saturating_sub(now) };
                return Err(CircuitOpen { why, probe_in });
            }
            state.probing = true;
        }
        Ok(Passing { breaker: self, probe })
    }

    /// Closes it: the network may be back, or the config may have changed.
    pub fn forgive(&self) {
        *self.state() = BreakerState::default();
    }
}

impl Passing<'_> {
    /// `failure`: why the host did not answer, or could not do what was asked. One clause.
    pub fn ended(self, failure: Option<String>, now: Duration) {
        let mut state = self.breaker.state();
        let Some(why) = failure else {
            *state = BreakerState { probing: state.probing, ..BreakerState::default() };
            return;
        };
        state.why = why;
        state.failures = state.failures.saturating_add(1);
        let over = state.failures.saturating_sub(OPENS_AFTER);
        let pause = FIRST_PAUSE.saturating_mul(1 << over.min(8)).min(LONGEST_PAUSE);
        (state.planned_at, state.asked_at) = (now.saturating_add(pause), now.saturating_add(ASKED_PAUSE));
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.breaker.state().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn fail(breaker: &Breaker, priority: Priority, now: Duration) {
        breaker.admit(priority, now).expect("it passes").ended(Some("no reply".into()), now);
    }

    #[test]
    fn a_host_that_does_not_answer_is_left_alone_for_longer_and_longer_until_it_does() {
        let breaker = Breaker::default();
        let mut now = ms(100_000);
        for _ in 0..OPENS_AFTER {
            fail(&breaker, Priority::Planned, now);
        }
        for pause in [2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000] {
            let open = breaker.admit(Priority::Planned, now + ms(pause - 1)).unwrap_err();
            let why = "its host is failing, and requests to it are paused (no reply)".into();
            assert_eq!(open, CircuitOpen { why, probe_in: Duration::ZERO });
            now += ms(pause);
            fail(&breaker, Priority::Planned, now);
        }
        now += ms(60_000);
        breaker.admit(Priority::Planned, now).unwrap().ended(None, now);
        for _ in 0..OPENS_AFTER {
            fail(&breaker, Priority::Planned, now);
        }
        assert!(breaker.admit(Priority::Planned, now).is_err());
        breaker.forgive();
        assert!(breaker.admit(Priority::Planned, now).is_ok());
    }

    #[test]
    fn who_waits_may_probe_every_second_and_one_probe_is_on_its_way_at_a_time() {
        let breaker = Breaker::default();
        for _ in 0..10 {
            if let Ok(passing) = breaker.admit(Priority::Asked, ms(0)) {
                passing.ended(Some(String::new()), ms(0));
            }
        }
        let probe_in = |now| breaker.admit(Priority::Asked, now).unwrap_err().probe_in;
        assert_eq!(probe_in(ms(999)), ms(1));
        let probe = breaker.admit(Priority::Asked, ms(1000)).unwrap();
        assert_eq!(probe_in(ms(9000)), ms(1000), "one at a time");
        assert!(breaker.admit(Priority::Person, ms(9000)).is_ok(), "but for a person");
        drop(probe);
        let probe = breaker.admit(Priority::Asked, ms(9000)).expect("one that was called off tells nothing");
        probe.ended(None, ms(9001));
        for _ in 0..100 {
            std::mem::forget(breaker.admit(Priority::Planned, ms(9001)).expect("closed"));
        }
    }
}
