//! What goes to the upstream in place of the program's key: the account's token, and where that is bound to a key, a proof
//! of the key that is made for this request alone (RFC 9449 §7).

use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
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
        let unfit = |_| "a token that is not valid in a header was served".to_owned();
        let authorization = dpop::authorization(&self.token, self.key.is_some());
        headers.insert(header::AUTHORIZATION, sensitive(authorization).map_err(unfit)?);
        let Some(key) = &self.key else { return Ok(()) };
        let nonce = nonces.get(url);
        let (method, token) = (method.as_str(), Some(self.token.expose()));
        let of = Proof { method, url, token, nonce: nonce.as_deref() };
        let proof = dpop::proof(key, &of, now, &SystemRandom::new());
        let proof = proof.map_err(|why| why.to_string())?;
        headers.insert(DPOP, sensitive(proof).map_err(unfit)?);
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

/// A header's value that no log shows, and that is wiped after it was sent.
pub(super) fn sensitive(text: Zeroizing<String>) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))?;
    value.set_sensitive(true);
    Ok(value)
}
