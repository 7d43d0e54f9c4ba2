//! Rejected tokens: a program reports that an API answered 401. That causes a refresh, unless the token is too new
//! for that to help.

use std::time::Duration;

use super::committed::CommittedRecord;
use super::effect::{Effect, Priority};
use super::machine::{Machine, MachineState};
use super::timing::FORCED_INTERVAL;
use crate::clock::Moment;
use crate::oauth::grant::Expiry;

/// A token that is younger than this is not refreshed because of a report, nor one of a short lifetime before half of
/// it. Otherwise an API that rejects every token of the account would cause refreshes without end.
const REJECTED_INTERVAL: Duration = Duration::from_secs(30);

impl Machine {
    pub(super) fn rejected(&mut self, now: Moment) -> Effect {
        match &self.state {
            MachineState::Active(_) if self.rejected_pause(now).is_zero() => {
                self.forced(FORCED_INTERVAL, Priority::Asked, now)
            }
            _ => Effect::Rest,
        }
    }

    /// How long reports have no effect, since the token is that new.
    pub(crate) fn rejected_pause(&self, now: Moment) -> Duration {
        let MachineState::Active(current) = &self.state else { return Duration::ZERO };
        let (age, lifetime) = current.age(now);
        let apart = lifetime.map_or(REJECTED_INTERVAL, |life| REJECTED_INTERVAL.min(life / 2)).max(FORCED_INTERVAL);
        let tried = self.last_attempt.map_or(Duration::ZERO, |last| now.until(last.plus(apart)));
        apart.saturating_sub(age).max(tried)
    }
}

impl CommittedRecord {
    /// The token's age and lifetime. By boot time where known: the wall clock may have been set back since.
    fn age(&self, now: Moment) -> (Duration, Option<Duration>) {
        let by_wall = now.wall.since(self.record.tokens.obtained_at);
        match (self.record.tokens.expiry, self.deadline) {
            (Expiry::At { lifetime, .. }, Some(deadline)) => {
                (by_wall.max(lifetime.saturating_sub(now.boot.until(deadline.boot))), Some(lifetime))
            }
            _ => (by_wall, None),
        }
    }
}
