//! Scope that was granted and that a refresh no longer brings. The account goes on with what is left, and says so.
//!
//! A refresh token that comes with a narrower token has to be as good as the one before it (RFC 6749 §6: its scope MUST
//! be identical). Some servers bind it to the narrower scope: then one program that asks for less would take the rest
//! from all others.

use std::fmt;

use super::{CommittedRecord, Machine};
use crate::oauth::dialect::Rotation;
use crate::secret::RefreshToken;

/// Scope that the account had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostScope {
    /// Separated by spaces.
    pub scope: String,
    /// The refresh token came with a narrower token.
    pub by_narrowing: bool,
}

impl fmt::Display for LostScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the provider no longer grants the scope `{}`", self.scope)?;
        if self.by_narrowing {
            f.write_str(
                ": the refresh token that came with a narrower token is bound to its scope; set \
                 `narrow = \"off\"` for the provider",
            )?;
        }
        f.write_str("; log in again to get it back")
    }
}

impl CommittedRecord {
    /// What is missing from `now`, the scope of a reply to a refresh for all that was granted.
    pub(super) fn lost_in(&self, now: Option<&str>) -> Option<LostScope> {
        let now: Vec<&str> = now?.split_whitespace().collect();
        let before = self.record.tokens.scope.iter().chain(self.lost_scope.as_ref().map(|lost| &lost.scope));
        let mut missing: Vec<&str> =
            before.flat_map(|scope| scope.split_whitespace()).filter(|scope| !now.contains(scope)).collect();
        missing.sort_unstable();
        missing.dedup();
        let known = self.lost_scope.as_ref().is_some_and(|lost| lost.by_narrowing);
        let by_narrowing = self.refreshes_as_narrowed || known;
        (!missing.is_empty()).then(|| LostScope { scope: missing.join(" "), by_narrowing })
    }
}

impl Machine {
    /// Puts the refresh token of a reply to a narrower request into `next`. Where the provider never ends one, the wide
    /// one stays: it works on, and the new one may be bound to less.
    pub(super) fn keep_the_wider(&self, next: &mut CommittedRecord, new: Option<RefreshToken>) {
        let Some(new) = new else { return };
        let held = next.record.tokens.refresh_token.as_ref();
        if self.policy.rotation == Rotation::Never && held.is_some() {
            return;
        }
        next.refreshes_as_narrowed |= held.is_some_and(|held| !held.matches(new.expose()));
        next.record.tokens.refresh_token = Some(new);
    }
}
