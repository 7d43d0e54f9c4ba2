//! The state machine's output: what the account's task has to do next.

use crate::account::record::Record;
use crate::oauth::exchange::Target;
use crate::secret::{AccessToken, DpopKey, RefreshToken};

/// The next step. All but [`Effect::Rest`] have to be reported back before any other event.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Nothing until [`Machine::wake_at`](super::machine::Machine::wake_at) or the next event from outside.
    Rest,
    /// Read what is stored.
    Load,
    /// Prove the store writable and make this record, with its intent, durable.
    Prepare(Box<Record>),
    /// Ask for a token, once.
    Send(Renewal),
    /// Ask the provider what it knows of this token, which is served already; and the key that it is bound to.
    Describe(AccessToken, Option<DpopKey>),
    /// Make this record durable.
    Commit(Box<Record>),
    /// Make this record durable, best effort: the refresh was not granted, and nothing was spent. Without it, a
    /// restart takes that refresh for an unanswered one.
    Note(Box<Record>),
    /// Delete what is stored.
    Remove,
}

/// A token request: with what, for what, and on whose behalf.
#[derive(Debug)]
pub(crate) struct Renewal {
    /// `None`: the client's or user's credentials.
    pub(crate) refresh_token: Option<RefreshToken>,
    /// The key that the account's tokens are bound to: a refresh token too, if the client is public (RFC 9449 §5).
    pub(crate) dpop_key: Option<DpopKey>,
    /// `None`: the account's whole target.
    pub(crate) target: Option<Target>,
    /// On whose behalf.
    pub(crate) priority: Priority,
}

/// On whose behalf the provider is asked. It decides whether the circuit breaker lets the request pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Planned: nobody waits for it.
    Planned,
    /// A program waits for a token.
    Asked,
    /// A person logs in or wants a new token; or the request can be made only once.
    Person,
}
