//! What is kept of an account on disk. How it is sealed is `store`'s job.

use serde_json::{Map, Value};

use super::login_history::LoginHistory;
use super::login_reason::LoginReason;
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
