//! Builds the snapshot of the account that is published after every step.

use std::sync::Arc;

use super::machine::{Machine, MachineState, Phase};
use crate::account::login_reason::LoginReason;
use crate::account::served::Served;
use crate::account::snapshot::{Snapshot, Standing};
use crate::clock::Moment;

impl Machine {
    /// The current snapshot.
    pub(crate) fn snapshot(&self, account: &Arc<str>) -> Snapshot {
        let current = self.current();
        let standing = match &self.state {
            MachineState::Unread => Standing::Unread,
            MachineState::Locked => Standing::Locked,
            MachineState::SignedOut => Standing::SignedOut,
            MachineState::Starting => Standing::Starting,
            MachineState::Active(_) => Standing::Active,
            MachineState::NeedsLogin { reason, .. } => Standing::NeedsLogin(reason.clone()),
        };
        // Not served: another client's token, and that of an older record, which the provider may have revoked or
        // which may be another person's. A token whose refresh was refused is served until it expires.
        let usable = current.filter(|current| {
            current.has_token()
                && standing != Standing::NeedsLogin(LoginReason::ConfigChanged)
                && !self.is_rolled_back(current)
        });
        Snapshot {
            account: Arc::clone(account),
            provider: Arc::clone(&self.policy.binding.provider),
            token: usable.map(|current| Served {
                access_token: current.record.tokens.access_token.clone(),
                deadline: current.deadline,
                expiry: current.record.tokens.expiry,
                scope: current.record.tokens.scope.clone(),
                dpop_key: current.record.tokens.dpop_key.clone(),
                extra: current.record.tokens.extra.clone(),
            }),
            refreshable: current.is_some_and(|current| self.is_renewable(current) && !self.is_rolled_back(current)),
            on_demand: self.policy.plan.lazy,
            busy: matches!(self.phase, Phase::Preparing { .. } | Phase::Sending { .. } | Phase::Committing { .. }),
            next_attempt: self.renewable().and_then(|current| self.next_attempt(current)),
            soonest_attempt: self.soonest_attempt(Moment::EARLIEST),
            trouble: self.trouble.clone(),
            refused_for_long: self.unknown_refusals.are_enough(),
            clock_behind: current.is_some_and(|current| current.clock_behind),
            dpop_bound: current.map(|current| current.record.tokens.dpop_key.is_some()),
            generation: current.map_or(0, |current| current.record.generation),
            obtained_at: current.map(|current| current.record.tokens.obtained_at),
            scope: current.and_then(|current| current.record.tokens.scope.clone()),
            identity: current.map(|current| current.record.identity.clone()).unwrap_or_default(),
            logins: current.map(|current| current.record.logins.clone()).unwrap_or_default(),
            login_soon: current.is_some_and(|current| {
                current.deadline.is_some() && current.warn_at.is_none() && !self.is_renewable(current)
            }),
            narrowed: usable.map(|current| current.narrowed.clone()).unwrap_or_default(),
            lost_scope: current.and_then(|current| current.lost_scope.clone()),
            standing,
        }
    }
}
