//! Imports of tokens that were obtained elsewhere: `POST /v1/accounts/{name}/import`.

use serde::{Deserialize, Serialize};

use super::account::AccountReply;
use super::confirm::Replaced;

/// Body of `POST /v1/accounts/{name}/import`: one token, of either kind, that was obtained elsewhere.
///
/// `Debug` is left out on purpose, since it holds a token.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// An access token, permanent or with an expiry.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub access_token: Option<String>,
    /// A refresh token, used at once to get an access token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refresh_token: Option<String>,
    /// Whether it may replace whatever the account has without a question: another person's tokens, or a login that can
    /// be refreshed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub replace: bool,
    /// Whether an access token may replace a login that can be refreshed. To replace another person's tokens, an answer
    /// is still needed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub give_up_refresh: bool,
}

/// Reply to `POST /v1/accounts/{name}/import`: the account, and what its earlier tokens were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImportReply {
    /// The account as it is now.
    #[serde(flatten)]
    pub account: AccountReply,
    /// What became of its earlier tokens.
    #[serde(flatten)]
    pub replaced: Replaced,
}
