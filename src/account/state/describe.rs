//! Describes a token that is served already: asks the provider whose it is, and when it expires.

use super::effect::Effect;
use super::machine::{Machine, Phase};
use crate::account::schedule;
use crate::clock::Moment;
use crate::oauth::describe::{DescribeEndpoint, Described};
use crate::oauth::grant::Expiry;
use crate::oauth::identity;

impl Machine {
    /// Asks after a commit, unless everything is known.
    pub(super) fn describe(&mut self) -> Effect {
        let Some(current) = self.current().filter(|current| self.policy.describes && current.has_token()) else {
            return Effect::Rest;
        };
        let tokens = &current.record.tokens;
        if tokens.expiry != Expiry::Unknown && !identity::described(&current.record.identity).is_empty() {
            return Effect::Rest;
        }
        let effect = Effect::Describe(tokens.access_token.clone(), tokens.dpop_key.clone());
        self.phase = Phase::Describing;
        effect
    }

    pub(super) fn described(&mut self, described: Option<Box<Described>>, now: Moment) -> Effect {
        if !matches!(self.phase, Phase::Describing) {
            return Effect::Rest;
        }
        self.phase = Phase::Idle;
        let (Some(described), Some(current)) = (described.filter(|described| described.active), self.current()) else {
            return Effect::Rest;
        };
        let mut next = Box::new(current.clone());
        let tokens = &mut next.record.tokens;
        tokens.scope = tokens.scope.take().or(described.scope);
        if tokens.expiry == Expiry::Unknown {
            match (described.expires_at, described.source) {
                (Some(wall), _) => {
                    let lifetime = wall.since(tokens.obtained_at);
                    let left = wall.since(now.wall);
                    tokens.expiry = Expiry::At { wall, lifetime };
                    next.deadline = Some(now.plus(left));
                    let passed = lifetime.saturating_sub(left);
                    let due = now.plus(schedule::refresh_after(lifetime, 0.5).saturating_sub(passed));
                    let renewable = self.is_renewable(&next);
                    let planned = self.policy.plan.next(Some(due), passed, now, 0.5).if_renewable(renewable);
                    (next.due, next.unasked) = (planned.due, planned.unasked);
                    next.warn_at = (!renewable).then_some(due);
                    next.record.ends_in_boot = self.ends_in_boot(next.deadline);
                }
                // Phone.com leaves it out for tokens that don't expire.
                (None, DescribeEndpoint::Details) => {
                    tokens.expiry = Expiry::Never;
                    let planned = self.policy.plan.next(None, now.wall.since(tokens.obtained_at), now, 0.5);
                    let planned = planned.if_renewable(self.is_renewable(&next));
                    (next.due, next.unasked) = (planned.due, planned.unasked);
                }
                (None, DescribeEndpoint::Introspection) => {}
            }
        }
        next.record.identity = identity::joined(std::mem::take(&mut next.record.identity), described.identity);
        next.record.generation = self.next_generation();
        self.commit(next, None)
    }
}
