//! Provider dialect: how one provider works, as data. `oauth::preset` has it as text.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::api_url::ApiUrl;

/// An authorization server and how it differs from the standard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Its name in the config; also the last part of the default redirect URI's path.
    pub provider: String,
    /// Its name for people.
    pub label: String,
    /// Its endpoint URLs: https, or http on loopback.
    pub(crate) endpoints: Endpoints,
    /// How its hosts are reached.
    pub(crate) reach: NetworkOptions,
    /// Where its API is: tokens of accounts that name no URLs of their own are for these.
    pub(crate) api_urls: Vec<ApiUrl>,
    /// Whether endpoints that are not configured are read from the issuer's metadata (RFC 8414, OpenID Connect
    /// Discovery). `issuer` is then set.
    pub discover: bool,
    /// How a token is revoked.
    pub(crate) revoke: Revoke,
    /// How the client authenticates at the token endpoint.
    pub(crate) client_auth: ClientAuth,
    /// The audience of a client assertion (RFC 7523 §3).
    pub(crate) assertion_audience: AssertionAudience,
    /// How the token request's parameters are encoded.
    pub(crate) body: BodyEncoding,
    /// Whether PKCE is sent (RFC 7636); always S256.
    pub(crate) pkce: Pkce,
    /// Whether the authorization request is pushed (RFC 9126).
    pub(crate) par: Par,
    /// Joins the scopes; a space by RFC 6749 §3.3.
    pub scope_separator: String,
    /// Further parameters of the authorization request. Reserved names were refused.
    pub extra_authorize: BTreeMap<String, String>,
    /// Further parameters of every token request. Reserved names were refused.
    pub extra_token: BTreeMap<String, String>,
    /// Further parameters of refreshes, over those of `extra_token`. Reserved names were refused.
    pub extra_refresh: BTreeMap<String, String>,
    /// The members of RFC 6749 §5.1 that this provider puts elsewhere in the token reply: name to path, with dots
    /// between its steps (`access_token` to `authed_user.access_token`).
    pub response_paths: BTreeMap<String, String>,
    /// The unit of `expires_in`; seconds by RFC 6749 §5.1.
    pub expires_in_unit: Duration,
    /// Which access tokens are served, by the `token_type` of their reply.
    pub(crate) token_type: ServedTypes,
    /// What a token request may narrow, compared with what was granted (downscoping).
    pub(crate) narrow: Narrowing,
    /// Most requests to one endpoint by one client.
    pub(crate) rate_limit_endpoint: Option<RateLimit>,
    /// Most requests to all endpoints together by one client.
    pub(crate) rate_limit: Option<RateLimit>,
    /// The issuer, compared byte for byte with the `iss` of the authorization response (RFC 9207).
    pub issuer: Option<String>,
    /// What a response without `iss` means.
    pub(crate) iss: IssPolicy,
    /// Whether a `nonce` is sent with the scope `openid` (OpenID Connect Core §3.1.2.1).
    pub(crate) nonce: NoncePolicy,
    /// The lifetime of an access token whose reply has no `expires_in`, if the provider documents one.
    pub default_lifetime: Option<Duration>,
    /// How long a token of unknown lifetime is served before it is refreshed.
    pub max_age_unknown: Duration,
    /// What is known of the provider's refresh tokens.
    pub(crate) rotation: Rotation,
    /// How long after an unanswered refresh the same refresh token may be sent once more.
    pub replay_window: Duration,
}

/// How a provider's hosts are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct NetworkOptions {
    /// Which certificate authorities are trusted for its hosts.
    pub(crate) roots: Roots,
    /// A file of further trusted certificates (PEM).
    pub(crate) ca_file: Option<PathBuf>,
    /// The proxy to them.
    pub(crate) proxy: Proxy,
}

/// Which certificate authorities are trusted for a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) enum Roots {
    /// The system's.
    #[default]
    System,
    /// Mozilla's, as of the build.
    Bundled,
    /// None but those of `ca_file`.
    None,
}

/// The proxy to a provider. Never used for a host of this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) enum Proxy {
    /// No proxy, whatever the environment says.
    #[default]
    None,
    /// The proxy that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` select.
    Environment,
    /// The proxy at this URL, which has no user or password in it.
    At(Url),
}

/// The endpoint URLs. `None`: the provider has no such endpoint, or its metadata has not been read yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Endpoints {
    /// The authorization endpoint (RFC 6749 §3.1).
    pub(crate) authorize: Option<Url>,
    /// The token endpoint (RFC 6749 §3.2).
    pub(crate) token: Option<Url>,
    /// Where refreshes go, if not to the token endpoint.
    pub(crate) refresh: Option<Url>,
    /// The introspection endpoint (RFC 7662).
    pub(crate) introspect: Option<Url>,
    /// The device authorization endpoint (RFC 8628 §3.1).
    pub(crate) device: Option<Url>,
    /// The pushed authorization request endpoint (RFC 9126).
    pub(crate) par: Option<Url>,
    /// The token details endpoint: a GET with the access token as Bearer returns what it knows of that token
    /// (Phone.com).
    pub(crate) details: Option<Url>,
    /// Asked in the same way if `details` answers 404.
    pub(crate) details_fallback: Option<Url>,
    /// The API that tokens are for, to which the reverse proxy forwards. OAuth knows no such endpoint.
    pub(crate) api: Option<Url>,
}

/// How a token is revoked at logout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Revoke {
    /// Not configured; metadata may name an endpoint.
    #[default]
    Unsaid,
    /// The provider can't revoke.
    None,
    /// `DELETE` on this URL with the access token as Bearer (Phone.com).
    DeleteBearer(Url),
    /// RFC 7009.
    Rfc7009(Url),
}

/// Client authentication at the token endpoint (RFC 6749 §2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    /// `Authorization: Basic`, both parts form-encoded first (§2.3.1).
    #[default]
    Basic,
    /// `client_id` and `client_secret` as parameters of the body.
    Post,
    /// A public client: `client_id` as a parameter, no secret.
    None,
    /// A JWT signed with the client's private key (RFC 7523 §2.2).
    PrivateKeyJwt,
}

/// The audience of a client assertion (RFC 7523 §3). Some servers accept only one of the two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum AssertionAudience {
    /// The issuer, or the token endpoint if no issuer is known.
    #[default]
    IssuerIfKnown,
    /// The issuer, which is then set.
    Issuer,
    /// The token endpoint, whichever endpoint the request goes to.
    TokenEndpoint,
}

/// How the token request's parameters are encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum BodyEncoding {
    /// `application/x-www-form-urlencoded`, the standard.
    #[default]
    Form,
    /// `application/json`, as Phone.com documents.
    Json,
    /// In the URL's query, which ends up in logs: only if the user chose it.
    Query,
}

/// Whether the authorization request is pushed (RFC 9126).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Par {
    /// If the metadata requires it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Off,
}

/// What a token request may narrow, compared with what was granted (downscoping).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Narrowing {
    /// Nothing: the provider would answer with the whole scope, or refuse.
    #[default]
    Off,
    /// A narrower `scope` (RFC 6749 §6).
    Scope,
    /// One `resource` or `audience` (RFC 8707).
    Resource,
    /// Both.
    Both,
}

/// Which access tokens are served, by their `token_type` (RFC 6749 §7.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ServedTypes {
    /// All but those whose type shows that they can't be used as bearer tokens, such as `DPoP` (RFC 9449).
    #[default]
    Bearer,
    /// Every one.
    Any,
}

/// At most `most` requests in any `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimit {
    /// How many.
    pub(crate) most: u32,
    /// In how long.
    pub(crate) per: Duration,
}

/// Whether PKCE is sent. There is no `plain` (RFC 7636 §7.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Pkce {
    /// The provider is known to check it.
    Required,
    /// Sent; servers that don't know it ignore it.
    #[default]
    Send,
    /// Not sent.
    Off,
}

/// What a response without `iss` means (RFC 9207 §2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum IssPolicy {
    /// It is refused.
    Required,
    /// It is accepted, whatever the metadata says.
    Optional,
    /// It is refused if the metadata says that every response has one, and accepted otherwise.
    #[default]
    AsMetadataSays,
}

/// Whether a `nonce` is sent with the scope `openid` (OpenID Connect Core §3.1.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum NoncePolicy {
    /// It is sent, and has to be returned in the ID token.
    #[default]
    Send,
    /// It is neither sent nor checked.
    Off,
}

/// What is known of the provider's refresh tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// Not documented: treated as if it rotates.
    #[default]
    Unknown,
    /// Every refresh returns a new one and invalidates the old one.
    Rotates,
    /// The same one works until it is revoked: sending it again is always safe.
    Never,
}

/// The provider lacks the endpoint that a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider has no {0}")]
pub(crate) struct NoEndpoint(pub &'static str);

impl Dialect {
    /// The authorization endpoint.
    pub(super) fn authorize_url(&self) -> Result<&Url, NoEndpoint> {
        self.endpoints.authorize.as_ref().ok_or(NoEndpoint("authorization endpoint (`authorize_url`)"))
    }

    /// The token endpoint.
    pub(crate) fn token_url(&self) -> Result<&Url, NoEndpoint> {
        self.endpoints.token.as_ref().ok_or(NoEndpoint("token endpoint (`token_url`)"))
    }

    /// What tokens are bound to: the token endpoint, or the issuer whose metadata names it.
    pub(crate) fn authority(&self) -> String {
        match (&self.endpoints.token, &self.issuer) {
            (_, Some(issuer)) if self.discover => issuer.clone(),
            (Some(token), _) => token.to_string(),
            (None, issuer) => issuer.clone().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
#[allow(missing_docs)]
pub(crate) mod tests {
    use super::*;

    /// A provider like Phone.com, for tests of the modules around this one.
    pub(crate) fn dialect() -> Dialect {
        Dialect {
            provider: "p".into(),
            label: "Provider".into(),
            endpoints: Endpoints {
                authorize: Some(Url::parse("https://id.example/authorize").unwrap()),
                token: Some(Url::parse("https://id.example/token").unwrap()),
                ..Endpoints::default()
            },
            reach: NetworkOptions::default(),
            api_urls: Vec::new(),
            discover: false,
            revoke: Revoke::None,
            client_auth: ClientAuth::Post,
            assertion_audience: AssertionAudience::default(),
            body: BodyEncoding::Json,
            pkce: Pkce::Send,
            par: Par::Auto,
            scope_separator: " ".into(),
            extra_authorize: BTreeMap::new(),
            extra_token: BTreeMap::new(),
            extra_refresh: BTreeMap::new(),
            response_paths: BTreeMap::new(),
            expires_in_unit: Duration::from_secs(1),
            token_type: ServedTypes::Bearer,
            narrow: Narrowing::Off,
            rate_limit_endpoint: None,
            rate_limit: None,
            issuer: None,
            iss: IssPolicy::Optional,
            nonce: NoncePolicy::Send,
            default_lifetime: None,
            max_age_unknown: Duration::from_secs(3600),
            rotation: Rotation::Unknown,
            replay_window: Duration::from_secs(20),
        }
    }
}
