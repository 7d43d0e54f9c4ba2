//! What goes to the upstream in place of the program's key: the account's token, and where that is bound to a key, a proof
//! of the key that is made for this request alone (RFC 9449 §7).

use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response};
use ring::rand::SystemRandom;
use url::Url;
use zeroize::Zeroizing;

use super::dpop_nonces::DpopNonces;
use crate::clock::Wall;
use crate::oauth::dpop::{self, Proof};
use crate::secret::{AccessToken, DpopKey};

/// The header of a proof.
const DPOP: HeaderName = HeaderName::from_static(dpop::HEADER);

/// A token, and the key that it is bound to. Wiped after use.
pub(crate) struct Credential {
    /// The token.
    pub(crate) token: AccessToken,
    /// The key; `None`: it is a bearer token.
    pub(crate) key: Option<DpopKey>,
}

impl Credential {
    /// Adds the header lines that show the token to the server of `url`. The error is one clause.
    pub(crate) fn show(
        &self,
        headers: &mut HeaderMap,
        (method, url): (&Method, &Url),
        nonces: &DpopNonces,
        now: Wall,
    ) -> Result<(), String> {
        let Some(key) = &self.key else {
            headers.insert(header::AUTHORIZATION, sensitive(joined("Bearer ", &self.token))?);
            return Ok(());
        };
        let nonce = nonces.get(url);
        let (method, token) = (method.as_str(), Some(self.token.expose()));
        let of = Proof { method, url, token, nonce: nonce.as_deref() };
        let proof = dpop::proof(key, &of, now, &SystemRandom::new());
        let proof = proof.map_err(|why| why.to_string())?;
        headers.insert(DPOP, sensitive(Zeroizing::new(proof.as_bytes().to_vec()))?);
        headers.insert(header::AUTHORIZATION, sensitive(joined("DPoP ", &self.token))?);
        Ok(())
    }

    /// Takes the nonce that the upstream named for the next proof. Returns whether this request was refused for its nonce
    /// alone, and can be sent again.
    pub(crate) fn wants_nonce<T>(&self, url: &Url, reply: &Response<T>, nonces: &DpopNonces) -> bool {
        if self.key.is_none() {
            return false;
        }
        let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
        let named = reply.headers().get(dpop::NONCE_HEADER).and_then(text);
        let is_named = nonces.note(url, named.as_deref());
        let challenges = reply.headers().get_all(header::WWW_AUTHENTICATE).iter();
        let challenges = challenges.filter_map(|value| value.to_str().ok());
        is_named && dpop::resource_wants_nonce(reply.status().as_u16(), challenges)
    }
}

fn joined(scheme: &str, token: &AccessToken) -> Zeroizing<Vec<u8>> {
    let token = token.expose();
    let mut text = Zeroizing::new(Vec::with_capacity(scheme.len() + token.len()));
    text.extend_from_slice(scheme.as_bytes());
    text.extend_from_slice(token.as_bytes());
    text
}

/// Wiped after it was sent.
fn sensitive(text: Zeroizing<Vec<u8>>) -> Result<HeaderValue, String> {
    let value = HeaderValue::from_maybe_shared(Bytes::from_owner(text));
    let mut value = value.map_err(|_| "a token that is not valid in a header was served".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}
