//! Bytes from a source, as a secret.

use super::error::CredentialError;
use crate::secret::ClientSecret;
use crate::secret::text::{self, Rule, Unfit};

/// Cuts off what surrounds the secret and refuses what no secret is.
pub(super) fn clean(bytes: &[u8], rule: Rule, from: impl FnOnce() -> String) -> Result<ClientSecret, CredentialError> {
    text::single(bytes, rule).map(ClientSecret::new).map_err(|why| unfit(from(), why))
}

/// The error of a source, in words, whose bytes are no secret.
pub(super) fn unfit(from: String, why: Unfit) -> CredentialError {
    CredentialError::Unfit { from, why: why.to_string() }
}
