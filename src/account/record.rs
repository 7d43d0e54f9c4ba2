//! Stored record of an account, as plain data. The `store` seals it.

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
    /// Incremented with each commit; the store refuses to go back (rollback protection).
    pub generation: u64,
    /// The tokens.
    pub tokens: TokenSet,
    /// The person they belong to, as the provider told: `voip_id`, or `iss` and `sub` of an ID token.
    pub identity: Map<String, Value>,
    /// The intent of a refresh (write-ahead). Still there after a restart, it says that nobody knows how that request
    /// ended.
    pub(crate) intent: Option<Intent>,
    /// Why only the user can help, once the provider has said so.
    pub needs_login: Option<LoginReason>,
    /// When the access token ends, by boot time.
    pub(crate) ends_in_boot: Option<EndsInBoot>,
    /// When the login was made, and how long earlier ones lasted.
    pub logins: LoginHistory,
}

impl Record {
    /// A record of tokens, with nothing else known.
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

    /// The person the tokens belong to, as far as known. Earlier versions stored nothing but the ID token.
    pub(super) fn person(&self) -> Map<String, Value> {
        let mut person = identity::of_reply(&self.tokens.extra);
        person.extend(self.identity.clone());
        person
    }
}

/// When an access token expires, in the time of one boot. Nobody can set that clock: within the same boot, a wall
/// clock that was set back over a restart makes no expired token look valid.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndsInBoot {
    /// The boot.
    pub(crate) boot: BootId,
    /// Milliseconds since it began.
    pub(crate) at_ms: u64,
}

/// A refresh that is about to be sent (docs/security.md, rule 28).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Intent {
    /// The fingerprint of the refresh token.
    pub(crate) fingerprint: String,
    /// When the first attempt with this refresh token began.
    pub(crate) started_at: Wall,
    /// How many times it was sent without a reply.
    pub(crate) sent: u32,
}
