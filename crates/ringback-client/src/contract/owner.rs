//! Requests of the daemon's own user: apps, consent questions, the status page.

use serde::{Deserialize, Serialize};

/// Body of `POST /v1/apps`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AppRequest {
    /// The app's name.
    pub name: String,
    /// The accounts it may read; absent: all, including accounts added later.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accounts: Option<Vec<String>>,
    /// The scopes that its tokens are limited to; absent: no limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scopes: Option<Vec<String>>,
    /// Whether it may change anything.
    #[serde(default)]
    pub write: bool,
    /// It gets no token, and may only use its accounts through the proxy, within these rules.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proxy: Option<ProxyRules>,
    /// Lifetime of the key in seconds; absent: until the app is removed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_in: Option<u64>,
    /// The id of a process of this user, as the daemon sees it: the key stops working when that ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub while_pid: Option<i32>,
}

/// What an app may ask through the proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProxyRules {
    /// The methods; empty: any, or those of MCP (`POST`, `GET`, `DELETE`) if there are tools.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub methods: Vec<String>,
    /// The paths below the account's base URL: `*` stands for anything within a segment, `**` for any number of segments.
    /// Empty: any, or the base URL alone if there are tools.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub paths: Vec<String>,
    /// The tools of an MCP server that it may call: `*` stands for any characters. Empty: any request. A daemon that does not
    /// know this member refuses the request.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub tools: Vec<String>,
}

/// An app: a program with a key of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AppReply {
    /// Its name; `default` is the app whose key is in the key file.
    pub name: String,
    /// The accounts it may read; absent: all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accounts: Option<Vec<String>>,
    /// The scopes that its tokens are limited to; absent: no limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scopes: Option<Vec<String>>,
    /// Whether it may change anything.
    pub write: bool,
    /// It gets no token, and may only use its accounts through the proxy, within these rules.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proxy: Option<ProxyRules>,
    /// Whether its key works only until whoever asked for it lets go of it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub temporary: bool,
    /// The id of the process that its key ends with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub while_pid: Option<i32>,
    /// When its key was made, Unix seconds.
    pub created_at: i64,
    /// When its key stops working, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<i64>,
    /// How many requests it made.
    pub uses: u64,
    /// When it last asked, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_used_at: Option<i64>,
    /// The address of its last request; absent if there was none, or it came over the unix socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_address: Option<String>,
}

/// All apps: `GET /v1/apps`, and the remaining ones after `DELETE /v1/apps/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AppsReply {
    /// The version of the API: [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// Sorted by name.
    pub apps: Vec<AppReply>,
    /// How many unknown keys were presented since the daemon started.
    pub wrong_keys: u64,
}

/// An app with its new key: `POST /v1/apps` and `POST /v1/apps/{name}/rotate`.
///
/// `Debug` is left out on purpose, since it holds a key.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AppMade {
    /// The version of the API: [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// The app.
    pub app: AppReply,
    /// Its key, shown only this once; absent for `default`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
    /// Where the key of `default` is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_file: Option<String>,
}

/// Body of `POST /v1/temporary-apps`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TemporaryAppRequest {
    /// The accounts it may read, at least one.
    pub accounts: Vec<String>,
    /// The scopes that its tokens are limited to; absent: no limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scopes: Option<Vec<String>>,
    /// It gets no token, and may only use its accounts through the proxy, within these rules.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proxy: Option<ProxyRules>,
}

/// Reply to `POST /v1/temporary-apps`. The key works until the connection of the request is closed.
///
/// `Debug` is left out on purpose, since it holds a key.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TemporaryAppMade {
    /// The version of the API: [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// The app.
    pub app: AppReply,
    /// Its key, shown only this once.
    pub key: String,
    /// Where the key is accepted, such as `http://127.0.0.1:7464`.
    pub url: String,
}

/// Reply to `POST /v1/sessions`. `Debug` is left out on purpose: the URL opens the status page.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionReply {
    /// The version of the API: [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// One-time URL for the browser, valid for a minute.
    pub url: String,
    /// Whether only this user's browser can use the URL: the system has to tell which user owns a connection. `None`
    /// from an older daemon, which does not check.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bound_to_user: Option<bool>,
}

/// The pending consent questions (may this program have a token?) and the remembered answers: `GET /v1/consents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentsReply {
    /// The version of the API: [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// The questions without an answer yet, oldest first.
    pub pending: Vec<ConsentAsked>,
    /// The answers that are remembered.
    pub remembered: Vec<ConsentKnown>,
}

/// A consent question without an answer yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentAsked {
    /// For `POST /v1/consents/{id}`.
    pub id: String,
    /// Who asks: `the app NAME`, or the path of an executable.
    pub who: String,
    /// The account whose token it asks for.
    pub account: String,
}

/// An answer that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsentKnown {
    /// For `DELETE /v1/consents/{id}`. Changes at each start of the daemon.
    pub id: String,
    /// See [`ConsentAsked::who`].
    pub who: String,
    /// See [`ConsentAsked::account`].
    pub account: String,
    /// Whether it may have the token.
    pub allowed: bool,
}

/// Body of `POST /v1/consents/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConsentRequest {
    /// The user's answer.
    pub answer: ConsentAnswer,
}

/// The user's answer to a consent question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConsentAnswer {
    /// Yes, from now on.
    Allow,
    /// Yes, this time.
    Once,
    /// No, until the answer is forgotten.
    Refuse,
}
