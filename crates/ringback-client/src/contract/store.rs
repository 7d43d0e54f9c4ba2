//! The token store: `POST /v1/lock` and `POST /v1/unlock`.

use serde::{Deserialize, Serialize};

/// Whether the store's master key is in memory, and what it takes to get it there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StoreState {
    /// The key is in memory.
    #[default]
    Unlocked,
    /// `POST /v1/unlock` gets it from the config's source.
    Locked,
    /// `POST /v1/unlock` needs the passphrase.
    PassphraseNeeded,
    /// `POST /v1/unlock` sets the passphrase: nothing was ever sealed here.
    PassphraseUnset,
}

/// Reply to `POST /v1/lock` and `POST /v1/unlock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LockReply {
    /// The version of the API: [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// The state of the store now.
    pub store: StoreState,
    /// Whether the request changed it.
    pub changed: bool,
}

/// Body of `POST /v1/unlock`; may be left out if no passphrase is needed.
///
/// `Debug` is left out on purpose, since it holds a passphrase.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UnlockRequest {
    /// The passphrase, with `store.key = "passphrase"`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub passphrase: Option<String>,
    /// Whether to set this as the store's first passphrase.
    #[serde(default)]
    pub new: bool,
}
