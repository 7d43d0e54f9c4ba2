//! Triggers of an attempt: the timer, a wake-up, a recovered provider, or somebody who asks.

use std::time::Duration;

use super::committed::CommittedRecord;
use super::effect::{Effect, Priority};
use super::machine::{Machine, MachineState, Phase};
use super::timing::FORCED_INTERVAL;
use crate::account::login_reason::LoginReason;
use crate::account::schedule;
use crate::account::trouble::TroubleKind;
use crate::clock::Moment;

impl Machine {
    pub(super) fn timer(&mut self, now: Moment) -> Effect {
        match &self.phase {
            Phase::Idle => {}
            Phase::Uncommitted { retry_at, .. } if now.reached(*retry_at) => return self.commit_again(),
            _ => return Effect::Rest,
        }
        if matches!(self.state, MachineState::Unread) {
            let wait = self.trouble.as_ref().is_some_and(|trouble| !now.reached(trouble.retry_at));
            return if wait { Effect::Rest } else { Effect::Load };
        }
        if matches!(self.state, MachineState::Starting) {
            let paused = self.trouble.as_ref().is_some_and(|trouble| !now.reached(trouble.retry_at));
            let wait = paused || self.not_before.is_some();
            return if wait { Effect::Rest } else { self.begin(None, self.priority(), now) };
        }
        self.note_missed_replay(now);
        self.note_expiry(now);
        let Some(current) = self.renewable() else { return Effect::Rest };
        match self.next_attempt(current) {
            Some(at) if now.reached(at) => self.begin(None, self.priority(), now),
            None if current.due.is_none() && current.deadline.is_some_and(|deadline| now.reached(deadline)) => {
                self.needs_login(LoginReason::NoRefreshToken);
                Effect::Rest
            }
            _ => Effect::Rest,
        }
    }

    pub(super) fn priority(&self) -> Priority {
        if self.wanted { Priority::Asked } else { Priority::Planned }
    }

    /// Reports a token's end ahead of time, and at its end.
    pub(super) fn note_expiry(&mut self, now: Moment) {
        if let Some(current) = self.current_mut() {
            current.warn_at.take_if(|at| now.reached(*at));
            current.expiry_was_reported |= current.deadline.is_some_and(|deadline| now.reached(deadline));
        }
        self.report_unexplained(now);
    }

    /// The provider may be reachable again. Begins nothing by itself: the attempt is brought forward.
    pub(super) fn woken(&mut self, now: Moment, jitter: f64) {
        let apart = self.last_attempt.map_or(now, |last| last.plus(FORCED_INTERVAL));
        let soon = now.plus(schedule::woken_pause(jitter)).latest(apart);
        self.probe_at = None;
        self.reread_clock(now);
        if self.trouble.as_ref().is_some_and(|trouble| trouble.kind == TroubleKind::Offline) {
            self.retry_by(soon);
        }
    }

    /// The provider has recovered: pauses that were meant for it end.
    pub(super) fn recovered(&mut self, now: Moment, jitter: f64) {
        self.probe_at = None;
        if self.is_cut_off() {
            self.retry_by(now.plus(schedule::recovered_pause(jitter)).latest(self.soonest_attempt(now)));
        }
    }

    /// Brings the next attempt forward, but not before a `Retry-After`.
    pub(super) fn retry_by(&mut self, at: Moment) {
        let Some(trouble) = &mut self.trouble else { return };
        if at.boot < trouble.retry_at.boot {
            trouble.retry_at = at;
        }
    }

    pub(super) fn note_missed_replay(&mut self, now: Moment) {
        let window = self.policy.replay_window;
        if let MachineState::Active(CommittedRecord { unanswered: Some(lost), .. }) = &mut self.state {
            lost.missed |= lost.sent == 1 && now.reached(lost.since.plus(window));
        }
    }

    pub(super) fn wanted(&mut self, ttl: Duration, now: Moment) -> Effect {
        let current = self.renewable();
        if current.is_none() && !matches!(self.state, MachineState::Starting) {
            return Effect::Rest;
        }
        // Checked again at the head of the queue: usually another caller's refresh has done the work.
        if current.is_some_and(|current| current.deadline.is_none_or(|deadline| now.until(deadline) > ttl)) {
            return Effect::Rest;
        }
        if current.is_none_or(|current| current.deadline.is_none_or(|deadline| now.reached(deadline))) {
            return self.wanted_without_token(now);
        }
        let held_back = current.is_some_and(|current| current.unanswered.is_some());
        let paused = self.trouble.as_ref().is_some_and(|trouble| !now.reached(trouble.retry_at));
        if held_back || paused { Effect::Rest } else { self.forced(FORCED_INTERVAL, Priority::Asked, now) }
    }

    /// A caller has no valid token: the next attempt comes as soon as `Retry-After` and the minimum interval allow.
    /// After a refusal it waits, however many callers ask.
    pub(super) fn wanted_without_token(&mut self, now: Moment) -> Effect {
        let refused = self.trouble.as_ref().is_some_and(|trouble| {
            matches!(trouble.kind, TroubleKind::Refused(_)) || self.unknown_refusals.are_enough()
        });
        if refused && self.trouble.as_ref().is_some_and(|trouble| !now.reached(trouble.retry_at)) {
            return Effect::Rest;
        }
        let soonest = self.soonest_attempt(now);
        if now.reached(soonest) {
            return self.forced(FORCED_INTERVAL, Priority::Asked, now);
        }
        self.wanted = true;
        self.retry_by(soonest);
        Effect::Rest
    }

    /// Refreshes even if not due, also where a login is needed: the person who asks may know better. Only a
    /// `Retry-After` comes first.
    pub(super) fn forced(&mut self, apart: Duration, priority: Priority, now: Moment) -> Effect {
        let idle = matches!(self.phase, Phase::Idle);
        let too_soon = self.last_attempt.is_some_and(|last| !now.reached(last.plus(apart)));
        let kept_back = priority != Priority::Person && self.probe_at.is_some_and(|at| !now.reached(at));
        if !idle || too_soon || kept_back || self.not_before.is_some() {
            Effect::Rest
        } else {
            self.begin(None, priority, now)
        }
    }
}
