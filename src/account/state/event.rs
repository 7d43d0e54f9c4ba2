//! The state machine's input: events, and how a request to the provider ended.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::policy::Policy;
use crate::account::record::Record;
use crate::oauth::describe::Described;
use crate::oauth::exchange::Target;
use crate::oauth::grant::Grant;
use crate::oauth::reply::Refusal;

/// What happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// The store was read: its record, and the highest generation known to have been written.
    Loaded(Option<Box<Record>>, u64),
    /// The store could not be read; the account starts without tokens.
    NotLoaded(StoreTrouble),
    /// Time may have passed, or the clocks may have jumped.
    Timer,
    /// The machine woke up, its clock was set, or its network changed:
    /// [`Machine::wake_at`](super::machine::Machine::wake_at) may have changed.
    Woken,
    /// Another account got an answer from the same host after it had none.
    Recovered,
    /// A caller needs a token with this much validity, which the published one has not.
    Wanted(Duration),
    /// A caller needs a token for this target with this much validity.
    Narrow(Box<Target>, Duration),
    /// A person wants a new token now.
    Forced,
    /// A caller's API answered 401 to the current token.
    Rejected,
    /// The end of [`Effect::Prepare`](super::effect::Effect::Prepare).
    Prepared(Result<(), String>),
    /// The end of [`Effect::Send`](super::effect::Effect::Send).
    Answered(RefreshOutcome),
    /// The end of [`Effect::Commit`](super::effect::Effect::Commit).
    Committed(Result<(), String>),
    /// The end of [`Effect::Remove`](super::effect::Effect::Remove).
    Removed(Result<(), String>),
    /// A login brought a grant: with what the provider said of its token, if it was asked, and how long ago the grant
    /// was asked for.
    LoggedIn(Box<Grant>, Map<String, Value>, Duration),
    /// The user logs out.
    LogOut,
    /// The end of [`Effect::Describe`](super::effect::Effect::Describe); `None`: the provider did not say.
    Described(Option<Box<Described>>),
    /// The end of [`Effect::Note`](super::effect::Effect::Note).
    Noted,
    /// The config changed, or was read again: refused requests may succeed now.
    Reconfigured(Arc<Policy>),
    /// The daemon stops, or the store is about to be locked: the last chance to write uncommitted tokens.
    Stopping,
    /// The store's key is about to be dropped: nothing of the store may stay in memory.
    Locked,
    /// The store's key is back.
    Unlocked,
}

/// Why the store could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreTrouble {
    /// The file was damaged and set aside: a new login helps. With the highest generation known to have been written.
    Damaged(u64),
    /// The store's key is not in memory.
    Locked,
    /// The store failed; it may recover.
    Unavailable(String),
}

/// How a token request ended.
#[derive(Debug)]
pub enum RefreshOutcome {
    /// New tokens.
    Granted(Box<Grant>),
    /// A parsed error.
    Refused(Refusal),
    /// The provider is busy; nothing was decided.
    Busy {
        /// `Retry-After`.
        retry_after: Option<Duration>,
        /// One clause.
        why: String,
    },
    /// The user has not answered yet (RFC 8628 §3.5).
    Pending {
        /// Whether to poll 5 s more slowly from now on.
        slow_down: bool,
    },
    /// The request was not sent, so nothing was spent.
    NotSent {
        /// One clause.
        why: String,
    },
    /// The host's circuit breaker is open: nothing was sent, and this is no attempt.
    CircuitOpen {
        /// One clause.
        why: String,
        /// When it may let a request pass for a caller who waits.
        probe_in: Duration,
    },
    /// It was sent, and no complete reply came: the refresh token may be spent.
    Lost {
        /// One clause.
        why: String,
    },
}

impl RefreshOutcome {
    /// Applies `edit` to the provider's words.
    #[must_use]
    pub(crate) fn edited(self, edit: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Granted(mut grant) => {
                grant.flaws = grant.flaws.iter().map(|flaw| edit(flaw)).collect();
                Self::Granted(grant)
            }
            Self::Refused(refusal) => {
                let (code, description) = (edit(&refusal.code), edit(&refusal.description));
                Self::Refused(Refusal { code, description, ..refusal })
            }
            Self::Busy { retry_after, why } => Self::Busy { retry_after, why: edit(&why) },
            Self::NotSent { why } => Self::NotSent { why: edit(&why) },
            Self::CircuitOpen { why, probe_in } => Self::CircuitOpen { why: edit(&why), probe_in },
            Self::Lost { why } => Self::Lost { why: edit(&why) },
            Self::Pending { slow_down } => Self::Pending { slow_down },
        }
    }
}
