//! Secrets are a kind of their own: they can't be printed, logged, compared with `==` or serialised,
//! and their memory is wiped when they are dropped.
//!
//! [`Secret::expose`] is for the places where a secret leaves the process or is compared with what came in,
//! and for nothing else: `oauth::exchange`, `oauth::assertion` and `oauth::authorize` (requests), `store::record` (the sealed
//! file), `broker` and `http` (token reply, flow cookie, start ticket), `client` and `cli` (key and token
//! of the caller), `store::key::passphrase` (to stretch it), `store::envelope` (the same, for an age file).
//! Whoever adds another says why.

pub mod source;
pub mod text;

use std::fmt;
use std::marker::PhantomData;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret text of one kind. The kind is a type, so that a refresh token can't be handed out where
/// an access token was meant.
pub struct Secret<SecretKind> {
    text: SecretString,
    kind: PhantomData<fn() -> SecretKind>,
}

/// Names a kind of secret, for [`fmt::Debug`] output.
pub trait SecretKind {
    /// What `Debug` prints before `[redacted]`.
    const NAME: &'static str;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident => $alias:ident;)*) => {
        /// The kinds of secret there are.
        pub mod kinds {$(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $kind {}
            impl super::SecretKind for $kind {
                const NAME: &'static str = stringify!($alias);
            }
        )*}
        $($(#[$doc])* pub type $alias = Secret<kinds::$kind>;)*
    };
}

kinds! {
    /// What programs send to an API (RFC 6749 §1.4).
    Access => AccessToken;
    /// What the daemon trades for a new access token; never leaves it (RFC 6749 §1.5).
    Refresh => RefreshToken;
    /// The client's password at the provider (RFC 6749 §2.3.1).
    Client => ClientSecret;
    /// The one-time code that the redirect brings (RFC 6749 §1.3.1).
    Code => AuthorizationCode;
    /// The PKCE code verifier (RFC 7636 §4.1).
    Verifier => CodeVerifier;
    /// A user's password at the provider (RFC 6749 §4.3.2).
    UserPassword => Password;
    /// What a person opens the store with.
    Phrase => Passphrase;
    /// The one-time code that a device asks for its token with (RFC 8628 §3.2).
    Device => DeviceCode;
    /// A client's private key in PEM (RFC 7523 §2.2).
    Key => PrivateKey;
    /// An unguessable value that this daemon made up: state, ticket, cookie, key of an app.
    Nonce => Nonce256;
    /// A local program's key for the TCP listener.
    App => AppKey;
}

impl<K: SecretKind> Secret<K> {
    /// Takes ownership of `text`. The caller's other copies are the caller's to wipe.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self { text: SecretString::from(text.into().into_string()), kind: PhantomData }
    }

    /// As [`Self::new`], and wipes where it was.
    pub fn taken(text: String) -> Self {
        // Copied to its exact size: cutting off spare room could move it and leave the old copy behind.
        let text = Zeroizing::new(text);
        Self::new(text.as_str())
    }

    /// The secret itself. See the module's doc for who may.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// Whether the two are equal, in a time that depends on neither.
    ///
    /// Both are hashed first, so that not even the length shows.
    pub fn matches(&self, other: &str) -> bool {
        let (mine, theirs) = (Sha256::digest(self.expose().as_bytes()), Sha256::digest(other.as_bytes()));
        mine.as_slice().ct_eq(theirs.as_slice()).into()
    }

    /// The first 8 hex digits of the SHA-256: enough to tell two secrets apart in a log, useless for
    /// anything else.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.expose().as_bytes());
        let [a, b, c, d, ..] = <[u8; 32]>::from(digest);
        format!("{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

impl Nonce256 {
    /// 256 random bits as 43 characters of base64url, more than RFC 6749 §10.10 asks for.
    pub fn random(rng: &mut dyn rand::CryptoRng) -> Self {
        Self::new(random_base64url(rng))
    }
}

impl CodeVerifier {
    /// 256 random bits as 43 unreserved characters (RFC 7636 §4.1).
    pub fn random(rng: &mut dyn rand::CryptoRng) -> Self {
        Self::new(random_base64url(rng))
    }
}

fn random_base64url(rng: &mut dyn rand::CryptoRng) -> String {
    use base64::Engine as _;
    let mut bytes = Zeroizing::new([0u8; 32]);
    rng.fill_bytes(bytes.as_mut());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes.as_ref())
}

impl<K> Clone for Secret<K> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), kind: PhantomData }
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
        let token = RefreshToken::new("canary");
        assert_eq!(
            format!("{token:?} {:#?}", Some(&token)),
            "RefreshToken[redacted] Some(\n    RefreshToken[redacted],\n)"
        );
    }

    #[test]
    fn comparison_tells_equal_from_different_of_any_length() {
        let key = AppKey::new("abc");
        for (other, equal) in [("abc", true), ("abd", false), ("ab", false), ("", false), ("abcd", false)] {
            assert_eq!(key.matches(other), equal, "{other:?}");
        }
    }

    #[test]
    fn random_values_are_43_unreserved_characters_and_never_repeat() {
        let mut rng = rand::rng();
        let made: std::collections::HashSet<String> =
            (0..10_000).map(|_| Nonce256::random(&mut rng).expose().to_owned()).collect();
        assert_eq!(made.len(), 10_000);
        assert!(
            made.iter()
                .all(|v| { v.len() == 43 && v.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') })
        );
    }
}
