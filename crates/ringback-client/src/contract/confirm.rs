//! Account takeover check: a login by another person than the owner of the account's tokens.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::identity::whose;

/// A login has brought another person's tokens, and waits for an answer whether they may replace the account's own.
/// Both members have the form of an `identity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Confirm {
    /// Whose tokens the account has.
    pub current: Map<String, Value>,
    /// Who has just logged in.
    pub new: Map<String, Value>,
}

impl Confirm {
    /// Both identities in words. Escape them before showing them.
    pub fn in_words(&self) -> (String, String) {
        let told = |identity| whose(identity).unwrap_or_else(|| "somebody".into());
        (told(&self.current), told(&self.new))
    }
}

/// Body of `POST /v1/logins/{id}/answer`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LoginAnswer {
    /// Whether the new tokens replace the old ones; if not, they are dropped.
    pub replace: bool,
}

/// What the new tokens replaced, if the user has to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Replaced {
    /// The identity of the other person whose tokens the account had before.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub replaced_identity: Map<String, Value>,
    /// The account had tokens before, and it is unknown whether they were the same person's.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub identity_unknown: bool,
}
