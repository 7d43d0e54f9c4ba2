//! The state machine's data: state, phase, and what is held.

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

/// The account's machine.
#[derive(Debug)]
pub struct Machine {
    pub(super) policy: Policy,
    pub(super) state: MachineState,
    pub(super) phase: Phase,
    pub(super) trouble: Option<Trouble>,
    /// Start of the last attempt, for the pauses between forced ones. One that the circuit breaker kept back is none.
    pub(super) last_attempt: Option<Moment>,
    /// The provider asked to be left alone until then (`Retry-After`): no attempt before, whoever asks.
    pub(super) not_before: Option<Boot>,
    /// When the circuit breaker, which kept the last attempt back, may let one pass.
    pub(super) probe_at: Option<Moment>,
    /// The highest generation that is known to have been stored; the next one has to be higher, also where what is
    /// stored now is of no use, or older.
    pub(super) stored: u64,
    /// Refusals of unknown kind since the last token.
    pub(super) unknown_refusals: UnknownRefusals,
    /// Somebody is without a valid token and asked for one: the next attempt is on their behalf.
    pub(super) wanted: bool,
    /// Which run of the machine its boot times are of.
    pub(super) boot: Option<BootId>,
}

/// Where the account stands.
#[derive(Debug)]
pub(super) enum MachineState {
    /// The store was not read yet, or could not be.
    Unread,
    /// Nobody can read the store: its key is not in memory, and neither is anything that it keeps.
    Locked,
    /// Nobody has logged in.
    SignedOut,
    /// There is no token yet, and one is got without the user.
    Starting,
    /// A committed token set that is kept fresh.
    Active(CommittedRecord),
    /// Only the user can help. What was held stays: the access token may still be valid, and the refresh
    /// token is not ours to throw away.
    NeedsLogin { reason: LoginReason, current: Option<CommittedRecord> },
}

/// What is going on.
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
    /// New tokens that could not be written: kept, not published, written as soon as possible.
    Uncommitted {
        next: Box<CommittedRecord>,
        needs_login: Option<LoginReason>,
        retry_at: Moment,
    },
    /// Carries what was going on before, which a failed removal goes back to.
    Removing {
        before: Box<Self>,
    },
}

/// What a token is asked for with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    RefreshToken,
    /// The client's or the user's own credentials: nothing is spent by it.
    Reacquire,
}

impl Machine {
    /// A machine that has not been told what is stored: its first [`Event::Timer`] asks for that.
    pub fn new(policy: Policy) -> Self {
        let (state, phase) = (MachineState::Unread, Phase::Idle);
        let unknown_refusals = UnknownRefusals::default();
        Self {
            policy,
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

    /// The same, whose boot times are of this run of the machine.
    #[must_use]
    pub fn in_boot(self, boot: Option<BootId>) -> Self {
        Self { boot, ..self }
    }

    /// The newest tokens, kept or not yet kept, for a logout to give back.
    pub fn tokens(&self) -> Option<&TokenSet> {
        self.newest().map(|record| &record.tokens)
    }

    /// Whether what is held was put back from a backup: its refresh token is sent to nobody.
    pub fn is_restored(&self) -> bool {
        self.current().is_some_and(|current| self.is_rolled_back(current)) && !self.is_uncommitted()
    }

    /// Whose tokens a login would replace, as far as is known; `None`: there are none. Those of another client say
    /// nothing, since the same person may have another subject there (OpenID Connect Core §8.1).
    pub fn person(&self) -> Option<Map<String, Value>> {
        let newest = self.newest()?;
        Some(if newest.binding == self.policy.binding { newest.person() } else { Map::new() })
    }

    /// What tokens have to belong to, by the config of now.
    pub fn binding(&self) -> &Binding {
        &self.policy.binding
    }

    /// Whether there are tokens that could not be written yet.
    pub fn is_uncommitted(&self) -> bool {
        matches!(self.phase, Phase::Uncommitted { .. })
    }

    /// Whether an attempt was begun after this moment.
    pub fn attempted_since(&self, moment: Moment) -> bool {
        self.last_attempt.is_some_and(|last| last.boot > moment.boot)
    }

    /// The newest record, kept or not yet kept.
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
        self.trouble = Some(Trouble { kind, why, at: now, failures, retry_at });
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
