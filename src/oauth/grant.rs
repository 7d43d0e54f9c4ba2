//! Grants and token sets: what the provider granted, as it arrives ([`Grant`]) and as it is stored ([`TokenSet`]).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::Wall;
use crate::secret::{AccessToken, DpopKey, RefreshToken};

/// How an account gets its tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum GrantType {
    /// A browser, and a code (RFC 6749 §4.1).
    #[default]
    AuthorizationCode,
    /// A browser on another device (RFC 8628).
    DeviceCode,
    /// The client's own credentials, without a user (RFC 6749 §4.4).
    ClientCredentials,
    /// A browser, and the token in the URL's fragment (RFC 6749 §4.2). RFC 9700 §2.1.2 advises against it.
    Implicit,
    /// The user's password (RFC 6749 §4.3). RFC 9700 §2.4 forbids it for new designs.
    Password,
}

/// A token reply, parsed (RFC 6749 §5.1).
#[derive(Clone)]
pub struct Grant {
    /// The access token. `None`: the reply has no usable one, only a refresh token.
    pub access_token: Option<AccessToken>,
    /// A new refresh token; if there is none, the old one stays in use (RFC 6749 §6).
    pub refresh_token: Option<RefreshToken>,
    /// The granted scope; if there is none, it is the requested one (RFC 6749 §5.1).
    pub scope: Option<String>,
    /// The lifetime, if the reply had a usable one. Zero if the reply says that none is left, as some providers do for
    /// a token that never expires.
    pub expires_in: Option<Duration>,
    /// The key that the tokens are bound to (RFC 9449 §5).
    pub dpop_key: Option<DpopKey>,
    /// Every other member of the reply.
    pub extra: Map<String, Value>,
    /// What was wrong with the reply, one clause each. Safe to log.
    pub flaws: Vec<String>,
}

/// Names only: a provider may repeat a token in a member of its own.
fn names(extra: &Map<String, Value>) -> Vec<&str> {
    extra.keys().map(String::as_str).collect()
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("access_token", &self.access_token)
            .field("refresh_token", &self.refresh_token)
            .field("scope", &self.scope)
            .field("expires_in", &self.expires_in)
            .field("dpop_key", &self.dpop_key)
            .field("extra", &names(&self.extra))
            .field("flaws", &self.flaws)
            .finish()
    }
}

impl fmt::Debug for TokenSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSet")
            .field("access_token", &self.access_token)
            .field("refresh_token", &self.refresh_token)
            .field("scope", &self.scope)
            .field("expiry", &self.expiry)
            .field("obtained_at", &self.obtained_at)
            .field("dpop_key", &self.dpop_key)
            .field("extra", &names(&self.extra))
            .finish()
    }
}

/// What an account owns after a login.
#[derive(Clone)]
pub struct TokenSet {
    /// The current access token.
    pub access_token: AccessToken,
    /// The refresh token for the next one.
    pub refresh_token: Option<RefreshToken>,
    /// The granted scope, separated by spaces, if the provider reported it.
    pub scope: Option<String>,
    /// When the access token expires.
    pub expiry: Expiry,
    /// When it was obtained.
    pub obtained_at: Wall,
    /// The key that they are bound to (RFC 9449). It is made for a login and ends with its tokens.
    pub dpop_key: Option<DpopKey>,
    /// Further members of the provider's reply.
    pub extra: Map<String, Value>,
}

/// When an access token expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// At this time, after a lifetime of `lifetime`.
    At {
        /// On the wall clock.
        wall: Wall,
        /// Its whole lifetime, so that a clock that is set back can't extend it.
        lifetime: Duration,
    },
    /// The provider did not say, and documents no default.
    Unknown,
    /// The provider says that it does not expire.
    Never,
}

/// What a token set belongs to: it is never used for another client or sent to another endpoint. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// The provider's name in the config.
    pub provider: Arc<str>,
    /// Its token endpoint, or its issuer if metadata names the endpoint (`Dialect::authority`).
    pub token_url: Arc<str>,
    /// The client. Empty if a program prints the id (`client_id_command`): then it is known only while a request is
    /// made.
    pub client_id: Arc<str>,
}

impl Binding {
    /// Whether tokens with this binding may be used where `wanted` is. A client id that nobody knows yet is taken for the
    /// same; if it is another, the provider refuses the refresh token (RFC 6749 §5.2, `invalid_grant`).
    pub fn fits(&self, wanted: &Self) -> bool {
        let same_client =
            self.client_id == wanted.client_id || self.client_id.is_empty() || wanted.client_id.is_empty();
        same_client && self.provider == wanted.provider && self.token_url == wanted.token_url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_fit_their_own_client_and_one_that_nobody_knows_yet_at_their_endpoint_alone() {
        let binding = |provider: &str, token_url: &str, client_id: &str| Binding {
            provider: provider.into(),
            token_url: token_url.into(),
            client_id: client_id.into(),
        };
        let kept = binding("p", "https://id.example/t", "c");
        for (wanted, fits) in [
            (kept.clone(), true),
            (binding("p", "https://id.example/t", ""), true),
            (binding("p", "https://id.example/t", "d"), false),
            (binding("q", "https://id.example/t", ""), false),
            (binding("p", "https://id.example/u", ""), false),
        ] {
            assert_eq!((kept.fits(&wanted), wanted.fits(&kept)), (fits, fits), "{wanted:?}");
        }
    }

    #[test]
    fn debug_tells_the_names_of_what_else_came_and_not_what_it_says() {
        let extra: Map<String, Value> = serde_json::from_str(r#"{"token":"canary","id_token":"canary"}"#).unwrap();
        let grant = Grant {
            access_token: Some(AccessToken::new("canary")),
            refresh_token: None,
            scope: None,
            expires_in: None,
            dpop_key: Some(DpopKey::new("canary")),
            extra: extra.clone(),
            flaws: Vec::new(),
        };
        let kept = TokenSet {
            access_token: AccessToken::new("canary"),
            refresh_token: None,
            scope: None,
            expiry: Expiry::Never,
            obtained_at: Wall(0),
            dpop_key: Some(DpopKey::new("canary")),
            extra,
        };
        let told = format!("{grant:?} {kept:?}");
        assert!(told.contains("id_token") && !told.contains("canary"), "{told}");
    }
}
