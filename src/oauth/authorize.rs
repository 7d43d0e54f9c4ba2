//! The authorization request (RFC 6749 §4.1.1) with PKCE (RFC 7636).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::oauth::dialect::{Dialect, NoEndpoint, NoncePolicy, Pkce};
use crate::oauth::exchange::{self, Target, for_target};
use crate::oauth::reply::{self, Failed, ReceivedReply};
use crate::secret::{CodeVerifier, Nonce256};

/// The parts of an authorization request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuthorizationRequest<'a> {
    /// The provider.
    pub(crate) dialect: &'a Dialect,
    /// The client id.
    pub(crate) client_id: &'a str,
    /// The redirect URI, byte for byte the one in the token request.
    pub(crate) redirect_uri: &'a str,
    /// What the tokens are for.
    pub(crate) target: &'a Target,
    /// The requested response type.
    pub(crate) response_type: ResponseType,
    /// Returned in the ID token, if one is requested (OpenID Connect Core §3.1.2.1, §3.2.2.1).
    pub(crate) nonce: &'a Nonce256,
    /// Returned with the authorization response (RFC 6749 §10.12).
    pub(crate) state: &'a Nonce256,
    /// The attempt's own verifier; its challenge is sent unless the dialect says not to.
    pub(crate) verifier: &'a CodeVerifier,
    /// The thumbprint of the key that the tokens will be bound to: a stolen code is useless without it (RFC 9449 §10).
    pub(crate) dpop_jkt: Option<&'a str>,
}

/// The response type (RFC 6749 §3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseType {
    /// A code, in the query.
    Code,
    /// A token, in the fragment; with the scope `openid`, also an ID token.
    Token,
}

/// Longest `request_uri` that is accepted, in bytes.
const LONGEST_REQUEST_URI: usize = 2048;

impl AuthorizationRequest<'_> {
    /// The URL for the browser. A query that the endpoint already has is kept (RFC 6749 §3.1). Contains neither the
    /// client secret nor the verifier.
    pub(crate) fn url(&self) -> Result<Url, NoEndpoint> {
        plain_url(self.dialect, &self.parameters())
    }

    /// The parameters, for the URL or to be pushed (RFC 9126 §2.1).
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let scope = self.target.scope.join(&self.dialect.scope_separator);
        let response_type = match self.response_type {
            ResponseType::Code => "code",
            ResponseType::Token if wants_id_token(self.target) => "id_token token",
            ResponseType::Token => "token",
        };
        let mut parameters =
            vec![("response_type", response_type), ("client_id", self.client_id), ("redirect_uri", self.redirect_uri)];
        let challenge = challenge(self.verifier);
        if !scope.is_empty() {
            parameters.push(("scope", &scope));
        }
        parameters.push(("state", self.state.expose()));
        if sends_nonce(self.dialect, self.target) {
            parameters.push(("nonce", self.nonce.expose()));
        }
        // Without a code exchange, there is nothing for PKCE to protect.
        if self.dialect.pkce != Pkce::Off && self.response_type == ResponseType::Code {
            parameters.push(("code_challenge", &challenge));
            parameters.push(("code_challenge_method", "S256"));
        }
        parameters.extend(self.dpop_jkt.map(|thumbprint| ("dpop_jkt", thumbprint)));
        parameters.extend(for_target(self.target, ""));
        let extra = self.dialect.extra_authorize.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        exchange::add(&mut parameters, extra);
        parameters.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// The URL for the browser, with these request parameters.
pub(crate) fn plain_url(dialect: &Dialect, parameters: &[(String, String)]) -> Result<Url, NoEndpoint> {
    Ok(with_query(dialect.authorize_url()?, parameters))
}

/// Whether an ID token is requested (OpenID Connect Core §3.1.2.1).
fn wants_id_token(target: &Target) -> bool {
    target.scope.iter().any(|scope| scope == "openid")
}

/// Whether the request has a nonce, which the ID token then has to repeat. OpenID Connect Core requires it in the
/// implicit flow (§3.2.2.1) and allows it in the code flow (§3.1.2.1), where some servers require it too. Without
/// `openid` it has no meaning.
pub(crate) fn sends_nonce(dialect: &Dialect, target: &Target) -> bool {
    dialect.nonce == NoncePolicy::Send && wants_id_token(target)
}

/// The URL for the browser after the request was pushed: only `client_id` and `request_uri` (RFC 9126 §4).
pub(crate) fn pushed_url(dialect: &Dialect, client_id: &str, request_uri: &str) -> Result<Url, NoEndpoint> {
    let parameters =
        [("client_id".to_owned(), client_id.to_owned()), ("request_uri".to_owned(), request_uri.to_owned())];
    Ok(with_query(dialect.authorize_url()?, &parameters))
}

/// `+` for a space is form encoding; a provider that reads the query by RFC 3986 (Phone.com writes `%20`) would take it
/// literally, and every server understands `%20`.
fn with_query(endpoint: &Url, parameters: &[(String, String)]) -> Url {
    let mut url = endpoint.clone();
    url.query_pairs_mut().extend_pairs(parameters);
    let query = url.query().map(|query| query.replace('+', "%20"));
    url.set_query(query.as_deref());
    url
}

/// The `request_uri` in the reply to a pushed request (RFC 9126 §2.2).
pub fn pushed(received: ReceivedReply<'_>) -> Result<String, Failed> {
    let reply = reply::document(received)?;
    let printable =
        |uri: &&str| (1..=LONGEST_REQUEST_URI).contains(&uri.len()) && uri.bytes().all(|byte| byte.is_ascii_graphic());
    let uri = reply.get("request_uri").and_then(Value::as_str).filter(printable);
    uri.map(str::to_owned).ok_or_else(|| Failed::nonsense("the reply has no usable request_uri"))
}

/// `BASE64URL(SHA256(verifier))` (RFC 7636 §4.2).
pub(super) fn challenge(verifier: &CodeVerifier) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()))
}

#[cfg(test)]
mod tests;
