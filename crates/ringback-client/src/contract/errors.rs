//! Errors on the wire, and the one table that status, exit code and documentation come from.

use serde::{Deserialize, Serialize};

use super::confirm::Confirm;

/// Every error reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorReply {
    /// The code that programs branch on.
    pub error: ErrorCode,
    /// What happened, in one sentence without secrets.
    pub error_description: String,
    /// What to do about it, in one imperative sentence.
    pub hint: String,
    /// Where to POST to start the login (`login_required`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login_url: Option<String>,
    /// Seconds to wait before asking again (`provider_unreachable`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after: Option<u64>,
    /// The provider's own error code (`provider_refused`, `login_failed`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provider_error: Option<String>,
    /// The login that waits for an answer (`login_failed`, of an import).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login_id: Option<String>,
    /// What that login asks.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirm: Option<Box<Confirm>>,
    /// Names similar to the requested one (`unknown_account`).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub nearest: Vec<String>,
}

impl ErrorReply {
    /// A reply with nothing but what every error has.
    pub fn new(error: ErrorCode, error_description: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            error,
            error_description: error_description.into(),
            hint: hint.into(),
            login_url: None,
            retry_after: None,
            provider_error: None,
            login_id: None,
            confirm: None,
            nearest: Vec::new(),
        }
    }
}

/// Every error code that a caller can get; see [`ErrorCode::TABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum ErrorCode {
    /// Something is wrong with the daemon itself.
    Internal,
    /// The request is invalid.
    Usage,
    /// Nothing answers at the socket or port.
    NoDaemon,
    /// No such account.
    UnknownAccount,
    /// Only the user can help.
    LoginRequired,
    /// A login timed out, was refused by the user, or failed at the provider.
    LoginFailed,
    /// Somebody has to agree before the account's tokens are replaced, and there is nobody to ask.
    NeedsConfirmation,
    /// The provider can't be asked right now, or too many callers are waiting already.
    ProviderUnreachable,
    /// The provider refused, and would refuse again.
    ProviderRefused,
    /// The API behind an account's proxy can't be reached, or does not accept the account's token.
    UpstreamFailed,
    /// The store is locked, unwritable or corrupt.
    StoreUnavailable,
    /// No key, or a wrong one.
    Unauthorized,
    /// The caller is known but lacks the right.
    Forbidden,
    /// No such route.
    NotFound,
    /// The route exists, with other methods.
    MethodNotAllowed,
}

/// One row of [`ErrorCode::TABLE`].
#[derive(Debug, Clone, Copy)]
pub struct ErrorRow {
    /// The code.
    pub code: ErrorCode,
    /// Its name on the wire.
    pub name: &'static str,
    /// HTTP status of the reply; 0 if it never travels over HTTP.
    pub status: u16,
    /// Exit code of the command line.
    pub exit: u8,
    /// When a caller gets it.
    pub when: &'static str,
}

impl ErrorCode {
    /// The one table that HTTP status, exit code and documentation are made from.
    pub const TABLE: [ErrorRow; 15] = [
        row(Self::Internal, "internal", 500, 1, "a fault in the daemon; see its log"),
        row(Self::Usage, "usage", 400, 2, "bad arguments or a malformed request"),
        row(Self::NoDaemon, "no_daemon", 0, 3, "the daemon is not running"),
        row(Self::UnknownAccount, "unknown_account", 404, 4, "the config has no such account, or it has a mistake"),
        row(Self::LoginRequired, "login_required", 428, 5, "nobody has logged in, or the provider ended the session"),
        row(Self::LoginFailed, "login_failed", 504, 6, "the login timed out, was cancelled, or failed"),
        row(
            Self::ProviderUnreachable,
            "provider_unreachable",
            503,
            7,
            "the provider can't be reached, or too many wait",
        ),
        row(Self::ProviderRefused, "provider_refused", 502, 8, "the provider refused for good"),
        row(
            Self::UpstreamFailed,
            "upstream_failed",
            502,
            8,
            "the API behind an account's proxy can't be reached, or does not accept the token",
        ),
        row(Self::StoreUnavailable, "store_unavailable", 423, 9, "the token store is locked, unwritable or damaged"),
        row(Self::Unauthorized, "not_permitted", 401, 10, "no key, or a wrong key"),
        row(Self::Forbidden, "not_permitted", 403, 10, "the caller is known but may not do this"),
        row(
            Self::NeedsConfirmation,
            "needs_confirmation",
            409,
            11,
            "somebody has to agree first: tokens would be replaced that are another person's, or that can be refreshed",
        ),
        row(Self::NotFound, "not_found", 404, 2, "no such route or object"),
        row(Self::MethodNotAllowed, "method_not_allowed", 405, 2, "the route does not support this method"),
    ];
}

const fn row(code: ErrorCode, name: &'static str, status: u16, exit: u8, when: &'static str) -> ErrorRow {
    ErrorRow { code, name, status, exit, when }
}

impl ErrorCode {
    /// This code's row of the table.
    pub fn row(self) -> ErrorRow {
        Self::TABLE.into_iter().find(|row| row.code == self).unwrap_or(Self::TABLE[0])
    }
}

/// The names of the table.
#[cfg(feature = "schema")]
impl schemars::JsonSchema for ErrorCode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ErrorCode".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: std::collections::BTreeSet<_> = Self::TABLE.iter().map(|row| row.name).collect();
        schemars::json_schema!({ "type": "string", "description": "What programs branch on.", "enum": names })
    }
}

impl From<ErrorCode> for &'static str {
    fn from(code: ErrorCode) -> Self {
        code.row().name
    }
}

impl TryFrom<String> for ErrorCode {
    type Error = String;

    /// `not_permitted` parses as [`ErrorCode::Unauthorized`]: the HTTP status tells the two apart.
    fn try_from(name: String) -> Result<Self, String> {
        let row = Self::TABLE.into_iter().find(|row| row.name == name);
        row.map(|row| row.code).ok_or_else(|| format!("unknown error code `{name}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_row_and_survives_the_wire() {
        for row in ErrorCode::TABLE {
            assert_eq!(row.code.row().when, row.when);
            let json = serde_json::to_string(&row.code).unwrap();
            let back: ErrorCode = serde_json::from_str(&json).unwrap();
            assert_eq!(back.row().exit, row.exit, "{}", row.name);
        }
    }
}
