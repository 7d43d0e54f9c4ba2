//! Proof Key for Code Exchange (RFC 7636), the `S256` method only.
//!
//! Phone.com mentions PKCE nowhere; `--pkce` chooses how this server handles it.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::refusal::Refusal;

/// The challenge that a code is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge(String);

impl Challenge {
    /// Takes the two parameters of an authorization request; the error is for its redirect.
    pub(crate) fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Self>, &'static str> {
        match (challenge, method) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err("code_challenge_method without code_challenge"),
            (Some(challenge), Some("S256")) if is_digest(challenge) => Ok(Some(Self(challenge.to_owned()))),
            (Some(_), Some("S256")) => Err("code_challenge is not a SHA-256 digest in base64url"),
            (Some(_), _) => Err("only code_challenge_method=S256 is taken"),
        }
    }

    /// Compares the verifier that came with the code.
    pub(crate) fn check(&self, verifier: Option<&str>) -> Result<(), Refusal> {
        let verifier = verifier.ok_or_else(|| Refusal::invalid_grant("code_verifier is missing"))?;
        if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == self.0 {
            Ok(())
        } else {
            Err(Refusal::invalid_grant("code_verifier does not match code_challenge"))
        }
    }
}

/// The first eight hex digits of a secret's SHA-256: enough to tell two apart in the journal.
pub(crate) fn fingerprint(secret: &str) -> String {
    Sha256::digest(secret).iter().take(4).fold(String::with_capacity(8), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn is_digest(challenge: &str) -> bool {
    URL_SAFE_NO_PAD.decode(challenge).is_ok_and(|bytes| bytes.len() == 32)
}
