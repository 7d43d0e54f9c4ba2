//! Partial replies: a refresh token without a usable access token. The refresh token is committed, since the old one
//! may have ended with it. The old access token is still served, and another one is asked for with a backoff.

use super::effect::Effect;
use super::machine::Machine;
use crate::account::schedule;
use crate::account::trouble::{Trouble, TroubleKind};
use crate::clock::Moment;
use crate::oauth::grant::Grant;

impl Machine {
    /// A refresh brought no usable access token.
    pub(super) fn granted_without_access_token(&mut self, grant: Grant, now: Moment, jitter: f64) -> Effect {
        let Some(current) = self.current() else { return Effect::Rest };
        let mut next = Box::new(current.clone());
        next.record.generation = self.next_generation();
        next.record.intent = None;
        next.record.needs_login = None;
        next.record.tokens.refresh_token = grant.refresh_token.or(next.record.tokens.refresh_token);
        next.unanswered = None;
        next.due = next.due.map(|_| now);
        next.trouble = Some(Box::new(self.trouble_from_flaws(grant.flaws.join("; "), now, jitter)));
        self.commit(next, None)
    }

    /// The account's trouble after a reply with these flaws.
    pub(super) fn trouble_from_flaws(&self, why: String, now: Moment, jitter: f64) -> Trouble {
        let failures = self.trouble.as_ref().map_or(0, |trouble| trouble.failures).saturating_add(1);
        let retry_at = now.plus(schedule::pause(failures, jitter));
        Trouble { kind: TroubleKind::Unreachable, why, at: now, failures, retry_at }
    }
}
