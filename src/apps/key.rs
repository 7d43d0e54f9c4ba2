//! The format of a key: `rbk_`, 256 random bits, and a checksum by which a truncated or mistyped key is recognized
//! before it is looked up.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::secret::AppKey;

/// The prefix of every key, by which people and secret scanners recognize one.
const PREFIX: &str = "rbk_";
/// 256 bits as base64url.
const RANDOM_CHARS: usize = 43;
/// 36 bits: enough to detect a truncated or mistyped key.
const CHECKSUM_CHARS: usize = 6;

/// The SHA-256 of a key, the only part of it that is stored. A key has 256 random bits, so no slower hash is needed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Parses 64 hex digits, as [`fmt::Display`] writes them.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = digit(high)? << 4 | digit(low)?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest[..]")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Parses a key from a file; the error says what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<AppKey, &'static str> {
    let random = text.strip_prefix(PREFIX).ok_or("an app key begins with `rbk_`")?;
    if random.len() != RANDOM_CHARS + CHECKSUM_CHARS {
        return Err("an app key has 53 characters");
    }
    let (random, sum) = random.split_at_checked(RANDOM_CHARS).ok_or("an app key is ASCII")?;
    if checksum(random) != sum {
        return Err("the checksum of the app key is wrong: the key was cut or changed");
    }
    Ok(AppKey::new(text))
}

/// A new key from the system's random number generator. The error is what the system said.
pub(super) fn generate() -> Result<AppKey, String> {
    use rand::TryRng as _;
    let mut bytes = Zeroizing::new([0u8; 32]);
    rand::rngs::SysRng.try_fill_bytes(bytes.as_mut()).map_err(|error| error.to_string())?;
    let random = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()));
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + RANDOM_CHARS + CHECKSUM_CHARS));
    text.push_str(PREFIX);
    text.push_str(&random);
    text.push_str(&checksum(&random));
    Ok(AppKey::new(text.as_str()))
}

/// Detects typing errors and protects no secret, so plain SHA-256 and `==` are enough.
fn checksum(random: &str) -> String {
    let digest = Sha256::digest(random.as_bytes());
    URL_SAFE_NO_PAD.encode(digest).chars().take(CHECKSUM_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_cut_or_changed_is_refused() {
        let key = generate().unwrap();
        let text = key.expose();
        assert!(text.len() == 53 && text.starts_with("rbk_") && parse(text).is_ok(), "{}", text.len());
        let other = if text.ends_with('A') { "B" } else { "A" };
        for bad in [&text[..52], &format!("{}{other}", &text[..52]), "", "rbk_", &text[4..], "rbk_\u{e4}"] {
            assert!(parse(bad).is_err());
        }
    }

    #[test]
    fn a_digest_survives_its_text() {
        let digest = Digest::of("canary");
        let text = digest.to_string();
        assert!(Digest::parse(&text) == Some(digest) && text.len() == 64 && !text.contains("canary"));
        for bad in ["", &text[1..], &text.replace(|c: char| c.is_ascii_digit(), "g"), &format!("{text}00")] {
            assert!(Digest::parse(bad).is_none(), "{bad}");
        }
    }
}
