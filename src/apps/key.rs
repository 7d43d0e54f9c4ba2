//! What a key looks like: `rbk_`, 256 random bits, and a checksum by which a key that was cut or mistyped is
//! known before it is looked up.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::secret::AppKey;

/// Begins every key, so that people and scanners for leaked secrets know one when they see it.
const PREFIX: &str = "rbk_";
/// 256 bits as base64url.
const RANDOM_CHARS: usize = 43;
/// 36 bits: enough to tell a key that was cut or mistyped.
const CHECKSUM_CHARS: usize = 6;

/// The SHA-256 of a key: all that is kept of it. A key has 256 random bits, so nothing slower is needed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// From 64 hex digits, as [`fmt::Display`] writes them.
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

/// Takes a key as it stands in a file; says what is wrong with one that can't be right.
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

/// A new key, straight from the system's random numbers. The error is what the system said.
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

/// Not a secret's protection but a spelling check, so plain SHA-256 and `==` will do.
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
