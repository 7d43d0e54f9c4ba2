//! How the client proves itself (RFC 6749 §2.3, RFC 7523 §2.2): by one method per request, never two.

use url::Url;
use zeroize::Zeroizing;

use super::encoding::{Space, basic, json, pairs};
use super::{Credentials, HttpRequest, Parameters, Unbuildable};
use crate::oauth::assertion::{self, Signing};
use crate::oauth::dialect::{BodyEncoding, ClientAuth, Dialect};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The POST of these parameters by this client.
pub(super) fn authenticated(
    dialect: &Dialect,
    encoding: BodyEncoding,
    url: &Url,
    parameters: Parameters<'_>,
    credentials: &Credentials,
    signing: Signing<'_>,
) -> Result<HttpRequest, Unbuildable> {
    let (id, secret) = (credentials.client_id.as_str(), credentials.client_secret.as_ref());
    let assertion = match dialect.client_auth {
        ClientAuth::PrivateKeyJwt => Some(assertion::sign(credentials, audience(dialect, url), signing)?),
        _ => None,
    };
    let mut parameters: Parameters<'_> = parameters;
    let mut authorization = None;
    // An authorization request that is pushed has it already.
    let names_client = parameters.iter().any(|(name, _)| *name == "client_id");
    match (dialect.client_auth, secret) {
        (ClientAuth::Basic, Some(secret)) => authorization = Some(basic(id, secret.expose())),
        _ if names_client => {}
        _ => parameters.push(("client_id", id)),
    }
    if let (ClientAuth::Post, Some(secret)) = (dialect.client_auth, secret) {
        parameters.push(("client_secret", secret.expose()));
    }
    if let Some(assertion) = &assertion {
        parameters.push(("client_assertion_type", ASSERTION_TYPE));
        parameters.push(("client_assertion", assertion));
    }
    let mut request = HttpRequest {
        method: "POST",
        url: url.clone(),
        query: None,
        authorization,
        content_type: None,
        body: Zeroizing::default(),
    };
    match encoding {
        BodyEncoding::Form => {
            request.content_type = Some("application/x-www-form-urlencoded");
            request.body = into_bytes(pairs(&parameters, Space::Plus));
        }
        BodyEncoding::Json => {
            request.content_type = Some("application/json");
            request.body = json(&parameters);
        }
        BodyEncoding::Query => request.query = Some(pairs(&parameters, Space::Percent)),
    }
    Ok(request)
}

/// Whom an assertion is for (RFC 7523 §3): the issuer, or where none is known the token endpoint.
fn audience<'a>(dialect: &'a Dialect, url: &'a Url) -> &'a str {
    let token_url = dialect.endpoints.token.as_ref().unwrap_or(url);
    dialect.issuer.as_deref().unwrap_or(token_url.as_str())
}

/// The same memory, still wiped.
fn into_bytes(mut text: Zeroizing<String>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}
