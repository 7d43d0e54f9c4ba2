//! Builds the snapshot of the account that is published after every step.

use super::machine::{Machine, MachineState, Phase};
use crate::account::login_reason::LoginReason;
use crate::account::served::Served;
use crate::account::snapshot::{Snapshot, Standing};
use crate::clock::Moment;

impl Machine {
    /// The picture of now.
    pub fn snapshot(&self, account: &str) -> Snapshot {
        let held = self.held();
        let standing = match &self.state {
            MachineState::Unread => Standing::Unread,
            MachineState::Locked => Standing::Locked,
            MachineState::SignedOut => Standing::SignedOut,
            MachineState::Starting => Standing::Starting,
            MachineState::Active(_) => Standing::Active,
            MachineState::NeedsLogin { reason, .. } => Standing::NeedsLogin(reason.clone()),
        };
        // Another client's token is not served; one whose refresh was refused is good to its end. Nor is one of an older
        // record: the provider may have ended it early, or it may be of the person who was logged in before.
        let usable = held.filter(|held| {
            held.has_token() && standing != Standing::NeedsLogin(LoginReason::ConfigChanged) && !self.is_older(held)
        });
        Snapshot {
            account: account.to_owned(),
            provider: self.policy.binding.provider.clone(),
            token: usable.map(|held| Served {
                access_token: held.record.tokens.access_token.clone(),
                deadline: held.deadline,
                expiry: held.record.tokens.expiry,
                scope: held.record.tokens.scope.clone(),
                extra: held.record.tokens.extra.clone(),
            }),
            refreshable: held.is_some_and(|held| self.is_renewable(held) && !self.is_older(held)),
            busy: matches!(self.phase, Phase::Preparing { .. } | Phase::Sending { .. } | Phase::Committing { .. }),
            next_attempt: self.kept_fresh().and_then(|held| self.next_attempt(held)),
            soonest_attempt: self.soonest_attempt(Moment::EARLIEST),
            trouble: self.trouble.clone(),
            refused_for_long: self.unknown_refusals.are_enough(),
            clock_behind: held.is_some_and(|held| held.clock_behind),
            generation: held.map_or(0, |held| held.record.generation),
            obtained_at: held.map(|held| held.record.tokens.obtained_at),
            scope: held.and_then(|held| held.record.tokens.scope.clone()),
            identity: held.map(|held| held.record.identity.clone()).unwrap_or_default(),
            logins: held.map(|held| held.record.logins.clone()).unwrap_or_default(),
            login_soon: held
                .is_some_and(|held| held.deadline.is_some() && held.notice.is_none() && !self.is_renewable(held)),
            narrowed: usable.map(|held| held.narrowed.clone()).unwrap_or_default(),
            lost_scope: held.and_then(|held| held.lost_scope.clone()),
            standing,
        }
    }
}
