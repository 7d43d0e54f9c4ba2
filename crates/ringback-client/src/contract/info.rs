//! What the provider reports about a token: `GET /v1/accounts/{name}/info`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the provider reports about an account's token: `GET /v1/accounts/{name}/info`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InfoReply {
    /// The version of the API: [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// The account's own name.
    pub account: String,
    /// How the provider was asked.
    pub source: InfoSource,
    /// Whether the token works.
    pub active: bool,
    /// Its scope, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    /// When it expires, in Unix seconds; absent if it never does, or the provider did not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<i64>,
    /// Whose it is, such as `voip_id`.
    #[serde(flatten)]
    pub identity: Map<String, Value>,
    /// Everything that the provider reported, unchanged.
    pub claims: Map<String, Value>,
}

/// How the provider was asked about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum InfoSource {
    /// A GET with the token as Bearer (Phone.com).
    Details,
    /// RFC 7662.
    Introspection,
}
