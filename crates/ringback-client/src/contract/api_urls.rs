//! URLs of APIs and the accounts whose tokens are for them: `GET /v1/api-urls`.

use serde::{Deserialize, Serialize};

/// Reply to `GET /v1/api-urls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApiUrlsReply {
    /// [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// Those of every account that the caller may use; with the parameter `url` the one that was asked for.
    pub api_urls: Vec<AccountUrl>,
}

/// A URL, and the account whose tokens are for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountUrl {
    /// The URL: without a slash at the end, user, query or fragment.
    pub url: String,
    /// The account's own name.
    pub account: String,
    /// The user name that goes with the token where a program wants one.
    pub username: String,
}
