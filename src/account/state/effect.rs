//! The state machine's output: what the account's task has to do next.

use crate::account::record::Record;
use crate::oauth::exchange::Target;
use crate::secret::{AccessToken, RefreshToken};

/// What to do next. Everything but [`Effect::Rest`] has to be reported back before anything else.
#[derive(Debug)]
pub enum Effect {
    /// Nothing until [`Machine::wake_at`](super::machine::Machine::wake_at) or the next event from outside.
    Rest,
    /// Read what is stored.
    Load,
    /// Prove the store writable and make this record, with its intent, durable.
    Prepare(Box<Record>),
    /// Ask for a token, once.
    Send(Renewal),
    /// Ask the provider what it knows of this token, which is served already.
    Describe(AccessToken),
    /// Make this record durable.
    Commit(Box<Record>),
    /// Make this record durable, if that goes: the refresh it tells of was not granted, and nothing was
    /// spent. Without it, a restart would take that refresh for an unanswered one.
    Note(Box<Record>),
    /// Delete what is stored.
    Remove,
}

/// What a token is asked for with, and for what.
#[derive(Debug)]
pub struct Renewal {
    /// `None`: anew.
    pub refresh_token: Option<RefreshToken>,
    /// `None`: for all that the account asks for.
    pub target: Option<Target>,
    /// On whose behalf.
    pub priority: Priority,
}

/// On whose behalf the provider is asked. It decides how a host is treated that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// By plan: nobody waits for it.
    Planned,
    /// A program waits for a token.
    Asked,
    /// A person logs in, or wants a new token now; or what is asked can be asked only once.
    Person,
}
