//! While the store is locked an account holds nothing and does nothing: what was kept is read again once the
//! key is back.

use serde_json::Map;

use super::{Effect, Event, Machine, MachineState, Narrowed, Phase, UnknownRefusals};
use crate::account::login_history::LoginHistory;
use crate::account::view::{Snapshot, Standing};

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

impl Snapshot {
    /// The same account with the store locked.
    #[must_use]
    pub fn locked(&self) -> Self {
        Self {
            account: self.account.clone(),
            provider: self.provider.clone(),
            standing: Standing::Locked,
            token: None,
            refreshable: false,
            busy: false,
            next_attempt: None,
            soonest_attempt: self.soonest_attempt,
            trouble: None,
            refused_for_long: false,
            clock_behind: false,
            generation: 0,
            obtained_at: None,
            scope: None,
            identity: Map::new(),
            logins: LoginHistory::default(),
            login_soon: false,
            narrowed: Narrowed::default(),
            lost_scope: None,
        }
    }
}
