//! HTTP requests to the authorization server as values: token, revocation, PAR, device and introspection requests are
//! built here and sent by `provider`.

mod client;
mod encoding;
mod request;

use std::collections::BTreeMap;

use url::Url;
use zeroize::Zeroizing;

use self::client::authenticated;
use self::request::FormParameters;
pub(crate) use self::request::{HttpRequest, Unbuildable};
use crate::oauth::assertion::Signing;
pub(crate) use crate::oauth::credentials::ClientKey;
pub use crate::oauth::credentials::Credentials;
use crate::oauth::dialect::{BodyEncoding, Dialect, NoEndpoint, Revoke};
use crate::oauth::dpop::{self, Proof};
use crate::oauth::grant::TokenSet;
use crate::secret::{AccessToken, AuthorizationCode, CodeVerifier, DeviceCode, DpopKey, Password, RefreshToken};

/// A grant: what is exchanged for an access token.
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
        /// What the token is for; its scope was part of the authorization request.
        target: Target,
    },
    /// RFC 6749 §6.
    RefreshToken {
        /// The refresh token.
        token: RefreshToken,
        /// What the token is for. A scope is sent only if it is narrower than the granted one.
        target: Target,
    },
    /// RFC 6749 §4.4.
    ClientCredentials {
        /// What the token is for.
        target: Target,
    },
    /// RFC 6749 §4.3.
    Password {
        /// The user.
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
        /// What the token is for; its scope was part of the device authorization request.
        target: Target,
    },
}

/// What a token is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Scopes; if empty, the provider's default.
    pub(crate) scope: Vec<String>,
    /// Resource indicators (RFC 8707).
    pub(crate) resource: Vec<String>,
    /// The `audience`, for providers that use it instead.
    pub(crate) audience: Option<String>,
}

impl Target {
    /// The target of a single token, which is for one resource. If there are several, none is sent: each has to be
    /// requested separately (RFC 8707 §2.2), and the provider chooses the one for this token.
    #[must_use]
    pub(crate) fn for_one_token(&self) -> Self {
        let resource = if self.resource.len() == 1 { self.resource.clone() } else { Vec::new() };
        Self { resource, ..self.clone() }
    }
}

/// The user whose password is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// `username` (RFC 6749 §4.3.2).
    Name(String),
    /// `phonenumber` (Phone.com).
    PhoneNumber(String),
}

/// The request to the token endpoint.
///
/// The order of the parameters: the grant's own, scope, `resource` (RFC 8707), `audience`, the dialect's extra ones,
/// client authentication.
pub(crate) fn token_request(
    dialect: &Dialect,
    trade: &Trade,
    credentials: &Credentials,
    signing: Signing<'_>,
) -> Result<HttpRequest, Unbuildable> {
    let scope = scope_to_send(dialect, trade);
    let mut parameters = of_grant(trade);
    parameters.extend(for_target(trade.target(), &scope));
    let is_refresh = matches!(trade, Trade::RefreshToken { .. });
    add(&mut parameters, extra(dialect, is_refresh));
    let url = match &dialect.endpoints.refresh {
        Some(refresh) if is_refresh => refresh,
        _ => dialect.token_url()?,
    };
    let request = authenticated(dialect, dialect.body, url, parameters, credentials, signing)?;
    proved(request, credentials.dpop_key.as_ref(), None, signing)
}

/// The grant's own parameters, `grant_type` first.
fn of_grant(trade: &Trade) -> FormParameters<'_> {
    match trade {
        Trade::AuthorizationCode { code, redirect_uri, verifier, .. } => {
            let mut parameters = vec![
                ("grant_type", "authorization_code"),
                ("code", code.expose()),
                ("redirect_uri", redirect_uri.as_str()),
            ];
            parameters.extend(verifier.as_ref().map(|verifier| ("code_verifier", verifier.expose())));
            parameters
        }
        Trade::RefreshToken { token, .. } => vec![("grant_type", "refresh_token"), ("refresh_token", token.expose())],
        Trade::ClientCredentials { .. } => vec![("grant_type", "client_credentials")],
        Trade::Password { user, password, .. } => {
            let user = match user {
                User::Name(name) => ("username", name.as_str()),
                User::PhoneNumber(number) => ("phonenumber", number.as_str()),
            };
            vec![("grant_type", "password"), user, ("password", password.expose())]
        }
        Trade::DeviceCode { code, .. } => vec![("grant_type", DEVICE_GRANT), ("device_code", code.expose())],
    }
}

/// The `grant_type` of the device authorization grant (RFC 8628 §3.4).
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

impl Trade {
    /// What the token is for.
    pub(crate) fn target(&self) -> &Target {
        match self {
            Self::AuthorizationCode { target, .. }
            | Self::RefreshToken { target, .. }
            | Self::ClientCredentials { target }
            | Self::Password { target, .. }
            | Self::DeviceCode { target, .. } => target,
        }
    }
}

/// The scope of the token request; empty if an earlier request for the user's authorization had it.
fn scope_to_send(dialect: &Dialect, trade: &Trade) -> String {
    match trade {
        Trade::AuthorizationCode { .. } | Trade::DeviceCode { .. } => String::new(),
        Trade::RefreshToken { target, .. } | Trade::ClientCredentials { target } | Trade::Password { target, .. } => {
            target.scope.join(&dialect.scope_separator)
        }
    }
}

/// `scope`, `resource` once for each (RFC 8707 §2), `audience`, without those that are empty.
pub(super) fn for_target<'a>(target: &'a Target, scope: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let scope = (!scope.is_empty()).then_some(("scope", scope));
    let resources = target.resource.iter().map(|resource| ("resource", resource.as_str()));
    let audience = target.audience.iter().map(|audience| ("audience", audience.as_str()));
    scope.into_iter().chain(resources).chain(audience)
}

/// Adds the config's parameters, except those that the request has already: none may be repeated (RFC 6749 §3.1, §3.2).
pub(super) fn add<'a>(parameters: &mut FormParameters<'a>, more: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let is_new = |(name, _): &(&str, &str)| parameters.iter().all(|(said, _)| said != name);
    let more: FormParameters<'_> = more.into_iter().filter(is_new).collect();
    parameters.extend(more);
}

fn extra(dialect: &Dialect, is_refresh: bool) -> BTreeMap<&str, &str> {
    let of_refresh = is_refresh.then_some(&dialect.extra_refresh).into_iter().flatten();
    dialect.extra_token.iter().chain(of_refresh).map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Which of an account's tokens is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RevokedToken {
    /// The provider SHOULD then revoke the access tokens too (RFC 7009 §2.1).
    RefreshToken,
    /// The provider MAY then revoke the refresh token too.
    AccessToken,
}

/// The request to revoke one of the tokens, if there is one and the provider can revoke.
pub(crate) fn revoke_request(
    dialect: &Dialect,
    tokens: &TokenSet,
    which: RevokedToken,
    credentials: &Credentials,
    signing: Signing<'_>,
) -> Result<Option<HttpRequest>, Unbuildable> {
    let (token, hint) = match which {
        RevokedToken::RefreshToken => (tokens.refresh_token.as_ref().map(RefreshToken::expose), "refresh_token"),
        RevokedToken::AccessToken => (Some(tokens.access_token.expose()), "access_token"),
    };
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    Ok(match &dialect.revoke {
        Revoke::Unsaid | Revoke::None => None,
        Revoke::DeleteBearer(_) if which == RevokedToken::RefreshToken => None,
        Revoke::DeleteBearer(url) => {
            Some(presented("DELETE", url, &tokens.access_token, tokens.dpop_key.as_ref(), signing)?)
        }
        Revoke::Rfc7009(url) => {
            let parameters = vec![("token", token), ("token_type_hint", hint)];
            Some(authenticated(dialect, BodyEncoding::Form, url, parameters, credentials, signing)?)
        }
    })
}

/// Pushes an authorization request (RFC 9126 §2.1). `parameters` are those of the request. The key of its `dpop_jkt` is
/// proved as well: some servers want that (RFC 9449 §10.1), and the reply has the nonce for the next request.
pub(crate) fn push_request(
    dialect: &Dialect,
    parameters: &[(String, String)],
    credentials: &Credentials,
    signing: Signing<'_>,
) -> Result<HttpRequest, Unbuildable> {
    let url = dialect.endpoints.par.as_ref().ok_or(NoEndpoint("pushed authorization request endpoint (`par_url`)"))?;
    let parameters = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = authenticated(dialect, BodyEncoding::Form, url, parameters, credentials, signing)?;
    proved(request, credentials.dpop_key.as_ref(), None, signing)
}

/// Asks for a device code (RFC 8628 §3.1).
pub(crate) fn device_request(
    dialect: &Dialect,
    target: &Target,
    credentials: &Credentials,
    signing: Signing<'_>,
) -> Result<HttpRequest, Unbuildable> {
    let url = dialect.endpoints.device.as_ref().ok_or(NoEndpoint("device authorization endpoint (`device_url`)"))?;
    let scope = target.scope.join(&dialect.scope_separator);
    let parameters = for_target(target, &scope).collect();
    authenticated(dialect, BodyEncoding::Form, url, parameters, credentials, signing)
}

/// Asks about a token by RFC 7662 §2.1: the token is in the body and nowhere else.
pub(crate) fn introspection_request(
    dialect: &Dialect,
    token: &AccessToken,
    credentials: &Credentials,
    signing: Signing<'_>,
) -> Result<HttpRequest, Unbuildable> {
    let url = dialect.endpoints.introspect.as_ref().ok_or(NoEndpoint(
        "introspection endpoint (`introspect_url`, RFC 7662), and none for a token's details (`details_url`)",
    ))?;
    let parameters = vec![("token", token.expose()), ("token_type_hint", "access_token")];
    authenticated(dialect, BodyEncoding::Form, url, parameters, credentials, signing)
}

/// Asks about a token by presenting it (Phone.com's details).
pub(crate) fn details_request(
    dialect: &Dialect,
    token: &AccessToken,
    credentials: &Credentials,
    signing: Signing<'_>,
) -> Result<HttpRequest, Unbuildable> {
    let url = dialect.endpoints.details.as_ref().ok_or(NoEndpoint("endpoint for a token's details (`details_url`)"))?;
    presented("GET", url, token, credentials.dpop_key.as_ref(), signing)
}

/// The same at the fallback URL, for tokens that the details endpoint does not know.
pub(crate) fn details_fallback_request(
    dialect: &Dialect,
    token: &AccessToken,
    credentials: &Credentials,
    signing: Signing<'_>,
) -> Result<HttpRequest, Unbuildable> {
    let url = dialect.endpoints.details_fallback.as_ref().ok_or(NoEndpoint("second endpoint for a token's details"))?;
    presented("GET", url, token, credentials.dpop_key.as_ref(), signing)
}

/// A request with the token itself: as a bearer token, or with a proof of the key that it is bound to.
fn presented(
    method: &'static str,
    url: &Url,
    token: &AccessToken,
    key: Option<&DpopKey>,
    signing: Signing<'_>,
) -> Result<HttpRequest, Unbuildable> {
    let request = HttpRequest {
        method,
        url: url.clone(),
        query: None,
        authorization: Some(dpop::authorization(token, key.is_some())),
        dpop: None,
        content_type: None,
        body: Zeroizing::default(),
    };
    proved(request, key, Some(token), signing)
}

/// The request with a proof of `key`, if there is one (RFC 9449 §5; with a token, §7; pushed, §10.1).
fn proved(
    request: HttpRequest,
    key: Option<&DpopKey>,
    token: Option<&AccessToken>,
    signing: Signing<'_>,
) -> Result<HttpRequest, Unbuildable> {
    let Some(key) = key else { return Ok(request) };
    let nonce = (signing.dpop_nonce)(&request.url);
    let (method, url) = (request.method, &request.url);
    let proof = Proof { method, url, token: token.map(AccessToken::expose), nonce: nonce.as_deref() };
    let dpop = Some(dpop::proof(key, &proof, signing.now, signing.rng)?);
    Ok(HttpRequest { dpop, ..request })
}

#[cfg(test)]
mod tests;
