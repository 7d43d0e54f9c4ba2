//! Login reason: why only a login by the user can help an account.

/// Why only the user can help.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum LoginReason {
    /// The provider refused the refresh token; `code` is its own error code.
    Refused {
        /// Such as `invalid_grant`.
        code: String,
    },
    /// The reply to a refresh was lost, and now the provider refuses the old refresh token, which it had rotated
    /// (OAuth has no idempotency key).
    ReplyLost,
    /// The access token has expired and there is no refresh token.
    NoRefreshToken,
    /// The config now names another provider, endpoint or client than the tokens belong to.
    ConfigChanged,
    /// The stored file could not be used and was set aside.
    Damaged,
    /// The provider keeps refusing with an unknown error. Not stored, and still retried now and then.
    Unexplained {
        /// Its own code, or `http_NNN`.
        code: String,
        /// Its own description.
        said: String,
    },
    /// The stored record is older than the last one written, which has used up its refresh token. Detected at each
    /// start, and never stored.
    RestoredFromBackup {
        /// The record's generation.
        found: u64,
        /// The high-water mark.
        written: u64,
    },
}

impl LoginReason {
    /// Whether the account may recover without a login.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Unexplained { .. })
    }

    /// The name of its kind, for programs.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::ReplyLost => "reply_lost",
            Self::NoRefreshToken => "no_refresh_token",
            Self::ConfigChanged => "config_changed",
            Self::Damaged => "damaged",
            Self::Unexplained { .. } => "unexplained",
            Self::RestoredFromBackup { .. } => "restored_from_backup",
        }
    }
}

impl std::fmt::Display for LoginReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused { code } => write!(f, "the provider refused the refresh token ({code})"),
            Self::ReplyLost => {
                f.write_str("the reply to a refresh was lost, and the provider no longer takes the old refresh token")
            }
            Self::NoRefreshToken => f.write_str("the access token has expired and the provider gave no refresh token"),
            Self::ConfigChanged => {
                f.write_str("the stored tokens belong to another provider or client than the config names now")
            }
            Self::Unexplained { said, .. } => write!(f, "the provider keeps refusing: {said}"),
            Self::Damaged => f.write_str("the stored tokens were damaged and have been set aside"),
            Self::RestoredFromBackup { found, written } => write!(
                f,
                "the state folder is older than the last refresh, login or logout: it has generation {found}, and \
                 {written} was reached; it was probably restored from a backup, and its tokens are not used"
            ),
        }
    }
}
