//! Begins an attempt: the intent is made durable before the refresh token is sent (write-ahead).

use super::committed::CommittedRecord;
use super::effect::{Effect, Priority, Renewal};
use super::machine::{Machine, Means, Phase};
use super::policy::Reacquire;
use crate::account::record::Intent;
use crate::account::schedule;
use crate::account::trouble::TroubleKind;
use crate::clock::Moment;
use crate::oauth::exchange::Target;

impl Machine {
    /// Asks for a token for `target`; `None`: for the account's whole target.
    pub(super) fn begin(&mut self, target: Option<Target>, priority: Priority, now: Moment) -> Effect {
        self.wanted = false;
        // Client credentials need no refresh token (RFC 6749 §4.4.3), and using one could lose it.
        let refreshes = self.policy.reacquire != Reacquire::Always;
        let usable = |current: &&CommittedRecord| {
            current.record.binding.fits(&self.policy.binding) && !self.is_rolled_back(current)
        };
        let current = self.current().filter(|current| refreshes && usable(current));
        let Some((current, token)) =
            current.and_then(|current| Some((current, current.record.tokens.refresh_token.as_ref()?)))
        else {
            return self.begin_reacquire(target, priority, now);
        };
        let mut record = current.record.clone();
        let (started_at, sent) = current.unanswered.map_or((now.wall, 0), |lost| (lost.since.wall, lost.sent));
        record.intent = Some(Intent { fingerprint: token.fingerprint(), started_at, sent });
        self.phase = Phase::Preparing { target, priority };
        Effect::Prepare(Box::new(record))
    }

    pub(super) fn prepared(&mut self, result: Result<(), String>, now: Moment, jitter: f64) -> Effect {
        let (target, priority) = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Preparing { target, priority } => (target, priority),
            other => {
                self.phase = other;
                return Effect::Rest;
            }
        };
        if let Err(why) = result {
            // What could not be stored is not asked for: the old token is served until it expires.
            self.last_attempt = Some(now);
            self.fail(TroubleKind::Store, why, now, |failures| schedule::pause(failures, jitter));
            return Effect::Rest;
        }
        let tokens = self.current().map(|current| &current.record.tokens);
        let both = tokens.and_then(|tokens| Some((tokens.refresh_token.clone()?, tokens.dpop_key.clone())));
        let Some((token, dpop_key)) = both else { return Effect::Rest };
        self.phase = Phase::Sending { sent_at: now, means: Means::RefreshToken, target: target.clone() };
        Effect::Send(Renewal { refresh_token: Some(token), dpop_key, target, priority })
    }

    /// Nothing was spent: removes the intent, unless an earlier request is still unanswered.
    pub(super) fn note(&self) -> Effect {
        match self.current() {
            Some(current) if current.unanswered.is_none() => Effect::Note(Box::new(current.record.clone())),
            _ => Effect::Rest,
        }
    }
}
