//! A token that was made elsewhere: `POST /v1/accounts/{name}/import`.

use serde::{Deserialize, Serialize};

use super::account::AccountReply;
use super::confirm::Replaced;

/// Body of `POST /v1/accounts/{name}/import`: a token that was made elsewhere. One of the two.
///
/// `Debug` is left out on purpose, since it holds a token.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// A permanent token, or one that is good for a while.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub access_token: Option<String>,
    /// A refresh token: it is used at once to get a token with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refresh_token: Option<String>,
    /// Whether it may take the place of whatever the account has, unasked: another person's tokens, or a login that
    /// can be refreshed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub replace: bool,
    /// Whether an access token may take the place of a login that can be refreshed. Another person is asked about all
    /// the same.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub give_up_refresh: bool,
}

/// Answer of `POST /v1/accounts/{name}/import`: the account, and what its earlier tokens were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReply {
    /// As it is now.
    #[serde(flatten)]
    pub account: AccountReply,
    /// What became of the tokens that it had.
    #[serde(flatten)]
    pub replaced: Replaced,
}
