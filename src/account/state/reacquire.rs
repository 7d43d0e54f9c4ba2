//! Reacquires tokens without a refresh token: with client credentials, or with a password from the config's source. A
//! request spends nothing, so no intent is stored before.

use super::committed::CommittedRecord;
use super::effect::{Effect, Priority, Renewal};
use super::machine::{Machine, MachineState, Means, Phase};
use super::policy::Reacquire;
use crate::account::login_reason::LoginReason;
use crate::account::schedule;
use crate::account::trouble::TroubleKind;
use crate::clock::Moment;
use crate::oauth::exchange::Target;
use crate::oauth::reply::{Refusal, RefusalSubject};

impl Machine {
    /// Whether `current` can be followed by another token without the user.
    pub(super) fn is_renewable(&self, current: &CommittedRecord) -> bool {
        current.record.tokens.refresh_token.is_some() || self.policy.reacquire != Reacquire::No
    }

    pub(super) fn begin_reacquire(&mut self, target: Option<Target>, priority: Priority, now: Moment) -> Effect {
        let allowed = match (self.policy.reacquire, &self.state) {
            (Reacquire::No, _) | (_, MachineState::Unread) => false,
            (Reacquire::Always, _) => true,
            (Reacquire::WhileActive, state) => {
                matches!(state, MachineState::Active(current) if current.record.binding.fits(&self.policy.binding))
            }
        };
        if !allowed {
            return Effect::Rest;
        }
        self.phase = Phase::Sending { sent_at: now, means: Means::Reacquire, target: target.clone() };
        let current = self.current().filter(|current| current.record.binding.fits(&self.policy.binding));
        let dpop_key = current.and_then(|current| current.record.tokens.dpop_key.clone());
        Effect::Send(Renewal { refresh_token: None, dpop_key, target, priority })
    }

    pub(super) fn refused_reacquire(&mut self, refusal: Refusal, now: Moment, jitter: f64) -> Effect {
        // A wrong password is not retried: providers lock accounts for that.
        if self.policy.reacquire == Reacquire::WhileActive && refusal.blame == RefusalSubject::Grant {
            self.needs_login(LoginReason::Refused { code: refusal.code });
            return Effect::Rest;
        }
        if refusal.blame == RefusalSubject::Unknown {
            return self.refused_for_unknown_reason(refusal, now, jitter);
        }
        let why = refusal.to_string();
        self.fail(TroubleKind::Refused(refusal.code), why, now, |_| schedule::refused_pause(jitter));
        Effect::Rest
    }

    /// The state of an account without usable tokens.
    pub(super) fn without_tokens(&self, otherwise: MachineState) -> MachineState {
        if self.policy.reacquire == Reacquire::Always { MachineState::Starting } else { otherwise }
    }
}
