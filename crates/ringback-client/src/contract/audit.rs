//! A line of the audit log.

use serde::{Deserialize, Serialize};

use super::version::VERSION;

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// When: RFC 3339 in UTC, with milliseconds.
    pub at: String,
    /// What was asked for or done.
    pub event: AuditEvent,
    /// `ok`, or the name of an [`ErrorCode`](super::errors::ErrorCode).
    pub result: String,
    /// Why not, in words without secrets.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
    /// The app whose key was shown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub app: Option<String>,
    /// The process's user, over the unix socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uid: Option<u32>,
    /// The process, over the unix socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pid: Option<i32>,
    /// What that process ran when it connected: a hint, since it may be an interpreter, or have changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub executable: Option<String>,
    /// Where it came from, over TCP.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
    /// The granted scope of what was handed out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    /// The request's id in the daemon's log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
    /// How many more requests like this one the line stands for: beyond a rate, they get no lines of their own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub more: Option<u64>,
    /// Since when they came: RFC 3339 in UTC, with milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<String>,
}

impl AuditLine {
    /// The `result` of what goes on after the line, which has another line for its end.
    pub const BEGUN: &'static str = "begun";

    /// Whether nothing was refused and nothing failed.
    pub fn is_good(&self) -> bool {
        self.result == "ok" || self.result == Self::BEGUN
    }

    /// Something that went well, with nothing else to say of it yet. `at` is RFC 3339.
    pub fn new(event: AuditEvent, at: String) -> Self {
        Self {
            version: VERSION,
            at,
            event,
            result: "ok".into(),
            reason: None,
            account: None,
            app: None,
            uid: None,
            pid: None,
            executable: None,
            address: None,
            scope: None,
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
    /// A token was asked for.
    Token,
    /// A request was refused before it was looked at: no key, a wrong one, or too few rights.
    Denied,
    /// A login was begun.
    Login,
    /// An account was logged out.
    Logout,
    /// A new token was asked for, or a token was reported as rejected.
    Refresh,
    /// A token was brought from elsewhere.
    Import,
    /// An account was written into a file for another machine.
    Export,
    /// A provider's new address was accepted.
    Accept,
    /// An app was made.
    AppAdded,
    /// An app's key was taken away.
    AppRemoved,
    /// An app got another key.
    AppRotated,
    /// A question whether a program may have a token was answered.
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
