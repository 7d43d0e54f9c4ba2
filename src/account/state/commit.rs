//! Commit protocol, the state machine's side: only a committed record replaces the current one.

use super::committed::CommittedRecord;
use super::effect::Effect;
use super::machine::{Machine, MachineState, Phase};
use super::unknown_refusals::UnknownRefusals;
use crate::account::login_reason::LoginReason;
use crate::account::record::EndsInBoot;
use crate::account::schedule;
use crate::account::trouble::TroubleKind;
use crate::clock::Moment;

impl Machine {
    /// Higher than every generation written before, also by a state folder that was replaced.
    pub(super) fn next_generation(&self) -> u64 {
        let newest = self.newest().map_or(0, |record| record.generation);
        self.stored.max(newest).saturating_add(1)
    }

    pub(super) fn ends_in_boot(&self, deadline: Option<Moment>) -> Option<EndsInBoot> {
        let (boot, at) = (self.boot.clone()?, deadline?.boot.0);
        Some(EndsInBoot { boot, at_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX) })
    }

    pub(super) fn commit(&mut self, next: Box<CommittedRecord>, needs_login: Option<LoginReason>) -> Effect {
        let record = Box::new(next.record.clone());
        self.phase = Phase::Committing { next, needs_login };
        Effect::Commit(record)
    }

    pub(super) fn commit_again(&mut self) -> Effect {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Uncommitted { next, needs_login, .. } => self.commit(next, needs_login),
            other => {
                self.phase = other;
                Effect::Rest
            }
        }
    }

    pub(super) fn committed(&mut self, result: Result<(), String>, now: Moment, jitter: f64) -> Effect {
        let (next, needs_login) = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Committing { next, needs_login } => (next, needs_login),
            other => {
                self.phase = other;
                return Effect::Rest;
            }
        };
        let token_is_new = self.current().is_none_or(|current| !current.has_same_token_as(&next));
        match result {
            Ok(()) => {
                let mut next = next;
                let asks = std::mem::take(&mut next.by_login) || token_is_new;
                self.trouble = next.trouble.take();
                self.unknown_refusals = UnknownRefusals::default();
                self.stored = next.record.generation;
                self.state = match needs_login {
                    None => MachineState::Active(*next),
                    Some(reason) => MachineState::NeedsLogin { reason, current: Some(*next) },
                };
                // The config may have changed before they were written.
                self.check_current();
                if asks && matches!(self.state, MachineState::Active(_)) {
                    return self.describe();
                }
            }
            Err(why) => {
                self.fail(TroubleKind::Store, why, now, |failures| schedule::pause(failures, jitter));
                let retry_at = self.trouble.as_ref().map_or(now, |trouble| trouble.retry_at);
                self.phase = Phase::Uncommitted { next, needs_login, retry_at };
            }
        }
        Effect::Rest
    }
}
