//! For the daemon's own user: apps, consent questions, the status page.

use serde::{Deserialize, Serialize};

/// Body of `POST /v1/apps`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppRequest {
    /// What it is to be called.
    pub name: String,
    /// The accounts it may read; absent: all, those that will be added too.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accounts: Option<Vec<String>>,
    /// It gets only tokens with no more than these scopes; absent: any token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scopes: Option<Vec<String>>,
    /// Whether it may change something.
    #[serde(default)]
    pub write: bool,
    /// How long the key is to work, in seconds; absent: until it is removed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_in: Option<u64>,
}

/// A program that may ask with a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppReply {
    /// Its name; `default` is the app whose key is in the key file.
    pub name: String,
    /// The accounts it may read; absent: all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accounts: Option<Vec<String>>,
    /// The scopes that its tokens are limited to; absent: none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scopes: Option<Vec<String>>,
    /// Whether it may change something.
    pub write: bool,
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
    /// From which address it last asked; absent: never, or over the unix socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_address: Option<String>,
}

/// All apps: `GET /v1/apps`, and what is left after `DELETE /v1/apps/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppsReply {
    /// [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// Sorted by name.
    pub apps: Vec<AppReply>,
    /// How many keys were shown since the daemon started that are nobody's.
    pub wrong_keys: u64,
}

/// An app with its new key: `POST /v1/apps` and `POST /v1/apps/{name}/rotate`.
///
/// `Debug` is left out on purpose, since it holds a key.
#[derive(Serialize, Deserialize)]
pub struct AppMade {
    /// [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// The app.
    pub app: AppReply,
    /// Its key, shown this once; absent for `default`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
    /// Where the key of `default` is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_file: Option<String>,
}

/// Answer of `POST /v1/sessions`. `Debug` is left out on purpose: the URL opens the status page.
#[derive(Serialize, Deserialize)]
pub struct SessionReply {
    /// [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// For the browser, once, within a minute.
    pub url: String,
    /// Whether the URL is good for this user's browser alone, since the system tells which user is behind a
    /// connection; `None`: an older daemon, which does not ask.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bound_to_user: Option<bool>,
}

/// The questions whether a program may have a token, and the answers: `GET /v1/consents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentsReply {
    /// [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// Those that wait, the oldest first.
    pub pending: Vec<ConsentAsked>,
    /// Those that were answered for good.
    pub remembered: Vec<ConsentKnown>,
}

/// A question that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentAsked {
    /// For `POST /v1/consents/{id}`.
    pub id: String,
    /// Who asks: `the app NAME`, or the path of an executable.
    pub who: String,
    /// For a token of which account.
    pub account: String,
}

/// An answer that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentKnown {
    /// For `DELETE /v1/consents/{id}`. Another one after each start.
    pub id: String,
    /// See [`ConsentAsked::who`].
    pub who: String,
    /// See [`ConsentAsked::account`].
    pub account: String,
    /// Whether they may.
    pub allowed: bool,
}

/// Body of `POST /v1/consents/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentRequest {
    /// What the user says.
    pub answer: ConsentAnswer,
}

/// What the user says to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentAnswer {
    /// From now on.
    Allow,
    /// This time.
    Once,
    /// Never, until it is forgotten.
    Refuse,
}
