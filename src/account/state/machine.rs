//! The state machine's data: state, phase, and the current record.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::committed::CommittedRecord;
use super::effect::Priority;
use super::policy::Policy;
use super::unknown_refusals::UnknownRefusals;
use crate::account::login_reason::LoginReason;
use crate::account::record::Record;
use crate::account::trouble::{Trouble, TroubleKind};
use crate::clock::{Boot, BootId, Moment};
use crate::oauth::exchange::Target;
use crate::oauth::grant::{Binding, TokenSet};

/// The state machine of an account.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(super) policy: Arc<Policy>,
    pub(super) state: MachineState,
    pub(super) phase: Phase,
    pub(super) trouble: Option<Box<Trouble>>,
    /// Start of the last attempt, for the pauses between forced ones. A request that the circuit breaker stopped is
    /// no attempt.
    pub(super) last_attempt: Option<Moment>,
    /// `Retry-After`: no attempt before this, whoever asks.
    pub(super) not_before: Option<Boot>,
    /// When the circuit breaker, which stopped the last attempt, may let one pass.
    pub(super) probe_at: Option<Moment>,
    /// The highest generation known to have been stored. The next one is higher, even if the stored record is useless
    /// or older.
    pub(super) stored: u64,
    /// Refusals of unknown kind since the last token.
    pub(super) unknown_refusals: UnknownRefusals,
    /// A caller without a valid token has asked: the next attempt is on their behalf.
    pub(super) wanted: bool,
    /// The boot that its boot times belong to.
    pub(super) boot: Option<BootId>,
}

/// The state of the account.
#[derive(Debug)]
pub(super) enum MachineState {
    /// The store was not read yet, or could not be.
    Unread,
    /// The store is locked: its key is not in memory, and neither is the record.
    Locked,
    /// Nobody has logged in.
    SignedOut,
    /// There is no token yet, and one is obtained without the user.
    Starting,
    /// A committed record that is kept fresh.
    Active(CommittedRecord),
    /// Only the user can help. The record is kept: its access token may still be valid, and the refresh token must
    /// not be lost.
    NeedsLogin { reason: LoginReason, current: Option<CommittedRecord> },
}

/// What is in progress.
#[derive(Debug)]
pub(super) enum Phase {
    Idle,
    Preparing {
        target: Option<Target>,
        priority: Priority,
    },
    Sending {
        sent_at: Moment,
        means: Means,
        target: Option<Target>,
    },
    Describing,
    Committing {
        next: Box<CommittedRecord>,
        needs_login: Option<LoginReason>,
    },
    /// New tokens that could not be written: kept, not published, and written as soon as possible.
    Uncommitted {
        next: Box<CommittedRecord>,
        needs_login: Option<LoginReason>,
        retry_at: Moment,
    },
    /// What was in progress before: a failed removal returns to it.
    Removing {
        before: Box<Self>,
    },
}

/// What a token is asked for with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    RefreshToken,
    /// The client's or the user's credentials: nothing is spent by a request.
    Reacquire,
}

impl Machine {
    /// A machine that knows nothing of the store: its first [`Event::Timer`](super::event::Event::Timer) reads it.
    pub(crate) fn new(policy: impl Into<Arc<Policy>>) -> Self {
        let (state, phase) = (MachineState::Unread, Phase::Idle);
        let unknown_refusals = UnknownRefusals::default();
        Self {
            policy: policy.into(),
            state,
            phase,
            trouble: None,
            last_attempt: None,
            not_before: None,
            probe_at: None,
            stored: 0,
            unknown_refusals,
            wanted: false,
            boot: None,
        }
    }

    /// Sets the boot that its boot times belong to.
    #[must_use]
    pub(crate) fn in_boot(self, boot: Option<BootId>) -> Self {
        Self { boot, ..self }
    }

    /// The newest tokens, committed or not, for a logout to revoke.
    pub(crate) fn tokens(&self) -> Option<&TokenSet> {
        self.newest().map(|record| &record.tokens)
    }

    /// Whether the record was restored from a backup: its refresh token is not sent.
    pub(crate) fn is_restored(&self) -> bool {
        self.current().is_some_and(|current| self.is_rolled_back(current)) && !self.is_uncommitted()
    }

    /// The person whose tokens a login would replace, as far as known; `None`: there are no tokens. Those of another
    /// client say nothing, since the same person may have another subject there (OpenID Connect Core §8.1).
    pub(crate) fn person(&self) -> Option<Map<String, Value>> {
        let newest = self.newest()?;
        Some(if newest.binding.fits(&self.policy.binding) { newest.person() } else { Map::new() })
    }

    /// What tokens have to belong to, by the current config.
    pub(crate) fn binding(&self) -> &Binding {
        &self.policy.binding
    }

    /// Whether there are tokens that could not be written yet.
    pub(crate) fn is_uncommitted(&self) -> bool {
        matches!(self.phase, Phase::Uncommitted { .. })
    }

    /// Whether an attempt began after this moment.
    pub(crate) fn attempted_since(&self, moment: Moment) -> bool {
        self.last_attempt.is_some_and(|last| last.boot > moment.boot)
    }

    /// The newest record, committed or not.
    pub(super) fn newest(&self) -> Option<&Record> {
        match &self.phase {
            Phase::Uncommitted { next, .. } => Some(&next.record),
            _ => self.current().map(|current| &current.record),
        }
    }

    pub(super) fn needs_login(&mut self, reason: LoginReason) {
        let current = match std::mem::replace(&mut self.state, MachineState::SignedOut) {
            MachineState::Active(current) => Some(current),
            MachineState::NeedsLogin { current, .. } => current,
            MachineState::Unread | MachineState::Locked | MachineState::SignedOut | MachineState::Starting => None,
        };
        self.state = MachineState::NeedsLogin { reason, current };
    }

    pub(super) fn fail(&mut self, kind: TroubleKind, why: String, now: Moment, pause: impl FnOnce(u32) -> Duration) {
        let failures = self.trouble.as_ref().map_or(0, |trouble| trouble.failures).saturating_add(1);
        let retry_at = now.plus(pause(failures));
        self.trouble = Some(Box::new(Trouble { kind, why, at: now, failures, retry_at }));
    }

    pub(super) fn current(&self) -> Option<&CommittedRecord> {
        match &self.state {
            MachineState::Active(current) | MachineState::NeedsLogin { current: Some(current), .. } => Some(current),
            _ => None,
        }
    }

    pub(super) fn current_mut(&mut self) -> Option<&mut CommittedRecord> {
        match &mut self.state {
            MachineState::Active(current) | MachineState::NeedsLogin { current: Some(current), .. } => Some(current),
            _ => None,
        }
    }
}
