//! Account takeover check: a login as another person than the one whose tokens the account has.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::identity::whose;

/// A login brought the tokens of another person than the account's are of, and waits for an answer whether they may
/// take their place. Both are an `identity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// Whose tokens the account has.
    pub current: Map<String, Value>,
    /// Who has just logged in.
    pub new: Map<String, Value>,
}

impl Confirm {
    /// Both identities in words. They have to be escaped where they are shown.
    pub fn in_words(&self) -> (String, String) {
        let told = |identity| whose(identity).unwrap_or_else(|| "somebody".into());
        (told(&self.current), told(&self.new))
    }
}

/// Body of `POST /v1/logins/{id}/answer`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginAnswer {
    /// Whether the new tokens take the place of the old ones; if not, they are dropped.
    pub replace: bool,
}

/// What new tokens took the place of, where that has to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// The identity of another person, whose tokens the account had before.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub replaced_identity: Map<String, Value>,
    /// The account had tokens before, and nobody can tell whether they were the same person's.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub identity_unknown: bool,
}
