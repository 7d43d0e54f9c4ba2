//! Logouts: `DELETE /v1/accounts/{name}/token`.

use serde::{Deserialize, Serialize};

/// What a logout did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogoutReply {
    /// The account's own name.
    pub account: String,
    /// What happened to the tokens.
    pub outcome: LogoutOutcome,
    /// One sentence for people.
    pub detail: String,
}

/// What a logout did to the tokens, and whether the provider knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogoutOutcome {
    /// The provider confirmed that the token is revoked.
    RevokedAtProvider,
    /// Deleted from this machine; the provider was not told or did not answer.
    DeletedHereOnly,
    /// There was nothing to delete.
    NothingStored,
}
