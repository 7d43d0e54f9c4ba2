//! Client assertions (`private_key_jwt`, RFC 7523 §2.2): a signed JWT as client authentication.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SecureRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;
use url::Url;
use zeroize::Zeroizing;

use crate::clock::Wall;
use crate::oauth::credentials::Credentials;
use crate::secret::{Nonce256, PrivateKey};

/// Lifetime of an assertion in seconds: it is sent at once, and only once.
const LIFE: i64 = 60;

/// What a signature needs from outside.
#[derive(Clone, Copy)]
pub(crate) struct Signing<'a> {
    /// The time.
    pub(crate) now: Wall,
    /// Makes this assertion unique (`jti`).
    pub(crate) id: &'a Nonce256,
    /// ECDSA needs randomness for every signature.
    pub(crate) rng: &'a dyn SecureRandom,
    /// The nonce that the server of a URL wants in DPoP proofs (RFC 9449 §8).
    pub(crate) dpop_nonce: &'a dyn Fn(&Url) -> Option<String>,
}

/// Why nothing can be signed. Contains no part of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    /// `private_key_jwt` without a key.
    #[error("there is no client key to sign with (`client_key_file`)")]
    Missing,
    /// Not PEM, or PEM without a private key.
    #[error("the client key is not a private key in PEM (PKCS#8, SEC1 or PKCS#1, without a passphrase)")]
    NotPem,
    /// A key of a kind, curve or size that is not supported.
    #[error(
        "the client key is of an unsupported kind; supported are RSA of 2048 to 4096 bits, EC P-256 or P-384, and Ed25519"
    )]
    Unusable,
    /// The signature failed.
    #[error("the client key could not sign")]
    Failed,
}

/// Whether a PEM key can sign assertions.
pub(crate) fn check_key(pem: &PrivateKey, rng: &dyn SecureRandom) -> Result<(), KeyError> {
    Signer::read(pem.expose(), rng).map(drop)
}

/// A JWT that identifies the client to `audience`, signed with the client's key (RFC 7523 §3).
pub(crate) fn sign(
    credentials: &Credentials,
    audience: &str,
    signing: Signing<'_>,
) -> Result<Zeroizing<String>, KeyError> {
    let key = credentials.client_key.as_ref().ok_or(KeyError::Missing)?;
    let signer = Signer::read(key.pem.expose(), signing.rng)?;
    let mut header = json!({ "alg": signer.algorithm(), "typ": "JWT" });
    if let (Some(id), Some(header)) = (&key.id, header.as_object_mut()) {
        header.insert("kid".to_owned(), id.as_str().into());
    }
    let now = signing.now.unix_seconds();
    let claims = json!({
        "iss": credentials.client_id,
        "sub": credentials.client_id,
        "aud": audience,
        "jti": signing.id.expose(),
        "iat": now,
        "exp": now.saturating_add(LIFE),
    });
    let message = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = signer.sign(message.as_bytes(), signing.rng)?;
    Ok(Zeroizing::new(format!("{message}.{}", encode(&signature))))
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key and its algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    fn read(pem: &str, rng: &dyn SecureRandom) -> Result<Self, KeyError> {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map(Zeroizing::new).map_err(|_| KeyError::NotPem)?;
        match &*der {
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).ok().map(Self::Rsa),
            PrivateKeyDer::Sec1(key) => [Curve::P256, Curve::P384]
                .into_iter()
                .find_map(|curve| Self::elliptic(curve, &curve.wrap(key.secret_sec1_der()), rng)),
            PrivateKeyDer::Pkcs8(key) => Self::pkcs8(key.secret_pkcs8_der(), rng),
            _ => None,
        }
        .ok_or(KeyError::Unusable)
    }

    /// The key names its own kind; each parser accepts only that one.
    fn pkcs8(der: &[u8], rng: &dyn SecureRandom) -> Option<Self> {
        Self::elliptic(Curve::P256, der, rng)
            .or_else(|| Self::elliptic(Curve::P384, der, rng))
            .or_else(|| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Self::Ed25519))
            .or_else(|| RsaKeyPair::from_pkcs8(der).ok().map(Self::Rsa))
    }

    fn elliptic(curve: Curve, der: &[u8], rng: &dyn SecureRandom) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(curve.algorithm(), der, rng).ok()?;
        Some(match curve {
            Curve::P256 => Self::P256(pair),
            Curve::P384 => Self::P384(pair),
        })
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
            Self::P384(_) => "ES384",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    fn sign(&self, message: &[u8], rng: &dyn SecureRandom) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let done = pair.sign(&RSA_PKCS1_SHA256, rng, message, &mut signature);
                done.map(|()| signature).map_err(|_| KeyError::Failed)
            }
            Self::P256(pair) | Self::P384(pair) => {
                pair.sign(rng, message).map(|made| made.as_ref().to_vec()).map_err(|_| KeyError::Failed)
            }
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

#[derive(Clone, Copy)]
enum Curve {
    P256,
    P384,
}

impl Curve {
    fn algorithm(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        }
    }

    /// The `AlgorithmIdentifier` of RFC 5480 §2.1.1: `id-ecPublicKey` and the curve's name.
    fn identifier(self) -> &'static [u8] {
        match self {
            Self::P256 => b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
            Self::P384 => b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22",
        }
    }

    /// A SEC1 key (RFC 5915) as PKCS#8 (RFC 5208 §5), the only format that ring reads.
    fn wrap(self, sec1: &[u8]) -> Zeroizing<Vec<u8>> {
        const VERSION: &[u8] = b"\x02\x01\x00";
        const OCTETS: u8 = 0x04;
        const SEQUENCE: u8 = 0x30;
        let (wrapped, identifier) = (length(sec1.len()), self.identifier());
        let inside = VERSION.len() + identifier.len() + 1 + wrapped.len() + sec1.len();
        let mut der = Zeroizing::new(Vec::with_capacity(inside + 8));
        der.push(SEQUENCE);
        der.extend_from_slice(&length(inside));
        der.extend_from_slice(VERSION);
        der.extend_from_slice(identifier);
        der.push(OCTETS);
        der.extend_from_slice(&wrapped);
        der.extend_from_slice(sec1);
        der
    }
}

/// A DER length (X.690 §8.1.3). One beyond any key's is clamped, which makes the key unreadable.
fn length(bytes: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes();
    match (high, low) {
        (0, 0..0x80) => vec![low],
        (0, _) => vec![0x81, low],
        _ => vec![0x82, high, low],
    }
}

#[cfg(test)]
mod tests;
