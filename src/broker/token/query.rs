//! A token request of a caller: how much validity, how long to wait, and for what.

pub use crate::oauth::exchange::Target;
use std::time::Duration;

/// What a caller wants of a token.
#[derive(Debug, Clone, Default)]
pub struct TokenQuery {
    /// Validity wanted; `None`: the config's.
    pub min_ttl: Option<Duration>,
    /// How long to wait for a refresh or login; `None`: the config's for a refresh, none for a login.
    pub wait: Option<Duration>,
    /// What it is for, if not for all that the account asks for: each target has a token of its own.
    pub target: Option<Target>,
}
