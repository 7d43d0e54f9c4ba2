//! The token store: `POST /v1/lock` and `POST /v1/unlock`.

use serde::{Deserialize, Serialize};

/// Whether the store's master key is in memory, and what it takes to get it there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreState {
    /// It is.
    #[default]
    Unlocked,
    /// `POST /v1/unlock` gets it from where the config says.
    Locked,
    /// `POST /v1/unlock` needs the passphrase.
    PassphraseNeeded,
    /// `POST /v1/unlock` sets the passphrase: nothing was ever sealed here.
    PassphraseUnset,
}

/// Answer of `POST /v1/lock` and `POST /v1/unlock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockReply {
    /// [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// How the store is now.
    pub store: StoreState,
    /// Whether it was otherwise before.
    pub changed: bool,
}

/// Body of `POST /v1/unlock`; may be left out where no passphrase is needed.
///
/// `Debug` is left out on purpose, since it holds a passphrase.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlockRequest {
    /// With `store.key = "passphrase"`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub passphrase: Option<String>,
    /// Whether this passphrase is to become the store's first.
    #[serde(default)]
    pub new: bool,
}
