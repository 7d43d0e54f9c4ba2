//! What the machine is told and what it says.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::account::record::Record;
use crate::clock::Moment;
use crate::oauth::describe::Described;
use crate::oauth::dialect::{Dialect, Rotation};
use crate::oauth::exchange::Target;
use crate::oauth::grant::{Binding, Grant};
use crate::oauth::reply::Refusal;
use crate::secret::{AccessToken, RefreshToken};

/// What of the provider's dialect the machine goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What the tokens have to belong to.
    pub binding: Binding,
    /// See [`Dialect::rotation`].
    pub rotation: Rotation,
    /// See [`Dialect::replay_window`].
    pub replay_window: Duration,
    /// See [`Dialect::default_lifetime`].
    pub default_lifetime: Option<Duration>,
    /// See [`Dialect::max_age_unknown`].
    pub max_age_unknown: Duration,
    /// How a token is got where there is no refresh token.
    pub reacquire: Reacquire,
    /// Whether the provider tells, unasked by a caller, whose a token is and when it ends.
    pub describes: bool,
}

/// Whether a token can be got without a refresh token and without the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reacquire {
    /// It can't.
    No,
    /// Always, also the first one: the client asks for itself (RFC 6749 §4.4).
    Always,
    /// While somebody is logged in: the config knows where the user's password is (RFC 6749 §4.3).
    WhileActive,
}

impl Policy {
    /// The dialect's, for an account that comes to its tokens so.
    pub fn new(dialect: &Dialect, binding: Binding, reacquire: Reacquire) -> Self {
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

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The store was read: what it holds, and the highest generation that is known to have been written.
    Loaded(Option<Box<Record>>, u64),
    /// The store could not be read; the account starts without tokens.
    NotLoaded(StoreTrouble),
    /// Time may have passed, or the clocks may have jumped.
    Timer,
    /// The machine woke up, its clock was set, or its network changed: [`Machine::wake_at`](super::Machine::wake_at) may
    /// be another.
    Woken,
    /// Another account of the same provider had an answer after it had none.
    Recovered,
    /// A caller has no use for what is published: it wants this much validity.
    Wanted(Duration),
    /// A caller wants a token for this target with this much validity.
    Narrow(Box<Target>, Duration),
    /// A person wants a new token now.
    Forced,
    /// A caller's API answered 401 to the current token.
    Rejected,
    /// The end of [`Effect::Prepare`].
    Prepared(Result<(), String>),
    /// The end of [`Effect::Send`].
    Answered(RefreshOutcome),
    /// The end of [`Effect::Commit`].
    Committed(Result<(), String>),
    /// The end of [`Effect::Remove`].
    Removed(Result<(), String>),
    /// A login brought a grant, the provider said this of its token, if it was asked, and so much time has passed since the
    /// grant was asked for.
    LoggedIn(Box<Grant>, Map<String, Value>, Duration),
    /// The user logs out.
    LogOut,
    /// The end of [`Effect::Describe`]; `None`: the provider did not say.
    Described(Option<Box<Described>>),
    /// The end of [`Effect::Note`].
    Noted,
    /// The config changed, or was read again: what the provider refused before may go now.
    Reconfigured(Policy),
    /// The daemon ends, or the store is about to be locked: last chance for what could not be written yet.
    Stopping,
    /// The store's key is about to be dropped: nothing that it kept may stay in memory.
    Locked,
    /// The key is there again.
    Unlocked,
}

/// Why the store could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreTrouble {
    /// The file was damaged and set aside: a new login mends it. With the highest generation that is known to have been
    /// written.
    Damaged(u64),
    /// The store's key is not in memory.
    Locked,
    /// The store itself is in trouble; it may get better.
    Unavailable(String),
}

/// How a refresh ended.
#[derive(Debug)]
pub enum RefreshOutcome {
    /// New tokens.
    Granted(Box<Grant>),
    /// A parsed no.
    Refused(Refusal),
    /// The provider is busy; nothing was decided.
    Busy {
        /// What it asked for.
        retry_after: Option<Duration>,
        /// One clause.
        why: String,
    },
    /// The user has not answered yet (RFC 8628 §3.5).
    Pending {
        /// Whether to ask 5 s more slowly from now on.
        slow_down: bool,
    },
    /// The request never left, so nothing was spent.
    NotSent {
        /// One clause.
        why: String,
    },
    /// The host's circuit breaker is open: nothing was sent, and this counts as no attempt.
    CircuitOpen {
        /// One clause.
        why: String,
        /// When it may let a request pass for somebody who waits.
        probe_in: Duration,
    },
    /// It was sent and no complete reply came: the refresh token may be spent.
    Lost {
        /// One clause.
        why: String,
    },
}

impl RefreshOutcome {
    /// The same, with what the provider said put through `edit`.
    #[must_use]
    pub fn edited(self, edit: impl Fn(&str) -> String) -> Self {
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

/// What to do next. Everything but [`Effect::Rest`] has to be reported back before anything else.
#[derive(Debug)]
pub enum Effect {
    /// Nothing until [`Machine::wake_at`](super::Machine::wake_at) or the next event from outside.
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

/// What went wrong last and has not been mended.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// Who is to blame.
    pub kind: TroubleKind,
    /// One clause, cleaned.
    pub why: String,
    /// When.
    pub at: Moment,
    /// How many times in a row.
    pub failures: u32,
    /// No attempt before this, unless somebody asks for one.
    pub retry_at: Moment,
}

/// Who is to blame for a [`Trouble`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TroubleKind {
    /// The provider did not answer, or not usefully.
    Unreachable,
    /// Nothing even left this machine: no network, most likely.
    Offline,
    /// The provider said no, with this code: the config has to change.
    Refused(String),
    /// The provider said no for a reason that nobody here knows, with this code: it may pass.
    Unexplained(String),
    /// The store.
    Store,
}
