//! Rejected tokens: `POST /v1/accounts/{name}/rejected`.

use serde::{Deserialize, Serialize};

use super::account::AccountReply;

/// Reply to `POST /v1/accounts/{name}/rejected`: the account, and whether the report led to a new token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RejectedReply {
    /// The account as it is now.
    #[serde(flatten)]
    pub account: AccountReply,
    /// Whether a new token was obtained because of this report.
    pub refreshed: bool,
    /// Why not, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_refreshed: Option<String>,
    /// Seconds until such a report can lead to a refresh again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after: Option<u64>,
}
