//! Refusals of unknown kind: a provider that is being deployed answers 404, a firewall 403, and some providers have
//! their own error codes. A single one decides nothing. After many of them over a while without a valid token, the
//! user is told; the refresh token is kept and still tried now and then.

use super::effect::Effect;
use super::machine::{Machine, MachineState};
use crate::account::login_reason::LoginReason;
use crate::account::schedule;
use crate::account::trouble::TroubleKind;
use crate::clock::Moment;
use crate::oauth::reply::Refusal;

impl Machine {
    /// The next attempt comes with a backoff, as after any failure.
    pub(super) fn refused_for_unknown_reason(&mut self, refusal: Refusal, now: Moment, jitter: f64) -> Effect {
        self.unknown_refusals.add(now.boot);
        let (enough, beyond) = (self.unknown_refusals.are_enough(), self.unknown_refusals.beyond());
        let why = refusal.to_string();
        self.fail(TroubleKind::Unexplained(refusal.code), why, now, |failures| {
            if enough { schedule::unexplained_pause(beyond, jitter) } else { schedule::pause(failures, jitter) }
        });
        self.report_unexplained(now);
        self.note()
    }

    /// Tells the user once there were enough of them and no valid token is left. In memory only: the next run asks
    /// again.
    pub(super) fn report_unexplained(&mut self, now: Moment) {
        let MachineState::Active(current) = &self.state else { return };
        let expired = current.deadline.is_none_or(|deadline| now.reached(deadline));
        let Some(trouble) = self.trouble.as_ref().filter(|_| expired && self.unknown_refusals.are_enough()) else {
            return;
        };
        if let TroubleKind::Unexplained(code) = &trouble.kind {
            self.needs_login(LoginReason::Unexplained { code: code.clone(), said: trouble.why.clone() });
        }
    }
}
