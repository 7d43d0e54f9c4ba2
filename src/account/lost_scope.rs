//! Lost scope: scope that was granted before and that a refresh no longer brings. The account goes on with the rest.
//!
//! A refresh token that comes with a downscoped token has to keep the whole scope (RFC 6749 §6: it MUST be
//! identical). Some servers bind it to the narrower scope: then one program that asks for less takes the rest from
//! all others.

use std::fmt;

/// Scope that the account no longer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostScope {
    /// Separated by spaces.
    pub(super) scope: String,
    /// The refresh token came with a downscoped token.
    pub(super) by_narrowing: bool,
}

impl fmt::Display for LostScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the provider no longer grants the scope `{}`", self.scope)?;
        if self.by_narrowing {
            f.write_str(
                ": the refresh token that came with a narrower token is bound to that one's scope; set \
                 `narrow = \"off\"` for the provider",
            )?;
        }
        f.write_str("; log in again to get it back")
    }
}
