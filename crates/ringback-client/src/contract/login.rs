//! Logins: `POST /v1/accounts/{name}/login` and `GET /v1/logins/{id}`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::confirm::{Confirm, Replaced};
use super::errors::ErrorReply;
use super::expiry::ExpiryWord;

/// How the user gets to the provider's login page, and the answer back to the daemon.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LoginVia {
    /// The daemon opens the user's browser.
    #[default]
    DaemonBrowser,
    /// The caller shows or opens the start URL itself.
    CallerBrowser,
    /// The browser is on another machine: the user pastes the redirect URL.
    Paste,
    /// The user types a code into a browser on any device (RFC 8628).
    Device,
}

/// Body of `POST /v1/accounts/{name}/login`; may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// See [`LoginVia`].
    #[serde(default)]
    pub via: LoginVia,
    /// Whether another person's tokens may be replaced without a question.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub replace: bool,
    /// What the provider is asked for besides the usual scope, separated by spaces: of the account's
    /// [`ScopeWanted`](super::account::ScopeWanted), what the user was shown and agreed to.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub more_scope: String,
}

/// A login that was started or joined.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoginStarted {
    /// The version of the API: [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// The login's id, for `GET /v1/logins/{id}`.
    pub login_id: String,
    /// The account's own name.
    pub account: String,
    /// Whether the login was pending already.
    pub joined: bool,
    /// One-time URL for the browser, valid for a minute. With [`LoginVia::Paste`]: the provider's own page. Absent if
    /// no browser is needed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub start_url: Option<String>,
    /// What the user does on another device, with [`LoginVia::Device`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<DevicePrompt>,
    /// Where to write the user's password, if the account needs it and the config names no source.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub password: Option<PasswordPrompt>,
    /// Why this kind of login is discouraged, if it is, or that the command line that asks is of another version.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub warning: Option<String>,
    /// What the joined login asks, if it has brought its tokens already and waits for an answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirm: Option<Confirm>,
    /// When the login ends by itself, Unix seconds.
    pub expires_at: i64,
}

/// What the user does on another device (RFC 8628 §3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DevicePrompt {
    /// The code to type in there, or to compare with the one shown there.
    pub user_code: String,
    /// The page to open.
    pub verification_uri: String,
    /// The same URI with the code in it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verification_uri_complete: Option<String>,
}

/// Where to write a password. It never travels over HTTP, but through a named pipe that only this user can open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PasswordPrompt {
    /// Whose password.
    pub user: String,
    /// The named pipe in the runtime folder that it is written to, with a line feed after it.
    pub pipe: String,
}

/// Body of `POST /v1/logins/{id}/paste`.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PasteRequest {
    /// The text in the address bar of the other machine's browser.
    pub redirect_url: String,
}

/// The state of a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoginReply {
    /// The login's id.
    pub login_id: String,
    /// The account's own name.
    pub account: String,
    /// Pending, or how it ended.
    pub status: LoginStatus,
    /// When the login ends by itself, Unix seconds.
    pub expires_at: i64,
    /// What the user has to do on another device, if the login needs one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<DevicePrompt>,
    /// What the login asks, if it waits for an answer. Its status stays pending.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirm: Option<Confirm>,
    /// What happened so far without ending the login, such as an answer that was not meant for it. Sentences for the
    /// user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub notice: Option<String>,
    /// All notices so far, the oldest first, each once. `notice` is the newest of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notices: Vec<String>,
    /// What failed, if it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<ErrorReply>,
    /// Whether the account still has a valid token from an earlier login, if this one failed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub earlier_login: bool,
    /// Granted scope, if it succeeded and the provider reported it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    /// Expiry of the token in Unix seconds, if it succeeded and the provider reported it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token_expires_at: Option<i64>,
    /// `unknown` or `never` if there is no `token_expires_at`, if it succeeded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token_expiry: Option<ExpiryWord>,
    /// Whether the token can be refreshed without the user, if it succeeded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refreshable: Option<bool>,
    /// Whose tokens they are, if it succeeded and the provider reported it.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub identity: Map<String, Value>,
    /// What became of the account's earlier tokens, if it succeeded.
    #[serde(flatten)]
    pub replaced: Replaced,
}

impl LoginReply {
    /// The reply for a login that has just started.
    pub fn pending(login_id: String, account: String, expires_at: i64) -> Self {
        Self {
            login_id,
            account,
            status: LoginStatus::Pending,
            expires_at,
            device: None,
            confirm: None,
            notice: None,
            notices: Vec::new(),
            failure: None,
            earlier_login: false,
            scope: None,
            token_expires_at: None,
            token_expiry: None,
            refreshable: None,
            identity: Map::new(),
            replaced: Replaced::default(),
        }
    }
}

/// Whether a login is pending, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LoginStatus {
    /// The user has not finished.
    Pending,
    /// The token set is on disk.
    Succeeded,
    /// It ended without a token set.
    Failed,
}
