//! Prints the scope and lifetime of new tokens, after a login or an import.

use super::report;
use crate::clock::Clock;
use crate::contract::ExpiryWord;

/// What is known about the tokens.
pub(super) struct Granted<'a> {
    /// The scope, separated by spaces.
    pub(super) scope: Option<&'a str>,
    /// When the token expires, in Unix seconds.
    pub(super) expires_at: Option<i64>,
    /// Why there is no expiry time.
    pub(super) expiry: Option<ExpiryWord>,
    /// Whether it can be refreshed without the user.
    pub(super) refreshable: Option<bool>,
}

impl Granted<'_> {
    /// Prints it.
    pub(super) fn tell(&self) {
        if let Some(scope) = self.scope {
            report::say(&format!("Scope: {scope}"));
        }
        if let Some(at) = self.expires_at {
            let now = Clock::System.unix_seconds();
            report::say(&format!("The token expires {}.", report::moment(at, now)));
        }
        match self.refreshable {
            _ if self.expiry == Some(ExpiryWord::Never) => report::say("The token does not expire."),
            Some(true) => report::say("The daemon keeps it fresh."),
            Some(false) => report::say("It can't be refreshed: there is no refresh token."),
            None => {}
        }
    }
}

/// ` as voip_id 1000001`, for the end of a sentence; nothing where it is not known.
pub(super) fn as_whom(identity: &serde_json::Map<String, serde_json::Value>) -> String {
    crate::contract::whose(identity).map(|whose| format!(" as {whose}")).unwrap_or_default()
}
