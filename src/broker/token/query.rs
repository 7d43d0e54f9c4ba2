//! Token request of a caller: how much validity, how long to wait, and what for.

pub(crate) use crate::oauth::exchange::Target;

use std::time::Duration;

/// A token request.
#[derive(Debug, Clone, Default)]
pub struct TokenQuery {
    /// The validity needed; `None`: the config's.
    pub min_ttl: Option<Duration>,
    /// How long to wait for a refresh or login; `None`: the config's for a refresh, none for a login.
    pub wait: Option<Duration>,
    /// What it is for, if less than the account's target: each target has its own token.
    pub target: Option<Target>,
    /// Whether the caller is a part of the daemon that proves the key which the token is bound to (RFC 9449). Any other
    /// caller gets such a token only if the config says so.
    pub proves_key: bool,
}
