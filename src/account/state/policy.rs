//! The provider's policy as the state machine uses it: rotation, lifetimes, and how tokens are acquired.

use std::time::Duration;

use crate::oauth::dialect::{Dialect, Rotation};
use crate::oauth::grant::Binding;

/// The part of the provider's dialect that the machine uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    /// What the tokens have to belong to.
    pub(in crate::account) binding: Binding,
    /// See [`Dialect::rotation`].
    pub(in crate::account) rotation: Rotation,
    /// See [`Dialect::replay_window`].
    pub(in crate::account) replay_window: Duration,
    /// See [`Dialect::default_lifetime`].
    pub(in crate::account) default_lifetime: Option<Duration>,
    /// See [`Dialect::max_age_unknown`].
    pub(in crate::account) max_age_unknown: Duration,
    /// How a token is obtained without a refresh token.
    pub(in crate::account) reacquire: Reacquire,
    /// Whether the provider can be asked whose a token is and when it expires.
    pub(in crate::account) describes: bool,
}

/// Whether a token can be obtained without a refresh token and without the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reacquire {
    /// No.
    No,
    /// Always, also the first one: client credentials (RFC 6749 §4.4).
    Always,
    /// While somebody is logged in: the config has a source of the password (RFC 6749 §4.3).
    WhileActive,
}

impl Policy {
    /// The policy of a dialect, for an account that obtains its tokens like this.
    pub(crate) fn new(dialect: &Dialect, binding: Binding, reacquire: Reacquire) -> Self {
        Self {
            binding,
            rotation: dialect.rotation,
            replay_window: dialect.replay_window,
            default_lifetime: dialect.default_lifetime,
            max_age_unknown: dialect.max_age_unknown,
            reacquire,
            describes: dialect.endpoints.details.is_some(),
        }
    }
}
