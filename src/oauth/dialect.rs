//! What one provider wants, as data. How it is written down is `oauth::preset`'s job.

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;

/// An authorization server and how it differs from the standard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// Its name in the config; also the last part of the default redirect URI's path.
    pub provider: String,
    /// Its name for people.
    pub label: String,
    /// The authorization endpoint (RFC 6749 §3.1). https, or http on loopback.
    pub authorize_url: Url,
    /// The token endpoint (RFC 6749 §3.2). https, or http on loopback.
    pub token_url: Url,
    /// How a token is given back.
    pub revoke: Revoke,
    /// How the client proves itself at the token endpoint.
    pub client_auth: ClientAuth,
    /// How the token request's parameters travel.
    pub body: BodyEncoding,
    /// Whether PKCE is sent (RFC 7636); always S256.
    pub pkce: Pkce,
    /// Joins the scopes; a space by RFC 6749 §3.3.
    pub scope_separator: String,
    /// Further parameters of the authorization request. Reserved names were refused.
    pub extra_authorize: BTreeMap<String, String>,
    /// Further parameters of every token request. Reserved names were refused.
    pub extra_token: BTreeMap<String, String>,
    /// The issuer, compared byte for byte with the `iss` of the answer (RFC 9207).
    pub issuer: Option<String>,
    /// What an answer without `iss` means.
    pub iss: IssPolicy,
    /// The lifetime of an access token whose reply has no `expires_in`, if the provider documents one.
    pub default_lifetime: Option<Duration>,
    /// How long a token of unknown lifetime is served before it is refreshed.
    pub max_age_unknown: Duration,
    /// What is known of the provider's refresh tokens.
    pub rotation: Rotation,
    /// How long after an unanswered refresh the same refresh token may be sent once more.
    pub replay_window: Duration,
}

/// How a token is given back at logout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoke {
    /// The provider has no way.
    None,
    /// `DELETE` on this URL with the access token as Bearer (Phone.com).
    DeleteBearer(Url),
    /// RFC 7009.
    Rfc7009(Url),
}

/// Client authentication at the token endpoint (RFC 6749 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// `Authorization: Basic`, both parts form-encoded first (§2.3.1).
    Basic,
    /// `client_id` and `client_secret` as parameters of the body.
    Post,
    /// A public client: `client_id` as a parameter, no secret.
    None,
}

/// How the token request's parameters travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEncoding {
    /// `application/x-www-form-urlencoded`, the standard.
    Form,
    /// `application/json`, as Phone.com documents.
    Json,
}

/// Whether PKCE is sent. There is no `plain` (RFC 7636 §7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pkce {
    /// The provider is known to check it.
    Required,
    /// Sent; servers that don't know it ignore it.
    Send,
    /// Not sent.
    Off,
}

/// What an answer without `iss` means (RFC 9207 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssPolicy {
    /// It is refused.
    Required,
    /// It is accepted.
    Optional,
}

/// What is known of the provider's refresh tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Not documented: treated as if it rotates.
    Unknown,
    /// Every refresh gives a new one and ends the old one.
    Rotates,
    /// The same one works until it is revoked: sending it again never hurts.
    Never,
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
            authorize_url: Url::parse("https://id.example/authorize").unwrap(),
            token_url: Url::parse("https://id.example/token").unwrap(),
            revoke: Revoke::None,
            client_auth: ClientAuth::Post,
            body: BodyEncoding::Json,
            pkce: Pkce::Send,
            scope_separator: " ".into(),
            extra_authorize: BTreeMap::new(),
            extra_token: BTreeMap::new(),
            issuer: None,
            iss: IssPolicy::Optional,
            default_lifetime: None,
            max_age_unknown: Duration::from_secs(3600),
            rotation: Rotation::Unknown,
            replay_window: Duration::from_secs(20),
        }
    }
}
