//! DPoP (RFC 9449): tokens that are bound to a key, and the proofs of that key that go with each request.
//!
//! The key is one of P-256, since every server that knows DPoP knows ES256. A proof is good for one request: it names
//! method and URL, is unique, and ages within seconds.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SecureRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;
use zeroize::Zeroizing;

use super::scope::is_scope_byte;
use crate::clock::Wall;
use crate::secret::{AccessToken, DpopKey};

/// The `token_type` of bound tokens, and the scheme by which they are sent (§5, §7.1).
pub(crate) const SCHEME: &str = "DPoP";
/// The header of a proof (§4.1).
pub(crate) const HEADER: &str = "dpop";
/// The header in which a server says which nonce the next proof has to have (§8.1).
pub(crate) const NONCE_HEADER: &str = "dpop-nonce";
/// The error of a request whose proof needs a nonce, or another one (§8, §9).
const WANTS_NONCE: &str = "use_dpop_nonce";

/// Random bytes of a `jti`. §4.2 requires 96 bits.
const ID: usize = 16;
/// Longest nonce that is kept, in bytes.
const LONGEST_NONCE: usize = 1024;
/// An uncompressed point of P-256: a byte, and two coordinates of this many.
const COORDINATE: usize = 32;

/// Why there is no key, or no proof. Contains no part of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProofError {
    /// No key could be made.
    #[error("the system gave no randomness for a DPoP key")]
    NoRandomness,
    /// The stored key can't be read.
    #[error("the DPoP key of the login is damaged: only another login helps")]
    Unreadable,
    /// The signature failed.
    #[error("the DPoP key could not sign")]
    Failed,
}

/// What a proof is about.
#[derive(Clone, Copy)]
pub(crate) struct Proof<'a> {
    /// The request's method.
    pub(crate) method: &'a str,
    /// Its URL.
    pub(crate) url: &'a Url,
    /// The access token that goes with it; a request for a token has none.
    pub(crate) token: Option<&'a str>,
    /// The nonce that the server wants.
    pub(crate) nonce: Option<&'a str>,
}

/// A key for one login: PKCS#8 in base64url, which is what the record keeps.
pub(crate) fn new_key(rng: &dyn SecureRandom) -> Result<DpopKey, ProofError> {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, rng);
    let document = document.map_err(|_| ProofError::NoRandomness)?;
    let mut text = Zeroizing::new(String::with_capacity(document.as_ref().len() * 2));
    URL_SAFE_NO_PAD.encode_string(document.as_ref(), &mut text);
    Ok(DpopKey::new(text.as_str()))
}

/// The key's thumbprint (RFC 7638): the `dpop_jkt` of an authorization request (§10).
pub(crate) fn thumbprint(key: &DpopKey) -> Result<String, ProofError> {
    let [x, y] = coordinates(&document(key)?).ok_or(ProofError::Unreadable)?;
    // The required members in their order, without white space (RFC 7638 §3.2).
    let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    Ok(encode(&Sha256::digest(jwk.as_bytes())))
}

/// The JWT that goes into the header `DPoP` (§4.2).
pub(crate) fn proof(
    key: &DpopKey,
    of: &Proof<'_>,
    now: Wall,
    rng: &dyn SecureRandom,
) -> Result<Zeroizing<String>, ProofError> {
    let document = document(key)?;
    let [x, y] = coordinates(&document).ok_or(ProofError::Unreadable)?;
    // ring compares the public part with the private one.
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &document, rng);
    let pair = pair.map_err(|_| ProofError::Unreadable)?;
    let mut id = [0; ID];
    rng.fill(&mut id).map_err(|_| ProofError::Failed)?;
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
    let mut claims = json!({
        "jti": encode(&id),
        "htm": of.method,
        "htu": bare(of.url),
        "iat": now.unix_seconds(),
    });
    if let Some(claims) = claims.as_object_mut() {
        claims.extend(of.nonce.map(|nonce| ("nonce".to_owned(), nonce.into())));
        let hash = of.token.map(|token| encode(&Sha256::digest(token.as_bytes())));
        claims.extend(hash.map(|hash| ("ath".to_owned(), hash.into())));
    }
    let message = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = pair.sign(rng, message.as_bytes()).map_err(|_| ProofError::Failed)?;
    Ok(Zeroizing::new(format!("{message}.{}", encode(signature.as_ref()))))
}

/// The `Authorization` of a token: `DPoP TOKEN` if it is bound to a key (§7.1), else `Bearer TOKEN` (RFC 6750 §2.1).
pub(crate) fn authorization(token: &AccessToken, is_bound: bool) -> Zeroizing<String> {
    let scheme = if is_bound { SCHEME } else { "Bearer" };
    // Allocated once: growing would leave a copy behind.
    let mut value = Zeroizing::new(String::with_capacity(scheme.len() + 1 + token.expose().len()));
    value.extend([scheme, " ", token.expose()]);
    value
}

/// The nonce, if it is one (§8.1): printable ASCII that fits into a JSON string and a header unescaped.
pub(crate) fn nonce(text: &str) -> Option<&str> {
    Some(text).filter(|text| (1..=LONGEST_NONCE).contains(&text.len()) && text.bytes().all(is_scope_byte))
}

/// Whether an authorization server refuses a request for its proof's nonce alone (§8): nothing of it was used up.
pub(crate) fn server_wants_nonce(status: u16, body: &[u8]) -> bool {
    let error = || serde_json::from_slice::<Value>(body).ok()?.get("error")?.as_str().map(str::to_owned);
    matches!(status, 400 | 401) && error().as_deref() == Some(WANTS_NONCE)
}

/// The same of a resource (§9), which says it in `WWW-Authenticate`.
pub(crate) fn resource_wants_nonce<'a>(status: u16, challenges: impl IntoIterator<Item = &'a str>) -> bool {
    let all = challenges.into_iter().filter_map(|value| http_auth::parse_challenges(value).ok()).flatten();
    let wants = |challenge: http_auth::ChallengeRef<'_>| {
        let mut errors = challenge.params.iter().filter(|(name, _)| name.eq_ignore_ascii_case("error"));
        challenge.scheme.eq_ignore_ascii_case(SCHEME) && errors.any(|(_, value)| value.to_unescaped() == WANTS_NONCE)
    };
    status == 401 && all.into_iter().any(wants)
}

/// Without query and fragment (§4.2, `htu`).
fn bare(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

fn document(key: &DpopKey) -> Result<Zeroizing<Vec<u8>>, ProofError> {
    URL_SAFE_NO_PAD.decode(key.expose()).map(Zeroizing::new).map_err(|_| ProofError::Unreadable)
}

/// The public point, in base64url: PKCS#8 as ring writes it ends with it (RFC 5915 §3, `publicKey`).
fn coordinates(document: &[u8]) -> Option<[String; 2]> {
    const UNCOMPRESSED: u8 = 4;
    let point = document.get(document.len().checked_sub(1 + 2 * COORDINATE)?..)?;
    let (x, y) = point.strip_prefix(&[UNCOMPRESSED])?.split_at_checked(COORDINATE)?;
    Some([encode(x), encode(y)])
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests;
