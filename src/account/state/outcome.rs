//! Handles the outcome of a token request: retry with backoff, replay after a lost reply, or ask for a login.

use std::time::Duration;

use super::committed::Unanswered;
use super::effect::Effect;
use super::event::RefreshOutcome;
use super::machine::{Machine, Means, Phase};
use super::policy::Reacquire;
use crate::account::login_reason::LoginReason;
use crate::account::schedule;
use crate::account::trouble::TroubleKind;
use crate::clock::Moment;
use crate::oauth::grant::Grant;
use crate::oauth::identity::{self, Comparison};
use crate::oauth::reply::{Refusal, RefusalSubject};

impl Machine {
    /// The end of a token request.
    pub(super) fn answered(&mut self, answer: RefreshOutcome, now: Moment, jitter: f64) -> Effect {
        let (sent_at, means, target) = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Sending { sent_at, means, target } => (sent_at, means, target),
            other => {
                self.phase = other;
                return Effect::Rest;
            }
        };
        self.probe_at = None;
        match &answer {
            // Nothing was asked, so a caller without a token waits only for the breaker.
            RefreshOutcome::CircuitOpen { probe_in, .. } => self.probe_at = Some(now.plus(*probe_in)),
            _ => self.last_attempt = Some(sent_at),
        }
        match answer {
            RefreshOutcome::Granted(grant) => match target {
                _ if self.brings_nothing(&grant) => self.retry_later(grant.flaws.join("; "), now, jitter),
                None if means != Means::Reacquire && self.is_of_another(&grant) => {
                    self.refused(another_subject(), now, jitter)
                }
                None => self.granted(*grant, sent_at, now, jitter),
                Some(target) => self.granted_narrow(target, *grant, means, sent_at, now),
            },
            RefreshOutcome::Refused(refusal) => match target {
                Some(target) if refusal.blame != RefusalSubject::Grant => self.refused_narrow(target, refusal, now),
                _ if means == Means::Reacquire => self.refused_reacquire(refusal, now, jitter),
                _ => self.refused(refusal, now, jitter),
            },
            RefreshOutcome::NotSent { why } => self.not_sent(why, Duration::ZERO, now, jitter),
            RefreshOutcome::CircuitOpen { why, probe_in } => self.not_sent(why, probe_in, now, jitter),
            // An answer for a device login: nothing was decided.
            RefreshOutcome::Pending { .. } => {
                self.retry_later("the provider answered as to a device login".to_owned(), now, jitter);
                self.note()
            }
            RefreshOutcome::Busy { retry_after, why } => self.busy(why, retry_after, now, jitter),
            // Nothing was spent.
            RefreshOutcome::Lost { why } if means == Means::Reacquire => self.retry_later(why, now, jitter),
            RefreshOutcome::Lost { why } => self.lost(why, sent_at, now, jitter),
        }
    }

    /// Whether a grant has no access token and nothing else that is needed: client credentials don't need the rest of
    /// the reply.
    fn brings_nothing(&self, grant: &Grant) -> bool {
        grant.access_token.is_none() && self.policy.reacquire == Reacquire::Always
    }

    /// The same request again after a pause (backoff). There is nothing to be written for it.
    fn retry_later(&mut self, why: String, now: Moment, jitter: f64) -> Effect {
        self.fail(TroubleKind::Unreachable, why, now, |failures| schedule::pause(failures, jitter));
        Effect::Rest
    }

    fn not_sent(&mut self, why: String, at_least: Duration, now: Moment, jitter: f64) -> Effect {
        self.fail(TroubleKind::Offline, why, now, |failures| schedule::pause(failures, jitter).max(at_least));
        self.note()
    }

    fn busy(&mut self, why: String, retry_after: Option<Duration>, now: Moment, jitter: f64) -> Effect {
        self.fail(TroubleKind::Unreachable, why, now, |failures| match retry_after {
            Some(retry_after) => schedule::retry_after_pause(retry_after, failures, jitter),
            None => schedule::pause(failures, jitter),
        });
        self.not_before = retry_after.map(|retry_after| now.boot.plus(schedule::capped_retry_after(retry_after)));
        self.note()
    }

    /// Whether a refresh brought another person's tokens (OpenID Connect Core §12.2). Unknown without an ID token, or
    /// without a known person before.
    fn is_of_another(&self, grant: &Grant) -> bool {
        let before = self.current().map(|current| current.record.person()).unwrap_or_default();
        identity::compare(&before, &identity::of_reply(&grant.extra)) == Comparison::Different
    }

    /// The refresh token may be spent: it is sent once more soon, and then as after every failure.
    fn lost(&mut self, why: String, sent_at: Moment, now: Moment, jitter: f64) -> Effect {
        let Some(current) = self.current_mut() else { return Effect::Rest };
        let before = current.unanswered.unwrap_or(Unanswered { since: sent_at, sent: 0, missed: false });
        current.unanswered = Some(Unanswered { sent: before.sent + 1, ..before });
        let first = before.sent == 0;
        self.fail(TroubleKind::Unreachable, why, now, |failures| {
            if first { schedule::replay_pause(jitter) } else { schedule::pause(failures, jitter) }
        });
        Effect::Rest
    }

    fn refused(&mut self, refusal: Refusal, now: Moment, jitter: f64) -> Effect {
        let Some(current) = self.current() else { return Effect::Rest };
        if refusal.blame == RefusalSubject::Unknown {
            return self.refused_for_unknown_reason(refusal, now, jitter);
        }
        if refusal.blame == RefusalSubject::Grant {
            let reason = if current.unanswered.is_some() {
                LoginReason::ReplyLost
            } else {
                LoginReason::Refused { code: refusal.code.clone() }
            };
            let mut next = Box::new(current.clone());
            next.record.generation = self.next_generation();
            next.record.intent = None;
            next.record.needs_login = Some(reason.clone());
            next.record.logins.end(&reason, now.wall);
            self.trouble = None;
            self.needs_login(reason.clone());
            return self.commit(next, Some(reason));
        }
        let why = refusal.to_string();
        self.fail(TroubleKind::Refused(refusal.code), why, now, |_| schedule::refused_pause(jitter));
        self.note()
    }
}

/// Another person's tokens are not served, and only a login helps.
fn another_subject() -> Refusal {
    let description = "a refresh brought another person's tokens".into();
    Refusal { code: "another_subject".into(), description, blame: RefusalSubject::Grant }
}
