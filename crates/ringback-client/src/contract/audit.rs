//! A line of the audit log.

use serde::{Deserialize, Serialize};

use super::version::VERSION;

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// The version of the API: [`VERSION`].
    pub version: u32,
    /// When: RFC 3339 in UTC, with milliseconds.
    pub at: String,
    /// What was requested or done.
    pub event: AuditEvent,
    /// `ok`, or the name of an [`ErrorCode`](super::errors::ErrorCode).
    pub result: String,
    /// Why it failed, in words without secrets.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
    /// The app whose key the caller presented.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub app: Option<String>,
    /// The user id of the calling process, over the unix socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uid: Option<u32>,
    /// The id of the calling process, over the unix socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pid: Option<i32>,
    /// The executable of that process when it connected. Only a hint: it may be an interpreter, or have changed since.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub executable: Option<String>,
    /// The caller's address, over TCP.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
    /// The granted scope of the token that was handed out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    /// The method of a request that was forwarded to an account's upstream.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<String>,
    /// Its path below the account's base URL, without the query.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// The status of the upstream's reply.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// Bytes of the request's body.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sent: Option<u64>,
    /// Bytes of the reply's body.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub received: Option<u64>,
    /// The request's id in the daemon's log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
    /// How many more requests like this one the line stands for: above a rate limit, they get no lines of their own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub more: Option<u64>,
    /// The beginning of the period in which they came: RFC 3339 in UTC, with milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<String>,
}

impl AuditLine {
    /// The `result` of what went well.
    pub const OK: &'static str = "ok";
    /// The `result` of an operation that is still running; another line reports its end.
    pub const BEGUN: &'static str = "begun";

    /// Whether nothing was refused and nothing failed.
    pub fn is_good(&self) -> bool {
        self.result == Self::OK || self.result == Self::BEGUN
    }

    /// Appends it as JSON. Here, since this crate is built for speed (`profile` in `Cargo.toml`).
    pub fn write_json(&self, text: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(text, self)
    }

    /// A successful event without details. `at` is RFC 3339.
    pub fn new(event: AuditEvent, at: String) -> Self {
        Self {
            version: VERSION,
            at,
            event,
            result: Self::OK.into(),
            reason: None,
            account: None,
            app: None,
            uid: None,
            pid: None,
            executable: None,
            address: None,
            scope: None,
            method: None,
            path: None,
            status: None,
            sent: None,
            received: None,
            request: None,
            more: None,
            since: None,
        }
    }
}

/// What a line of the audit log is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditEvent {
    /// A token was requested.
    Token,
    /// A request was forwarded to an account's upstream: one line when it begins, and one when its reply has ended.
    Proxy,
    /// A request was refused before it was handled: no key, a wrong one, or too few rights.
    Denied,
    /// A login was started.
    Login,
    /// An account was logged out.
    Logout,
    /// A new token was requested, or a token was reported as rejected.
    Refresh,
    /// A token was imported.
    Import,
    /// An account was written into a file for another machine.
    Export,
    /// A provider's new address was accepted.
    Accept,
    /// An app was created.
    AppAdded,
    /// An app was removed, and its key revoked.
    AppRemoved,
    /// An app's key was rotated.
    AppRotated,
    /// A consent question was answered.
    Consent,
    /// A session of the status page was opened.
    Session,
    /// The store was locked.
    Lock,
    /// The store was unlocked.
    Unlock,
    /// An account was sealed with a new key.
    Rekey,
}

impl From<AuditEvent> for &'static str {
    /// Its name on the wire.
    fn from(event: AuditEvent) -> Self {
        match event {
            AuditEvent::Token => "token",
            AuditEvent::Proxy => "proxy",
            AuditEvent::Denied => "denied",
            AuditEvent::Login => "login",
            AuditEvent::Logout => "logout",
            AuditEvent::Refresh => "refresh",
            AuditEvent::Import => "import",
            AuditEvent::Export => "export",
            AuditEvent::Accept => "accept",
            AuditEvent::AppAdded => "app_added",
            AuditEvent::AppRemoved => "app_removed",
            AuditEvent::AppRotated => "app_rotated",
            AuditEvent::Consent => "consent",
            AuditEvent::Session => "session",
            AuditEvent::Lock => "lock",
            AuditEvent::Unlock => "unlock",
            AuditEvent::Rekey => "rekey",
        }
    }
}
