//! Cache of downscoped tokens: one per target (a narrower scope, a resource or an audience), in memory only.

use std::collections::BTreeMap;
use std::time::Duration;

use super::served::Served;
use super::trouble::Trouble;
use crate::clock::Moment;
use crate::oauth::exchange::Target;

/// Targets that are cached per account.
const MOST: usize = 16;

/// The cached tokens and refusals, by target.
#[derive(Debug, Clone, Default)]
pub(super) struct Narrowed(BTreeMap<Target, NarrowSupport>);

#[derive(Debug, Clone)]
pub(super) enum NarrowSupport {
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
    pub(super) fn token(&self, target: &Target) -> Option<&Served> {
        match self.0.get(target) {
            Some(NarrowSupport::Token(token)) => Some(token),
            _ => None,
        }
    }

    /// All tokens.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &Served> {
        self.0.values().filter_map(|known| match known {
            NarrowSupport::Token(token) => Some(token),
            NarrowSupport::Refused(_) => None,
        })
    }

    /// The provider's refusal for `target`.
    pub(super) fn refused(&self, target: &Target) -> Option<&Trouble> {
        match self.0.get(target) {
            Some(NarrowSupport::Refused(trouble)) => Some(trouble),
            _ => None,
        }
    }

    /// Evicts what has ended, then what ends first.
    pub(super) fn keep(&mut self, target: Target, known: NarrowSupport, now: Moment) {
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
