//! Events of accounts: `GET /v1/events`.

use serde::{Deserialize, Serialize};

/// One event of `GET /v1/events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountEvent {
    /// The version of the API: [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// Its id, by which the stream is resumed after it: the run of the daemon, and the number of the event in it. A daemon
    /// of 0.1.0 has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What happened.
    pub event: EventKind,
    /// To which account.
    pub account: String,
    /// When, Unix seconds.
    pub at: i64,
    /// Why, in one sentence, if there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The event of `GET /v1/events` which says that others are lost: ask for the state of the accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaggedEvent {
    /// [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// As [`AccountEvent::id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Always the same word.
    pub event: Lagged,
    /// How many, if that is known: not if they are of an earlier run of the daemon, nor if the caller may not see every
    /// account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<u64>,
}

/// The name of a [`LaggedEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lagged {
    /// On the wire: `lagged`.
    Lagged,
}

/// What happens to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Somebody logged in, or the account got its first token without a user.
    LoggedIn,
    /// It has a newer token.
    Refreshed,
    /// It can't be refreshed, and its token expires soon.
    LoginDue,
    /// Only the user can help.
    LoginNeeded,
    /// It has no valid token because none can be obtained, or it soon will have none and can't recover by itself.
    Failing,
    /// It has a token again after [`EventKind::Failing`].
    Recovered,
    /// It has no token any more.
    LoggedOut,
}

impl From<EventKind> for &'static str {
    /// Its name on the wire.
    fn from(kind: EventKind) -> Self {
        match kind {
            EventKind::LoggedIn => "logged_in",
            EventKind::Refreshed => "refreshed",
            EventKind::LoginDue => "login_due",
            EventKind::LoginNeeded => "login_needed",
            EventKind::Failing => "failing",
            EventKind::Recovered => "recovered",
            EventKind::LoggedOut => "logged_out",
        }
    }
}
