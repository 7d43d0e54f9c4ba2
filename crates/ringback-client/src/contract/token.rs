//! The access token: `GET /v1/accounts/{name}/token`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::expiry::ExpiryWord;

/// The current access token: the body of RFC 6749 §5.1 without the refresh token.
///
/// `Debug` is left out on purpose, since it holds a token.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenReply {
    /// The version of the API: [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// The account's own name, also when `default` was asked for.
    pub account: String,
    /// The token (RFC 6749 §1.4).
    pub access_token: String,
    /// `Bearer` (RFC 6750), or `DPoP` if the token is bound to a key of the daemon (RFC 9449).
    pub token_type: String,
    /// Seconds that the token stays valid; absent if the provider gave none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_in: Option<u64>,
    /// When it expires, in Unix seconds; absent if the provider gave none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<i64>,
    /// The machine's clocks disagree about whether the token is still valid, and no new one could be obtained. The
    /// times are those of the clock that measures elapsed time.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub expiry_in_doubt: bool,
    /// `unknown` or `never` if there is no `expires_at`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expiry: Option<ExpiryWord>,
    /// The granted scope, separated by spaces, if the provider reported it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    /// Further members of the provider's reply.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub extra: Map<String, Value>,
}

impl TokenReply {
    /// Appends it as JSON. Here, since this crate is built for speed (`profile` in `Cargo.toml`).
    pub fn write_json(&self, text: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(text, self)
    }
}
