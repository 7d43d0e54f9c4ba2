//! Refusals of a kind that nobody here knows: a framework that is being deployed answers 404, a firewall 403, and some
//! providers say no in words of their own. One of them decides nothing. Many of them over a while, with no valid token
//! left, are told to the user; the refresh token stays, and is tried again now and then.

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

    /// Where no valid token is left and refusals of unknown kind are enough, the user is told. This is kept in memory
    /// only: the next run asks again.
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
