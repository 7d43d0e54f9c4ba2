//! Logouts: `DELETE /v1/accounts/{name}/token`.

use serde::{Deserialize, Serialize};

/// What a logout did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutReply {
    /// The account's own name.
    pub account: String,
    /// Which of the two happened.
    pub outcome: LogoutOutcome,
    /// One sentence for people.
    pub detail: String,
}

/// Whether the provider knows of the logout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogoutOutcome {
    /// The provider confirmed that the token is revoked.
    RevokedAtProvider,
    /// Deleted from this machine; the provider was not told or did not answer.
    DeletedHereOnly,
    /// There was nothing to delete.
    NothingStored,
}
