//! Logout: deletes what is stored.

use super::effect::Effect;
use super::machine::{Machine, MachineState, Phase};
use crate::account::schedule;
use crate::account::trouble::TroubleKind;
use crate::clock::Moment;

impl Machine {
    pub(super) fn log_out(&mut self) -> Effect {
        // A record that was not read is not deleted: another key may open it.
        if matches!(self.state, MachineState::Unread) {
            return Effect::Rest;
        }
        let before = Box::new(std::mem::replace(&mut self.phase, Phase::Idle));
        self.phase = Phase::Removing { before };
        Effect::Remove
    }

    pub(super) fn removed(&mut self, result: Result<(), String>, now: Moment, jitter: f64) {
        let before = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Removing { before } => before,
            other => return self.phase = other,
        };
        match result {
            Ok(()) => {
                self.trouble = None;
                // A copy of the deleted record is older than the deletion.
                self.stored = self.stored.saturating_add(1);
                self.state = MachineState::SignedOut;
                return;
            }
            Err(why) => self.fail(TroubleKind::Store, why, now, |failures| schedule::pause(failures, jitter)),
        }
        self.phase = *before;
    }
}
