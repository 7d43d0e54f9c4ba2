//! State machine of an account: `(Event, Moment) -> Effect`. It is told what happened and when, and says what to do
//! next; the broker's task does it and reports back.
//!
//! Guarantees (from its shape, shown by its tests):
//! - at most one refresh is in flight: after [`Effect::Send`] nothing is sent until its answer is in;
//! - nothing is visible before it is committed: only [`Event::Committed`] replaces the current record;
//! - the refresh token is kept until a new login or a logout, even when the provider refuses it;
//! - there is a pause between any two attempts.
//!
//! This file dispatches events. `machine` holds the data, `timing` when to ask, `trigger` what causes an attempt,
//! `attempt` its begin, `outcome` its end, `grant` new tokens, `commit` the commit protocol, and `load` what the store
//! holds.

mod attempt;
mod commit;
mod committed;
mod describe;
mod downscope;
mod effect;
mod event;
mod grant;
mod load;
mod lock;
mod logout;
mod machine;
mod outcome;
mod partial;
mod policy;
mod reacquire;
mod rejected;
mod snapshot;
mod timing;
mod trigger;
mod unexplained;
mod unknown_refusals;

pub use self::effect::Priority;
pub(crate) use self::effect::{Effect, Renewal};
pub use self::event::RefreshOutcome;
pub(crate) use self::event::{Event, StoreTrouble};
pub(crate) use self::machine::Machine;
use self::machine::MachineState;
pub(crate) use self::policy::{Policy, Reacquire, RefreshPlan};
use self::timing::FORCED_INTERVAL;
use crate::clock::Moment;

impl Machine {
    /// Takes in what happened. `jitter` is a random number in `[0, 1)`.
    pub(crate) fn step(&mut self, event: Event, now: Moment, jitter: f64) -> Effect {
        if matches!(self.state, MachineState::Locked) {
            return self.while_locked(event);
        }
        self.not_before.take_if(|retry_after| now.boot.reached(*retry_after));
        match event {
            Event::Locked => self.lock(),
            Event::Loaded(record, mark) => self.loaded(record, mark, now),
            Event::NotLoaded(trouble) => self.not_loaded(trouble, now, jitter),
            Event::Reconfigured(policy) => self.reconfigured(policy, now),
            Event::Noted | Event::Unlocked => {}
            Event::Stopping => return self.commit_again(),
            Event::Prepared(result) => return self.prepared(result, now, jitter),
            Event::Answered(answer) => return self.answered(answer, now, jitter),
            Event::Committed(result) => return self.committed(result, now, jitter),
            Event::Described(described) => return self.described(described, now),
            Event::Removed(result) => self.removed(result, now, jitter),
            Event::LoggedIn(grant, description, age) => {
                return self.logged_in(*grant, description, now.minus(age), now, jitter);
            }
            Event::LogOut => return self.log_out(),
            Event::Timer => return self.timer(now),
            Event::Woken => self.woken(now, jitter),
            Event::Recovered => self.recovered(now, jitter),
            Event::Wanted(ttl) => return self.wanted(ttl, now),
            Event::Narrow(target, ttl) => return self.narrow(*target, ttl, now),
            Event::Forced => return self.forced(FORCED_INTERVAL, Priority::Person, now),
            Event::Rejected => return self.rejected(now),
        }
        Effect::Rest
    }
}

#[cfg(test)]
mod tests;
