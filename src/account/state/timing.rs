//! Timing: when the machine wants to be woken, and when the next attempt may be made.

use std::time::Duration;

use super::committed::{CommittedRecord, Unanswered};
use super::machine::{Machine, MachineState, Phase};
use super::policy::Reacquire;
use crate::account::trouble::TroubleKind;
use crate::clock::Moment;
use crate::oauth::dialect::Rotation;

/// Minimum interval between attempts that callers force.
pub(super) const FORCED_INTERVAL: Duration = Duration::from_secs(2);

impl Machine {
    /// How long until [`Event::Forced`](super::event::Event::Forced) may have an effect.
    pub(crate) fn forced_pause(&self, now: Moment) -> Duration {
        self.last_attempt.map_or(Duration::ZERO, |last| now.until(last.plus(FORCED_INTERVAL)))
    }

    /// When [`Event::Timer`](super::event::Event::Timer) is needed next, if nothing else happens.
    pub(crate) fn wake_at(&self) -> Option<Moment> {
        match (&self.phase, &self.state) {
            (Phase::Uncommitted { retry_at, .. }, _) => Some(*retry_at),
            (Phase::Idle, MachineState::Unread) => self.trouble.as_ref().map(|trouble| trouble.retry_at),
            (Phase::Idle, MachineState::Starting) => {
                let retry_at = self.trouble.as_ref().map_or(Moment::EARLIEST, |trouble| trouble.retry_at);
                Some(self.retry_after_ends_at().unwrap_or(retry_at))
            }
            (Phase::Idle, _) => self.renewable().and_then(|current| {
                let retry_after = self.retry_after_ends_at().filter(|_| current.due.is_some());
                let attempt = retry_after.or_else(|| self.next_attempt(current)).or(current.warn_at);
                // If refreshes fail, the token's expiry is news.
                let news = attempt.is_none() || self.trouble.is_some();
                let end = current.deadline.filter(|_| news && !current.expiry_was_reported);
                attempt.map_or(end, |attempt| Some(end.map_or(attempt, |end| attempt.earliest(end))))
            }),
            _ => None,
        }
    }

    /// When to check again whether an attempt is due, after a `Retry-After`: from then on both clocks count.
    fn retry_after_ends_at(&self) -> Option<Moment> {
        let retry_after = self.not_before?;
        Some(Moment::by_boot(
            self.trouble.as_ref().map_or(retry_after, |trouble| retry_after.max(trouble.retry_at.boot)),
        ))
    }

    /// The current record, if another token can be obtained without the user.
    pub(super) fn renewable(&self) -> Option<&CommittedRecord> {
        match &self.state {
            MachineState::Active(current) => Some(current),
            MachineState::NeedsLogin { reason, current: Some(current) } if reason.may_pass() => Some(current),
            _ => None,
        }
    }

    /// The first moment at which a program that asks causes an attempt.
    pub(in crate::account) fn soonest_attempt(&self, now: Moment) -> Moment {
        let apart = self.last_attempt.map_or(now, |last| last.plus(FORCED_INTERVAL));
        let retry_after = self.not_before.map(Moment::by_boot);
        [retry_after, self.probe_at].into_iter().flatten().fold(apart, Moment::latest)
    }

    /// Whether [`Event::Timer`](super::event::Event::Timer) would begin a planned attempt now. A replay is not
    /// planned: it is sent promptly or not at all.
    pub(crate) fn is_planned_attempt_due(&self, now: Moment) -> bool {
        match (&self.phase, &self.state) {
            (Phase::Idle, MachineState::Starting) => true,
            (Phase::Idle, _) => self.renewable().is_some_and(|current| {
                current.unanswered.is_none() && self.next_attempt(current).is_some_and(|at| now.reached(at))
            }),
            _ => false,
        }
    }

    /// Whether the last attempt did not reach the provider, or found it unable to answer.
    pub(crate) fn is_cut_off(&self) -> bool {
        let kind = self.trouble.as_ref().map(|trouble| &trouble.kind);
        matches!(kind, Some(TroubleKind::Offline | TroubleKind::Unreachable))
    }

    /// Whether the account lives on a refresh token that was not refused.
    pub(crate) fn lives_on_refresh_token(&self) -> bool {
        let usable = self.renewable().filter(|current| !self.is_rolled_back(current));
        self.policy.reacquire == Reacquire::No
            && usable.is_some_and(|current| current.record.tokens.refresh_token.is_some())
    }

    /// When the next refresh of `current` is sent, if nobody asks; `None` if there is nothing to refresh with, or if
    /// that waits for somebody who asks (`lazy`).
    pub(super) fn next_attempt(&self, current: &CommittedRecord) -> Option<Moment> {
        let due = current.due?;
        let pause = self.trouble.as_ref().map(|trouble| trouble.retry_at);
        let planned = match current.unanswered {
            // What was asked for and failed is tried again like any other.
            None if self.wanted || self.trouble.is_some() => due,
            None => current.unasked?,
            Some(lost) if self.must_hold(lost, pause) => current.deadline.unwrap_or(due),
            Some(lost) => lost.since,
        };
        let retry_after = self.not_before.map(Moment::by_boot);
        Some([pause, retry_after].into_iter().flatten().fold(planned, Moment::latest))
    }

    /// Whether an unanswered refresh token had its one prompt replay, or missed the window for it.
    ///
    /// A later replay may make a provider with reuse detection end the whole session, including the access token that
    /// still works. So it waits until that has expired, and is the last attempt before the user is asked.
    fn must_hold(&self, lost: Unanswered, pause: Option<Moment>) -> bool {
        let late = pause.is_some_and(|at| at.reached(lost.since.plus(self.policy.replay_window)));
        self.policy.rotation != Rotation::Never && (lost.missed || lost.sent > 1 || late)
    }
}
