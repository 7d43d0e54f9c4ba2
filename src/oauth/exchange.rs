//! Token and revocation requests as values: built here, sent by `provider`.

use base64::Engine as _;
use url::Url;
use zeroize::Zeroizing;

use crate::oauth::dialect::{BodyEncoding, ClientAuth, Dialect, NoEndpoint, Revoke};
use crate::oauth::grant::TokenSet;
use crate::secret::{AuthorizationCode, ClientSecret, CodeVerifier, DeviceCode, Password, PrivateKey, RefreshToken};

/// What is traded for an access token.
#[derive(Debug, Clone)]
pub enum Trade {
    /// RFC 6749 §4.1.3.
    AuthorizationCode {
        /// The one-time code.
        code: AuthorizationCode,
        /// Byte for byte the one of the authorization request.
        redirect_uri: String,
        /// The attempt's PKCE verifier, if a challenge was sent.
        verifier: Option<CodeVerifier>,
        /// What the token is for; its scope was asked for in the authorization request.
        target: Target,
    },
    /// RFC 6749 §6.
    RefreshToken {
        /// The refresh token.
        token: RefreshToken,
        /// What the token is for; a scope is sent only if there is one: a narrower one than was granted.
        target: Target,
    },
    /// RFC 6749 §4.4.
    ClientCredentials {
        /// What the token is for.
        target: Target,
    },
    /// RFC 6749 §4.3.
    Password {
        /// Who.
        user: User,
        /// The user's password.
        password: Password,
        /// What the token is for.
        target: Target,
    },
    /// RFC 8628 §3.4.
    DeviceCode {
        /// The device code.
        code: DeviceCode,
        /// What the token is for; its scope was asked for in the device authorization request.
        target: Target,
    },
}

/// What a token is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Scopes; none: what the provider gives by itself.
    pub scope: Vec<String>,
    /// Resource indicators (RFC 8707).
    pub resource: Vec<String>,
    /// The `audience` of providers that have their own word for it.
    pub audience: Option<String>,
}

/// Whose password it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// `username` (RFC 6749 §4.3.2).
    Name(String),
    /// `phonenumber` (Phone.com).
    PhoneNumber(String),
}

/// The client's identity at the provider.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Its public name.
    pub client_id: String,
    /// Its password; a public client has none.
    pub client_secret: Option<ClientSecret>,
    /// Its private key, for assertions (RFC 7523 §2.2).
    pub client_key: Option<ClientKey>,
}

/// A private key to sign with.
#[derive(Debug, Clone)]
pub struct ClientKey {
    /// PKCS#8, SEC1 or PKCS#1, in PEM.
    pub pem: PrivateKey,
    /// Its id at the provider (`kid`).
    pub id: Option<String>,
}

/// An HTTP request, ready to be sent. `Debug` is left out on purpose: it holds secrets.
pub struct HttpRequest {
    /// `POST` or `DELETE`.
    pub method: &'static str,
    /// Where to. Holds no secret.
    pub url: Url,
    /// The `Authorization` header.
    pub authorization: Option<Zeroizing<String>>,
    /// The `Content-Type` header.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Zeroizing<Vec<u8>>,
}

type Parameters<'a> = Vec<(&'a str, &'a str)>;

/// The request to the token endpoint.
pub fn token_request(dialect: &Dialect, trade: &Trade, credentials: &Credentials) -> Result<HttpRequest, NoEndpoint> {
    let mut parameters: Parameters<'_> = Vec::new();
    match trade {
        Trade::AuthorizationCode { code, redirect_uri, verifier, .. } => {
            parameters.push(("grant_type", "authorization_code"));
            parameters.push(("code", code.expose()));
            parameters.push(("redirect_uri", redirect_uri));
            if let Some(verifier) = verifier {
                parameters.push(("code_verifier", verifier.expose()));
            }
        }
        Trade::RefreshToken { token, .. } => {
            parameters.push(("grant_type", "refresh_token"));
            parameters.push(("refresh_token", token.expose()));
        }
        Trade::ClientCredentials { .. } | Trade::Password { .. } | Trade::DeviceCode { .. } => {}
    }
    parameters.extend(dialect.extra_token.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    Ok(authenticated(dialect, dialect.token_url()?.clone(), parameters, credentials))
}

/// The request that gives the tokens back, if the provider has a way.
pub fn revoke_request(dialect: &Dialect, tokens: &TokenSet, credentials: &Credentials) -> Option<HttpRequest> {
    match &dialect.revoke {
        Revoke::Unsaid | Revoke::None => None,
        Revoke::DeleteBearer(url) => Some(HttpRequest {
            method: "DELETE",
            url: url.clone(),
            authorization: Some(Zeroizing::new(format!("Bearer {}", tokens.access_token.expose()))),
            content_type: None,
            body: Zeroizing::default(),
        }),
        // The refresh token: revoking it ends the access tokens too (RFC 7009 §2.1).
        Revoke::Rfc7009(url) => {
            let (token, kind) = match &tokens.refresh_token {
                Some(token) => (token.expose(), "refresh_token"),
                None => (tokens.access_token.expose(), "access_token"),
            };
            let form = Dialect { body: BodyEncoding::Form, ..dialect.clone() };
            Some(authenticated(&form, url.clone(), vec![("token", token), ("token_type_hint", kind)], credentials))
        }
    }
}

fn authenticated<'a>(
    dialect: &Dialect,
    url: Url,
    mut parameters: Parameters<'a>,
    credentials: &'a Credentials,
) -> HttpRequest {
    let mut authorization = None;
    match (dialect.client_auth, &credentials.client_secret) {
        (ClientAuth::Basic, Some(secret)) => authorization = Some(basic(&credentials.client_id, secret)),
        (ClientAuth::Post, Some(secret)) => {
            parameters.push(("client_id", &credentials.client_id));
            parameters.push(("client_secret", secret.expose()));
        }
        (ClientAuth::None | ClientAuth::PrivateKeyJwt, _) | (_, None) => {
            parameters.push(("client_id", &credentials.client_id))
        }
    }
    let (content_type, body) = match dialect.body {
        BodyEncoding::Form | BodyEncoding::Query => ("application/x-www-form-urlencoded", form(&parameters)),
        BodyEncoding::Json => ("application/json", json(&parameters)),
    };
    HttpRequest { method: "POST", url, authorization, content_type: Some(content_type), body }
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they are joined.
fn basic(client_id: &str, secret: &ClientSecret) -> Zeroizing<String> {
    let encode = |text: &str| Zeroizing::new(url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
    let pair = Zeroizing::new(format!("{}:{}", *encode(client_id), *encode(secret.expose())));
    let encoded = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(pair.as_bytes()));
    Zeroizing::new(format!("Basic {}", *encoded))
}

fn form(parameters: &Parameters<'_>) -> Zeroizing<Vec<u8>> {
    let capacity = parameters.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    // Room for the worst case, so that growing leaves no copy behind.
    let mut form = url::form_urlencoded::Serializer::new(String::with_capacity(capacity));
    form.extend_pairs(parameters);
    Zeroizing::new(form.finish().into_bytes())
}

fn json(parameters: &Parameters<'_>) -> Zeroizing<Vec<u8>> {
    let capacity = parameters.iter().map(|(name, value)| 6 * (name.len() + value.len()) + 6).sum::<usize>() + 2;
    let mut body = Zeroizing::new(Vec::with_capacity(capacity));
    let mut serializer = serde_json::Serializer::new(&mut *body);
    // Strings into memory: there is nothing that can fail.
    let _ = serde::Serializer::collect_map(&mut serializer, parameters.iter().copied());
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::dialect::tests::dialect;

    fn code() -> Trade {
        Trade::AuthorizationCode {
            code: AuthorizationCode::new("C~6"),
            redirect_uri: "http://127.0.0.1:7464/callback/p".into(),
            verifier: Some(CodeVerifier::new("V")),
            target: Target::default(),
        }
    }

    fn check(auth: ClientAuth, body: BodyEncoding, trade: &Trade, secret: Option<&str>, expected: &str) {
        let dialect = Dialect { client_auth: auth, body, ..dialect() };
        let credentials =
            Credentials { client_id: "my id".into(), client_secret: secret.map(ClientSecret::new), client_key: None };
        let request = token_request(&dialect, trade, &credentials).unwrap();
        let header = request.authorization.as_deref().map_or("-", String::as_str);
        let got =
            format!("{} {header} {}", request.content_type.unwrap(), String::from_utf8(request.body.to_vec()).unwrap());
        assert_eq!(got, expected);
    }

    #[test]
    fn token_requests_are_exactly_as_each_dialect_wants_them() {
        let refresh = Trade::RefreshToken { token: RefreshToken::new("R\"~+"), target: Target::default() };
        check(
            ClientAuth::Post,
            BodyEncoding::Json,
            &code(),
            Some("S&"),
            r#"application/json - {"grant_type":"authorization_code","code":"C~6","redirect_uri":"http://127.0.0.1:7464/callback/p","code_verifier":"V","client_id":"my id","client_secret":"S&"}"#,
        );
        check(
            ClientAuth::Post,
            BodyEncoding::Json,
            &refresh,
            Some("S&"),
            r#"application/json - {"grant_type":"refresh_token","refresh_token":"R\"~+","client_id":"my id","client_secret":"S&"}"#,
        );
        check(
            ClientAuth::Post,
            BodyEncoding::Form,
            &refresh,
            Some("S&"),
            "application/x-www-form-urlencoded - grant_type=refresh_token&refresh_token=R%22%7E%2B&client_id=my+id&client_secret=S%26",
        );
        // base64("my+id:s%3A%2B%2F%25%26+%C3%A9")
        check(
            ClientAuth::Basic,
            BodyEncoding::Form,
            &refresh,
            Some("s:+/%& é"),
            "application/x-www-form-urlencoded Basic bXkraWQ6cyUzQSUyQiUyRiUyNSUyNislQzMlQTk= grant_type=refresh_token&refresh_token=R%22%7E%2B",
        );
        check(
            ClientAuth::None,
            BodyEncoding::Form,
            &refresh,
            None,
            "application/x-www-form-urlencoded - grant_type=refresh_token&refresh_token=R%22%7E%2B&client_id=my+id",
        );
    }
}
