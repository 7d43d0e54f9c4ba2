//! Downscoping: tokens for a narrower scope (RFC 6749 §6), one resource (RFC 8707) or one audience. Each target has its
//! own token. They are requested one after the other, like refreshes, since each may rotate the refresh token.

use std::time::Duration;

use super::committed::CommittedRecord;
use super::effect::{Effect, Priority};
use super::machine::{Machine, MachineState, Means, Phase};
use crate::account::downscoped::NarrowSupport;
use crate::account::served::Served;
use crate::account::trouble::{Trouble, TroubleKind};
use crate::clock::Moment;
use crate::oauth::dialect::Rotation;
use crate::oauth::exchange::Target;
use crate::oauth::grant::{Expiry, Grant};
use crate::oauth::reply::Refusal;
use crate::secret::RefreshToken;

/// A refused target is not asked for again within this time.
const REFUSED_INTERVAL: Duration = Duration::from_secs(60);

impl Machine {
    /// Checked again at the head of the queue: often another request has obtained the token.
    pub(super) fn narrow(&mut self, target: Target, ttl: Duration, now: Moment) -> Effect {
        let MachineState::Active(current) = &self.state else { return Effect::Rest };
        let lasts = |deadline: Option<Moment>| deadline.is_none_or(|deadline| now.until(deadline) > ttl);
        let there = current.narrowed.token(&target).is_some_and(|token| lasts(token.deadline));
        let refused = current.narrowed.refused(&target).is_some_and(|trouble| !now.reached(trouble.retry_at));
        // A refresh token whose last use is unanswered is not used for a downscoped token.
        let in_doubt = current.unanswered.is_some();
        let paused = self.trouble.as_ref().is_some_and(|trouble| !now.reached(trouble.retry_at));
        let idle = matches!(self.phase, Phase::Idle);
        if there || refused || in_doubt || paused || self.not_before.is_some() || !idle {
            return Effect::Rest;
        }
        self.begin(Some(target), Priority::Asked, now)
    }

    pub(super) fn granted_narrow(
        &mut self,
        target: Target,
        grant: Grant,
        means: Means,
        sent_at: Moment,
        now: Moment,
    ) -> Effect {
        let Some(current) = self.current() else { return Effect::Rest };
        let lifetime = grant.expires_in.filter(|life| !life.is_zero()).or(self.policy.default_lifetime);
        let deadline = lifetime.unwrap_or(self.policy.max_age_unknown);
        let deadline = sent_at.plus(deadline).latest(now.plus(deadline / 2));
        let known = match grant.access_token {
            Some(access_token) => NarrowSupport::Token(Served {
                access_token,
                deadline: Some(deadline),
                expiry: lifetime.map_or(Expiry::Unknown, |lifetime| Expiry::At { wall: deadline.wall, lifetime }),
                scope: grant.scope.or_else(|| (!target.scope.is_empty()).then(|| target.scope.join(" "))),
                dpop_key: grant.dpop_key,
                extra: grant.extra,
            }),
            None => NarrowSupport::Refused(Trouble {
                kind: TroubleKind::Unreachable,
                why: grant.flaws.join("; "),
                at: now,
                failures: 1,
                retry_at: now.plus(REFUSED_INTERVAL),
            }),
        };
        let mut next = Box::new(current.clone());
        next.narrowed.keep(target, known, now);
        next.unanswered = None;
        if means == Means::Reacquire {
            // Nothing to store: it is asked for again when needed.
            if let Some(current) = self.current_mut() {
                current.narrowed = next.narrowed;
            }
            return Effect::Rest;
        }
        // The refresh token may have been rotated, and the intent is done.
        next.record.intent = None;
        next.record.generation = self.next_generation();
        self.keep_wider_refresh_token(&mut next, grant.refresh_token);
        self.commit(next, None)
    }

    pub(super) fn refused_narrow(&mut self, target: Target, refusal: Refusal, now: Moment) -> Effect {
        let trouble = Trouble {
            why: refusal.to_string(),
            kind: TroubleKind::Refused(refusal.code),
            at: now,
            failures: 1,
            retry_at: now.plus(REFUSED_INTERVAL),
        };
        if let Some(current) = self.current_mut() {
            current.narrowed.keep(target, NarrowSupport::Refused(trouble), now);
        }
        self.note()
    }

    /// Stores the refresh token of a downscoped reply in `next`. Without rotation the old one is kept: it still
    /// works, and the new one may be bound to less scope.
    fn keep_wider_refresh_token(&self, next: &mut CommittedRecord, new: Option<RefreshToken>) {
        let Some(new) = new else { return };
        let current = next.record.tokens.refresh_token.as_ref();
        if self.policy.rotation == Rotation::Never && current.is_some() {
            return;
        }
        next.refreshes_as_narrowed |= current.is_some_and(|current| !current.matches(new.expose()));
        next.record.tokens.refresh_token = Some(new);
    }
}
