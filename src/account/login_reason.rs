//! Why an account needs its user to log in.

/// Why only the user can help.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum LoginReason {
    /// The provider refused the refresh token; `code` is its own error code.
    Refused {
        /// Such as `invalid_grant`.
        code: String,
    },
    /// A refresh was sent, its reply never arrived, and now the provider refuses the old refresh token:
    /// it had rotated it away (OAuth has no idempotency key).
    ReplyLost,
    /// The access token has expired and there is no refresh token.
    NoRefreshToken,
    /// The config now names another provider, endpoint or client than the tokens belong to.
    ConfigChanged,
    /// The stored file could not be used and was set aside.
    Damaged,
    /// The provider goes on refusing and says nothing that is known. Not written down: it is asked again now and then.
    Unexplained {
        /// Its own code, or `http_NNN`.
        code: String,
        /// Its own words.
        said: String,
    },
    /// The stored record is older than what was written last, and a later record has spent its refresh token. Found
    /// anew at each start, and never written itself.
    RestoredFromBackup {
        /// Its generation.
        found: u64,
        /// The high-water mark.
        written: u64,
    },
}

impl LoginReason {
    /// Whether the account may be well again without a login.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unexplained { .. })
    }

    /// For programs: the name of its kind.
    pub fn code(&self) -> &'static str {
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
                f.write_str("the config now names another provider or client than the stored tokens belong to")
            }
            Self::Unexplained { said, .. } => write!(f, "the provider goes on refusing: {said}"),
            Self::Damaged => f.write_str("the stored tokens were damaged and have been set aside"),
            Self::RestoredFromBackup { found, written } => write!(
                f,
                "the state folder is older than the last refresh, login or logout: it has generation {found}, and \
                 {written} was reached; it was probably restored from a backup, and its tokens are not used"
            ),
        }
    }
}
