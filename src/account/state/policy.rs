//! The provider's policy as the state machine uses it: rotation, lifetimes, and how tokens are acquired.

use std::time::Duration;

use crate::account::schedule;
use crate::clock::Moment;
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
    /// When it is refreshed though nobody asks.
    pub(in crate::account) plan: RefreshPlan,
}

/// When a token is refreshed though nobody asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RefreshPlan {
    /// Not because it expires: a caller who needs a new one causes the refresh.
    pub(crate) lazy: bool,
    /// At least this often, so that the refresh token does not end from disuse.
    pub(crate) at_least: Option<Duration>,
}

/// The moments of the next refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct NextRefresh {
    /// When it is due, if somebody has asked in vain or one has failed; `None` if there is nothing to refresh with.
    pub(super) due: Option<Moment>,
    /// When it begins though nobody asks; `None`: never.
    pub(super) unasked: Option<Moment>,
}

impl NextRefresh {
    /// There is none unless the account is `renewable`.
    pub(super) fn if_renewable(self, renewable: bool) -> Self {
        if renewable { self } else { Self::default() }
    }
}

impl RefreshPlan {
    /// Of a token with which a refresh would be due at `expiring`; `used` is how long ago it was obtained.
    pub(super) fn next(self, expiring: Option<Moment>, used: Duration, now: Moment, jitter: f64) -> NextRefresh {
        let kept_alive =
            self.at_least.map(|span| now.plus(schedule::kept_alive_after(span, jitter).saturating_sub(used)));
        let due = [expiring, kept_alive].into_iter().flatten().reduce(Moment::earliest);
        NextRefresh { due, unasked: if self.lazy { kept_alive } else { due } }
    }
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
    pub(crate) fn new(dialect: &Dialect, binding: Binding, reacquire: Reacquire, plan: RefreshPlan) -> Self {
        Self {
            binding,
            rotation: dialect.rotation,
            replay_window: dialect.replay_window,
            default_lifetime: dialect.default_lifetime,
            max_age_unknown: dialect.max_age_unknown,
            reacquire,
            describes: dialect.endpoints.details.is_some(),
            plan,
        }
    }
}
