//! The secrets of the daemon, each a type of its own. See [`Secret`]: they can't be printed, logged, compared
//! with `==` or serialised, and their memory is wiped when they are dropped.
//!
//! [`Secret::expose`] is for the places where a secret leaves the process or is compared with input, and for nothing
//! else: `oauth::exchange`, `oauth::assertion`, `oauth::dpop` and `oauth::authorize` (requests), `store::record` (the sealed file),
//! `broker` and `http` (token reply, flow cookie, start ticket), `client` and `cli` (key and token of the caller),
//! `store::key::passphrase` (to stretch it), `store::envelope` (the same, for an age file). Every other place has to be
//! explained.

pub mod source;
pub mod text;

pub use ringback_client::secret::{AccessToken, AppKey, Secret, SecretKind};
use zeroize::Zeroizing;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident => $alias:ident;)*) => {
        /// The kinds of secret that only the daemon has.
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
    /// Exchanged for a new access token, and never given to a caller (RFC 6749 §1.5).
    Refresh => RefreshToken;
    /// The client's own secret at the provider (RFC 6749 §2.3.1).
    Client => ClientSecret;
    /// The one-time code in the redirect (RFC 6749 §1.3.1).
    Code => AuthorizationCode;
    /// The PKCE code verifier (RFC 7636 §4.1).
    Verifier => CodeVerifier;
    /// A user's password at the provider (RFC 6749 §4.3.2).
    UserPassword => Password;
    /// What a person unlocks the store with.
    Phrase => Passphrase;
    /// The one-time code with which a device polls for its token (RFC 8628 §3.2).
    Device => DeviceCode;
    /// A client's private key in PEM (RFC 7523 §2.2).
    Key => PrivateKey;
    /// The private key of a login whose tokens are bound to it (RFC 9449), as PKCS#8 in base64url.
    Dpop => DpopKey;
    /// An unguessable value that this daemon generated: state, ticket, cookie, key of an app.
    Nonce => Nonce256;
}

/// A secret that the daemon generates itself.
pub trait RandomSecret {
    /// 256 random bits as 43 unreserved characters of base64url: more than RFC 6749 §10.10 requires, and what RFC 7636
    /// §4.1 requires of a code verifier.
    fn random(rng: &mut dyn rand::CryptoRng) -> Self;
}

impl RandomSecret for Nonce256 {
    fn random(rng: &mut dyn rand::CryptoRng) -> Self {
        Self::new(random_base64url(rng))
    }
}

impl RandomSecret for CodeVerifier {
    fn random(rng: &mut dyn rand::CryptoRng) -> Self {
        Self::new(random_base64url(rng))
    }
}

fn random_base64url(rng: &mut dyn rand::CryptoRng) -> String {
    use base64::Engine as _;
    let mut bytes = Zeroizing::new([0u8; 32]);
    rng.fill_bytes(bytes.as_mut());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes.as_ref())
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
