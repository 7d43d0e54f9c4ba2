//! The ID token: `GET /v1/accounts/{name}/id-token`.

use serde::{Deserialize, Serialize};

/// Reply to `GET /v1/accounts/{name}/id-token`.
///
/// `Debug` is left out on purpose, since it holds a token.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IdTokenReply {
    /// [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// The account's own name.
    pub account: String,
    /// The token: a JWT (OpenID Connect Core §2), unless the provider encrypts it.
    pub id_token: String,
    /// When it ends by its claim `exp`, in Unix seconds; absent if it can't be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<i64>,
}
