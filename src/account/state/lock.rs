//! Locked store: the account keeps nothing in memory, and reads its record again after the unlock.

use super::effect::Effect;
use super::event::Event;
use super::machine::{Machine, MachineState, Phase};
use super::unknown_refusals::UnknownRefusals;

impl Machine {
    /// Drops all that the store keeps, but not while a commit is in progress: that comes first.
    pub(super) fn lock(&mut self) {
        if matches!(self.phase, Phase::Idle) {
            self.state = MachineState::Locked;
            self.trouble = None;
            self.unknown_refusals = UnknownRefusals::default();
        }
    }

    pub(super) fn while_locked(&mut self, event: Event) -> Effect {
        match event {
            Event::Unlocked => {
                self.state = MachineState::Unread;
                return Effect::Load;
            }
            Event::Reconfigured(policy) => self.policy = policy,
            // A grant could not be stored, so none was asked for.
            _ => {}
        }
        Effect::Rest
    }
}
