//! New tokens, from a refresh or a login: builds the next record and computes its times.

use std::time::Duration;

use serde_json::{Map, Value};

use super::committed::{CommittedRecord, OF_ENDED};
use super::effect::Effect;
use super::machine::Machine;
use super::policy::Reacquire;
use crate::account::downscoped::Narrowed;
use crate::account::record::Record;
use crate::account::schedule;
use crate::clock::Moment;
use crate::oauth::grant::{Expiry, Grant, TokenSet};
use crate::oauth::{id_token, identity};
use crate::secret::AccessToken;

/// No request takes longer; if more time has passed, the machine slept.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

impl Machine {
    pub(super) fn granted(&mut self, grant: Grant, sent_at: Moment, now: Moment, jitter: f64) -> Effect {
        // Tokens of another client or endpoint don't count.
        let current = self.current().filter(|current| current.record.binding.fits(&self.policy.binding));
        let Some(current) = current else { return self.logged_in(grant, Map::new(), sent_at, now, jitter) };
        if grant.access_token.is_none() {
            return self.granted_without_access_token(grant, now, jitter);
        }
        let old = &current.record.tokens;
        let mut grant = grant;
        // RFC 6749 §6: what the reply leaves out is unchanged.
        grant.refresh_token = grant.refresh_token.or_else(|| old.refresh_token.clone());
        grant.scope = grant.scope.or_else(|| old.scope.clone());
        let (narrowed, mut identity) = (current.narrowed.clone(), current.record.person());
        identity.extend(identity::of_reply(&grant.extra));
        id_token::carry(&old.extra, &mut grant.extra);
        let logins = current.record.logins.clone();
        let lost_scope = current.lost_in(grant.scope.as_deref());
        // After a lost reply, or an error such as 503 whose work was done, a replay may return tokens that have expired
        // since. A daemon that was restarted does not know of the error, but knows whether the provider tells lifetimes. For
        // any other token, a lifetime of zero means unknown.
        let tells_lifetimes = match old.expiry {
            Expiry::At { lifetime, .. } => lifetime > OF_ENDED && Some(lifetime) != self.policy.default_lifetime,
            _ => false,
        };
        let may_be_replay = current.unanswered.is_some() || self.trouble.is_some() || tells_lifetimes;
        let over = may_be_replay && grant.expires_in.is_some_and(|life| life.is_zero());
        let generation = self.next_generation();
        let mut next = self.record_of(grant, generation, sent_at, now, jitter);
        if over {
            next.expire_now(now, jitter);
        }
        next.narrowed = narrowed;
        next.lost_scope = lost_scope;
        next.record.identity = identity;
        next.record.logins = logins;
        self.commit(Box::new(next), None)
    }

    /// `description` is what the provider said of the token, if it was asked. The grant was asked for at `sent_at`:
    /// since then its code was exchanged, the account may have been busy, and the user may have been asked to
    /// confirm.
    pub(super) fn logged_in(
        &mut self,
        grant: Grant,
        description: Map<String, Value>,
        sent_at: Moment,
        now: Moment,
        jitter: f64,
    ) -> Effect {
        let generation = self.next_generation();
        let before = self.newest().filter(|record| record.binding.fits(&self.policy.binding));
        let logins = before.map(|record| record.logins.clone()).unwrap_or_default().begun(now.wall);
        let identity = identity::joined(identity::of_reply(&grant.extra), description);
        let flaws = grant.flaws.join("; ");
        let mut next = self.record_of(grant, generation, sent_at, now, jitter);
        next.record.logins = logins;
        next.record.identity = identity;
        next.by_login = true;
        if !next.has_token() {
            next.trouble = Some(Box::new(self.trouble_from_flaws(flaws, now, jitter)));
        }
        self.commit(Box::new(next), None)
    }

    pub(super) fn record_of(
        &self,
        grant: Grant,
        generation: u64,
        sent_at: Moment,
        now: Moment,
        jitter: f64,
    ) -> CommittedRecord {
        let lifetime = match &grant.access_token {
            Some(_) => grant.expires_in.filter(|life| !life.is_zero()).or(self.policy.default_lifetime),
            // Without an access token: expired, so that nobody gets it.
            None => Some(Duration::ZERO),
        };
        // Counted from before the request, since nobody knows when the provider began to count. But a reply that took
        // longer than half a lifetime still gives half a lifetime, unless the machine slept meanwhile: that time has
        // passed.
        let slept = now.boot.0.saturating_sub(sent_at.boot.0) > LONGEST_REQUEST;
        let at_least = |counted: Moment, rest| if slept { counted } else { counted.latest(now.plus(rest)) };
        // By boot time: the wall clock may have been set during the request.
        let by_boot = |at: Moment| now.plus(now.boot.until(at.boot));
        let deadline = lifetime.map(|life| by_boot(at_least(sent_at.plus(life), life / 2)));
        let due = match lifetime {
            Some(life) => by_boot(at_least(sent_at.plus(schedule::refresh_after(life, jitter)), life / 4)),
            None => now.plus(self.policy.max_age_unknown),
        };
        let renewable = grant.refresh_token.is_some() || self.policy.reacquire != Reacquire::No;
        let next = self.policy.plan.next(Some(due), Duration::ZERO, now, jitter).if_renewable(renewable);
        let tokens = TokenSet {
            access_token: grant.access_token.unwrap_or_else(|| AccessToken::new("")),
            refresh_token: grant.refresh_token,
            scope: grant.scope,
            expiry: match (deadline, lifetime) {
                (Some(deadline), Some(lifetime)) => Expiry::At { wall: deadline.wall, lifetime },
                _ => Expiry::Unknown,
            },
            obtained_at: now.wall,
            dpop_key: grant.dpop_key,
            extra: grant.extra,
        };
        let record = Record {
            ends_in_boot: self.ends_in_boot(deadline),
            ..Record::new(self.policy.binding.clone(), generation, tokens)
        };
        CommittedRecord {
            record,
            deadline,
            due: next.due,
            unasked: next.unasked,
            warn_at: deadline.filter(|_| !renewable).map(|_| due),
            unanswered: None,
            trouble: None,
            narrowed: Narrowed::default(),
            refreshes_as_narrowed: false,
            lost_scope: None,
            clock_behind: false,
            by_login: false,
            expiry_was_reported: deadline.is_some_and(|deadline| now.reached(deadline)),
        }
    }
}
