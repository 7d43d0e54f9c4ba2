//! Turns the bytes of a source into a secret.

use super::error::CredentialError;
use crate::secret::ClientSecret;
use crate::secret::text::{self, Rule, Unfit};

/// Removes what surrounds the secret, and refuses bytes that can't be one.
pub(super) fn clean(bytes: &[u8], rule: Rule, from: impl FnOnce() -> String) -> Result<ClientSecret, CredentialError> {
    text::single(bytes, rule).map(ClientSecret::new).map_err(|why| unfit(from(), why))
}

/// The error for a source, in words, whose bytes can't be a secret.
pub(super) fn unfit(from: String, why: Unfit) -> CredentialError {
    CredentialError::Unfit { from, why: why.to_string() }
}
