//! While the store is locked an account holds nothing and does nothing: what was kept is read again once the
//! key is back.

use super::effect::Effect;
use super::event::Event;
use super::machine::{Machine, MachineState, Phase};
use super::unknown_refusals::UnknownRefusals;

impl Machine {
    /// Forgets all that the store keeps. Not while something is on its way there: that comes first.
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
            // Tokens that come now could not be kept, and so were never granted.
            _ => {}
        }
        Effect::Rest
    }
}
