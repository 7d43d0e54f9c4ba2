//! Refusals of a kind that nobody here knows: a framework that is being deployed answers 404, a firewall 403, and some
//! providers say no in words of their own. One of them decides nothing. Many of them over a while, with no valid token
//! left, are told to the user; the refresh token stays, and is tried again now and then.

use std::time::Duration;

use super::{Effect, Machine, MachineState, TroubleKind};
use crate::account::record::LoginReason;
use crate::account::schedule;
use crate::clock::{Boot, Moment};
use crate::oauth::reply::Refusal;

/// So many refusals, over so long, are told to the user.
const ENOUGH: u32 = 5;
const LONG_ENOUGH: Duration = Duration::from_secs(600);
/// What the time between two of them may add at the most: nobody asked while the machine slept.
const LONGEST_GAP: Duration = Duration::from_secs(300);

/// The refusals of unknown kind since the last token.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::account) struct UnknownRefusals {
    count: u32,
    /// Over how long they came, long gaps cut short.
    span: Duration,
    last: Option<Boot>,
}

impl UnknownRefusals {
    fn add(&mut self, now: Boot) {
        let gap = self.last.map_or(Duration::ZERO, |last| last.until(now));
        self.count = self.count.saturating_add(1);
        self.span = self.span.saturating_add(gap.min(LONGEST_GAP));
        self.last = Some(now);
    }

    pub(in crate::account) fn are_enough(self) -> bool {
        self.count >= ENOUGH && self.span >= LONG_ENOUGH
    }

    /// How many came after they were enough.
    fn beyond(self) -> u32 {
        self.count.saturating_sub(ENOUGH)
    }
}

impl Machine {
    /// The next attempt comes with a backoff, as after any failure.
    pub(super) fn refused_for_unknown_reason(&mut self, refusal: Refusal, now: Moment, jitter: f64) -> Effect {
        self.unknown_refusals.add(now.boot);
        let (enough, beyond) = (self.unknown_refusals.are_enough(), self.unknown_refusals.beyond());
        let why = refusal.to_string();
        self.fail(TroubleKind::Unexplained(refusal.code), why, now, |failures| {
            if enough { schedule::unexplained_pause(beyond, jitter) } else { schedule::pause(failures, jitter) }
        });
        self.tell_unexplained(now);
        self.note()
    }

    /// Where no valid token is left and refusals of unknown kind are enough, the user is told. This is kept in memory
    /// only: the next run asks again.
    pub(super) fn tell_unexplained(&mut self, now: Moment) {
        let MachineState::Active(held) = &self.state else { return };
        let expired = held.deadline.is_none_or(|deadline| now.reached(deadline));
        let Some(trouble) = self.trouble.as_ref().filter(|_| expired && self.unknown_refusals.are_enough()) else {
            return;
        };
        if let TroubleKind::Unexplained(code) = &trouble.kind {
            self.needs_login(LoginReason::Unexplained { code: code.clone(), said: trouble.why.clone() });
        }
    }
}
