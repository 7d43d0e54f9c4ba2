//! Tokens for a part of what was granted: a narrower scope (RFC 6749 §6), one resource (RFC 8707) or audience.
//! Each target has its own token; all of them are asked for on the account's one way, one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Effect, Machine, MachineState, Means, Phase, Priority, Trouble, TroubleKind};
use crate::account::view::Served;
use crate::clock::Moment;
use crate::oauth::exchange::Target;
use crate::oauth::grant::{Expiry, Grant};
use crate::oauth::reply::Refusal;

/// Targets of one account that are remembered at once.
const MOST: usize = 16;
/// A target that the provider refused is not asked for again within this.
const REFUSED_APART: Duration = Duration::from_secs(60);

/// What is known of the targets of one account.
#[derive(Debug, Clone, Default)]
pub struct Narrowed(BTreeMap<Target, NarrowSupport>);

#[derive(Debug, Clone)]
enum NarrowSupport {
    Token(Served),
    Refused(Trouble),
}

impl NarrowSupport {
    fn ends(&self) -> Option<Moment> {
        match self {
            Self::Token(token) => token.deadline,
            Self::Refused(trouble) => Some(trouble.retry_at),
        }
    }
}

impl Narrowed {
    /// The token for `target`.
    pub fn token(&self, target: &Target) -> Option<&Served> {
        match self.0.get(target) {
            Some(NarrowSupport::Token(token)) => Some(token),
            _ => None,
        }
    }

    /// Why there is none, if the provider refused it.
    pub fn refused(&self, target: &Target) -> Option<&Trouble> {
        match self.0.get(target) {
            Some(NarrowSupport::Refused(trouble)) => Some(trouble),
            _ => None,
        }
    }

    /// What has ended goes first, then what ends first.
    fn keep(&mut self, target: Target, known: NarrowSupport, now: Moment) {
        self.0.retain(|_, known| known.ends().is_none_or(|end| !now.reached(end)));
        if self.0.len() >= MOST && !self.0.contains_key(&target) {
            let first = self.0.iter().min_by_key(|(_, known)| known.ends().map_or(Duration::MAX, |end| now.until(end)));
            if let Some(first) = first.map(|(target, _)| target.clone()) {
                self.0.remove(&first);
            }
        }
        self.0.insert(target, known);
    }
}

impl Machine {
    /// Looked at again at the head of the queue: usually somebody else's request has done the work.
    pub(super) fn narrow(&mut self, target: Target, ttl: Duration, now: Moment) -> Effect {
        let MachineState::Active(held) = &self.state else { return Effect::Rest };
        let lasts = |deadline: Option<Moment>| deadline.is_none_or(|deadline| now.until(deadline) > ttl);
        let there = held.narrowed.token(&target).is_some_and(|token| lasts(token.deadline));
        let refused = held.narrowed.refused(&target).is_some_and(|trouble| !now.reached(trouble.retry_at));
        // A refresh token whose last use is in doubt is not spent on a part of what it is good for.
        let in_doubt = held.unanswered.is_some();
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
        let Some(held) = self.held() else { return Effect::Rest };
        let lifetime = grant.expires_in.filter(|life| !life.is_zero()).or(self.policy.default_lifetime);
        let deadline = lifetime.unwrap_or(self.policy.max_age_unknown);
        let deadline = sent_at.plus(deadline).latest(now.plus(deadline / 2));
        let known = match grant.access_token {
            Some(access_token) => NarrowSupport::Token(Served {
                access_token,
                deadline: Some(deadline),
                expiry: lifetime.map_or(Expiry::Unknown, |lifetime| Expiry::At { wall: deadline.wall, lifetime }),
                scope: grant.scope.or_else(|| (!target.scope.is_empty()).then(|| target.scope.join(" "))),
                extra: grant.extra,
            }),
            None => NarrowSupport::Refused(Trouble {
                kind: TroubleKind::Unreachable,
                why: grant.flaws.join("; "),
                at: now,
                failures: 1,
                retry_at: now.plus(REFUSED_APART),
            }),
        };
        let mut next = Box::new(held.clone());
        next.narrowed.keep(target, known, now);
        next.unanswered = None;
        if means == Means::Anew {
            // Nothing that has to survive: it is asked for again when it is wanted.
            if let Some(held) = self.held_mut() {
                held.narrowed = next.narrowed;
            }
            return Effect::Rest;
        }
        // The refresh token may be another now, and the intent is done with.
        next.record.intent = None;
        next.record.generation = self.next_generation();
        self.keep_the_wider(&mut next, grant.refresh_token);
        self.commit(next, None)
    }

    pub(super) fn refused_narrow(&mut self, target: Target, refusal: Refusal, now: Moment) -> Effect {
        let trouble = Trouble {
            why: refusal.to_string(),
            kind: TroubleKind::Refused(refusal.code),
            at: now,
            failures: 1,
            retry_at: now.plus(REFUSED_APART),
        };
        if let Some(held) = self.held_mut() {
            held.narrowed.keep(target, NarrowSupport::Refused(trouble), now);
        }
        self.note()
    }
}
