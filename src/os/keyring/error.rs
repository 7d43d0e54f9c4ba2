//! Why a keyring operation failed.

use std::time::Duration;

/// How long the keyring may take to answer: a daemon must not hang on a prompt that nobody sees.
pub(in crate::os) const PATIENCE: Duration = Duration::from_secs(10);

/// Why a keyring operation failed. No variant contains any part of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// There is no session bus or no Secret Service on it: usual on a server.
    #[error("there is no Secret Service ({why}); it needs a desktop session with D-Bus")]
    NoService {
        /// What the bus said.
        why: String,
    },
    /// It is locked, or the prompt to unlock it was dismissed.
    #[error("the keyring is locked or has no default collection ({why}); unlock it and try again")]
    Locked {
        /// What the service said.
        why: String,
    },
    /// It has no item with these attributes.
    #[error("the keyring has no item with service `{service}` and username `{user}`")]
    NoEntry {
        /// Attribute `service`.
        service: String,
        /// Attribute `username`.
        user: String,
    },
    /// Several items have these attributes; none is chosen arbitrarily.
    #[error("the keyring has {count} items with service `{service}` and username `{user}`; remove all but one")]
    Ambiguous {
        /// Attribute `service`.
        service: String,
        /// Attribute `username`.
        user: String,
        /// How many.
        count: usize,
    },
    /// No answer came, usually because a prompt waits on a screen that nobody sees.
    #[error("the keyring did not answer within {} s; it may be waiting for someone to unlock it", PATIENCE.as_secs())]
    TimedOut,
    /// Any other failure.
    #[error("the keyring failed: {why}")]
    Failed {
        /// What the service said.
        why: String,
    },
}
