//! What is kept of an account on disk. How it is sealed is `store`'s job.

use serde_json::{Map, Value};

use crate::account::login_history::LoginHistory;
use crate::clock::{BootId, Wall};
use crate::oauth::grant::{Binding, TokenSet};
use crate::oauth::identity;

/// Everything that survives a restart.
#[derive(Debug, Clone)]
pub struct Record {
    /// What the tokens belong to.
    pub binding: Binding,
    /// Counts commits of a token set; the store refuses to go back.
    pub generation: u64,
    /// The tokens.
    pub tokens: TokenSet,
    /// Whose they are, where the provider told, such as `voip_id`, or `iss` and `sub` of an ID token.
    pub identity: Map<String, Value>,
    /// A refresh that was about to be sent. Still there after a restart, it says that nobody knows how
    /// that request ended.
    pub intent: Option<Intent>,
    /// Why only the user can help, once the provider has said so.
    pub needs_login: Option<LoginReason>,
    /// When the access token ends, by boot time.
    pub ends_in_boot: Option<EndsInBoot>,
    /// When the login was made, and how long earlier ones lasted.
    pub logins: LoginHistory,
}

impl Record {
    /// Tokens, and nothing else that is known of them.
    pub fn new(binding: Binding, generation: u64, tokens: TokenSet) -> Self {
        Self {
            binding,
            generation,
            tokens,
            identity: Map::new(),
            intent: None,
            needs_login: None,
            ends_in_boot: None,
            logins: LoginHistory::default(),
        }
    }

    /// Whose the tokens are, as far as is known. Earlier versions kept nothing of an ID token but itself.
    pub fn person(&self) -> Map<String, Value> {
        let mut person = identity::of_reply(&self.tokens.extra);
        person.extend(self.identity.clone());
        person
    }
}

/// When an access token ends, by the time of one run of the machine. Nobody can set that clock: where it can be
/// compared, a wall clock that was set back over a restart makes no dead token look alive.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndsInBoot {
    /// Which run.
    pub boot: BootId,
    /// Milliseconds since it began.
    pub at_ms: u64,
}

/// A refresh about to be sent (docs/security.md, rule 28).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// Which refresh token is being spent.
    pub fingerprint: String,
    /// When the first attempt with this refresh token was begun.
    pub started_at: Wall,
    /// How many times it was sent without an answer.
    pub sent: u32,
}

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
                f.write_str("the reply to a refresh was lost, and the provider no longer accepts the old refresh token")
            }
            Self::NoRefreshToken => {
                f.write_str("the access token has expired, and the provider issued no refresh token")
            }
            Self::ConfigChanged => {
                f.write_str("the stored tokens belong to another provider or client than the config names now")
            }
            Self::Unexplained { said, .. } => write!(f, "the provider keeps refusing: {said}"),
            Self::Damaged => f.write_str("the stored tokens were damaged and have been set aside"),
            Self::RestoredFromBackup { found, written } => write!(
                f,
                "the state folder is older than the last refresh, login or logout: it has generation {found}, but \
                 {written} was reached; it was probably restored from a backup, and its tokens are not used"
            ),
        }
    }
}
