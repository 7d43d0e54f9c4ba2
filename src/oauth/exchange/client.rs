//! Client authentication (RFC 6749 §2.3, RFC 7523 §2.2): one method per request, never two.

use url::Url;
use zeroize::Zeroizing;

use super::encoding::{Space, basic, json, pairs};
use super::request::{FormParameters, HttpRequest, Unbuildable};
use crate::oauth::assertion::{self, Signing};
use crate::oauth::credentials::Credentials;
use crate::oauth::dialect::{AssertionAudience, BodyEncoding, ClientAuth, Dialect};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A POST request with these parameters, authenticated as this client.
pub(super) fn authenticated(
    dialect: &Dialect,
    encoding: BodyEncoding,
    url: &Url,
    parameters: FormParameters<'_>,
    credentials: &Credentials,
    signing: Signing<'_>,
) -> Result<HttpRequest, Unbuildable> {
    let (id, secret) = (credentials.client_id.as_str(), credentials.client_secret.as_ref());
    let assertion = match dialect.client_auth {
        ClientAuth::PrivateKeyJwt => Some(assertion::sign(credentials, audience(dialect, url), signing)?),
        _ => None,
    };
    let mut parameters: FormParameters<'_> = parameters;
    let mut authorization = None;
    // A pushed authorization request already has `client_id`.
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
        dpop: None,
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

/// The audience of an assertion (RFC 7523 §3).
fn audience<'a>(dialect: &'a Dialect, url: &'a Url) -> &'a str {
    let issuer = match dialect.assertion_audience {
        AssertionAudience::IssuerIfKnown | AssertionAudience::Issuer => dialect.issuer.as_deref(),
        AssertionAudience::TokenEndpoint => None,
    };
    issuer.unwrap_or(dialect.endpoints.token.as_ref().unwrap_or(url).as_str())
}

/// The same memory, still wiped.
fn into_bytes(mut text: Zeroizing<String>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::dialect::Endpoints;
    use crate::oauth::dialect::tests::dialect;

    #[test]
    fn an_assertion_is_for_the_issuer_or_for_the_token_endpoint_whichever_endpoint_is_asked() {
        use AssertionAudience::{Issuer, IssuerIfKnown, TokenEndpoint};
        let (issuer, token, asked) = ("https://id.example", "https://id.example/token", "https://id.example/par");
        for (audience, known, has_token, expected) in [
            (IssuerIfKnown, true, true, issuer),
            (IssuerIfKnown, false, true, token),
            (IssuerIfKnown, false, false, asked),
            (Issuer, true, true, issuer),
            (TokenEndpoint, true, true, token),
            (TokenEndpoint, false, true, token),
        ] {
            let token = has_token.then(|| Url::parse(token).unwrap());
            let dialect = Dialect {
                assertion_audience: audience,
                issuer: known.then(|| issuer.to_owned()),
                endpoints: Endpoints { token, ..Endpoints::default() },
                ..dialect()
            };
            let asked = Url::parse(asked).unwrap();
            assert_eq!(super::audience(&dialect, &asked), expected, "{audience:?} {known} {has_token}");
        }
    }
}
