//! Secrets are types of their own: they can't be printed, logged, compared with `==` or serialised, and their
//! memory is wiped when they are dropped.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

#[cfg(feature = "compare")]
use sha2::{Digest as _, Sha256};
#[cfg(feature = "compare")]
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A secret text of one kind. The kind is a type, so that no secret can be passed where another was meant. Clones share
/// the text, which is wiped with the last of them.
pub struct Secret<SecretKind> {
    text: Arc<Zeroizing<Box<str>>>,
    kind: PhantomData<fn() -> SecretKind>,
}

/// Names a kind of secret, for [`fmt::Debug`] output.
pub trait SecretKind {
    /// What `Debug` prints before `[redacted]`.
    const NAME: &'static str;
}

/// The kinds of secret that the API of the daemon has.
pub mod kinds {
    /// See [`AccessToken`](crate::secret::AccessToken).
    #[derive(Debug)]
    pub enum Access {}
    impl crate::secret::SecretKind for Access {
        const NAME: &'static str = "AccessToken";
    }

    /// See [`AppKey`](crate::secret::AppKey).
    #[derive(Debug)]
    pub enum App {}
    impl crate::secret::SecretKind for App {
        const NAME: &'static str = "AppKey";
    }
}

/// What programs send to an API (RFC 6749 §1.4).
pub type AccessToken = Secret<kinds::Access>;
/// A program's key for the TCP listener of the daemon.
pub type AppKey = Secret<kinds::App>;

impl<K: SecretKind> Secret<K> {
    /// Takes ownership of `text`. The caller's other copies are the caller's to wipe.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self { text: Arc::new(Zeroizing::new(text.into())), kind: PhantomData }
    }

    /// Like [`Self::new`], and wipes the memory of `text`.
    pub fn taken(text: String) -> Self {
        // Copied to its exact size: cutting off spare room could move it and leave the old copy behind.
        let text = Zeroizing::new(text);
        Self::new(text.as_str())
    }

    /// The secret itself, for the request that needs it and for nothing else.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether the two are equal, compared in constant time.
    ///
    /// Both are hashed first, so that not even the length shows. Needs the feature `compare`.
    #[cfg(feature = "compare")]
    pub fn matches(&self, other: &str) -> bool {
        let (mine, theirs) = (Sha256::digest(self.expose().as_bytes()), Sha256::digest(other.as_bytes()));
        mine.as_slice().ct_eq(theirs.as_slice()).into()
    }

    /// The first 8 hex digits of the SHA-256: enough to tell two secrets apart in a log, useless for
    /// anything else. Needs the feature `compare`.
    #[cfg(feature = "compare")]
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.expose().as_bytes());
        let [a, b, c, d, ..] = <[u8; 32]>::from(digest);
        format!("{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

impl<K> Clone for Secret<K> {
    fn clone(&self) -> Self {
        Self { text: Arc::clone(&self.text), kind: PhantomData }
    }
}

impl<K: SecretKind> fmt::Debug for Secret<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[redacted]", K::NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_kind_and_nothing_else() {
        let token = AccessToken::new("canary");
        assert_eq!(
            format!("{token:?} {:#?}", Some(&token)),
            "AccessToken[redacted] Some(\n    AccessToken[redacted],\n)"
        );
    }

    #[cfg(feature = "compare")]
    #[test]
    fn comparison_tells_equal_from_different_of_any_length() {
        let key = AppKey::new("abc");
        for (other, equal) in [("abc", true), ("abd", false), ("ab", false), ("", false), ("abcd", false)] {
            assert_eq!(key.matches(other), equal, "{other:?}");
        }
    }
}
