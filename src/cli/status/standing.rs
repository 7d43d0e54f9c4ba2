//! How an account stands, in one word, and in which order accounts are shown.

use crate::cli::report::{Palette, Tone};
use crate::contract::{AccountHealth, AccountReply, AccountState, HealthReply};

/// The groups of the overview, the worst first: that is the order of the accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    /// The token store is locked or does not work.
    Store,
    /// Only the user can help.
    NeedsYou,
    /// A mistake in the config keeps it out.
    Skipped,
    /// It has no valid token, and the daemon keeps trying.
    Recovering,
    /// It has a valid token; the next one is in doubt.
    Ending,
    /// Nothing is wrong.
    Fine,
}

impl Group {
    /// All of them, in the order of the summary.
    pub(super) const SUMMED: [Self; 6] =
        [Self::Fine, Self::Ending, Self::Recovering, Self::Skipped, Self::NeedsYou, Self::Store];

    pub(super) fn of(account: &AccountReply, now: i64) -> Self {
        let health = account.health_at(now);
        match (health.exit_code(), health.now) {
            (9, _) => Self::Store,
            (5, _) => Self::NeedsYou,
            (0, AccountHealth::Ending) => Self::Ending,
            (0, _) => Self::Fine,
            _ => Self::Recovering,
        }
    }

    pub(super) fn tone(self) -> Tone {
        match self {
            Self::Fine => Tone::Good,
            Self::Ending | Self::Recovering => Tone::Warning,
            Self::Skipped | Self::NeedsYou | Self::Store => Tone::Bad,
        }
    }

    /// Its part of the summary, such as `2 need you`.
    pub(super) fn counted(self, accounts: usize) -> String {
        let one = accounts == 1;
        match self {
            Self::Fine => format!("{accounts} fine"),
            Self::Ending => format!("{accounts} ending"),
            Self::Recovering => format!("{accounts} recovering"),
            Self::Skipped => format!("{accounts} skipped"),
            Self::NeedsYou => format!("{accounts} {}", if one { "needs you" } else { "need you" }),
            Self::Store => format!("{accounts} {} for the token store", if one { "waits" } else { "wait" }),
        }
    }
}

/// The account's state in one or two words.
pub(super) fn word(account: &AccountReply, now: i64) -> &'static str {
    match (account.health_at(now).now, account.state) {
        (_, AccountState::SignedOut) => "signed out",
        (_, AccountState::NeedsLogin) => "needs login",
        (AccountHealth::StoreUnavailable, _) | (_, AccountState::StoreUnavailable) => "store unavailable",
        (AccountHealth::Usable, _) => "active",
        (AccountHealth::Idle, _) => "idle",
        (AccountHealth::Ending, _) => "ending",
        (AccountHealth::NeedsUser, _) => "needs you",
        (_, AccountState::Starting) => "starting",
        (AccountHealth::Recovering | AccountHealth::Other, _) => "recovering",
    }
}

/// What to say of an idle account instead of its last token's end, which is no news for anybody.
pub(super) const ON_DEMAND: &str = "gets a token when a program asks";

/// Whether it has no valid token because nobody has asked for one.
pub(super) fn is_idle(account: &AccountReply, now: i64) -> bool {
    account.health_at(now).now == AccountHealth::Idle
}

/// Until when an account that is ending has a token.
pub(super) fn ends_at(account: &AccountReply, now: i64) -> Option<i64> {
    let HealthReply { now: health, until, .. } = account.health_at(now);
    until.filter(|_| health == AccountHealth::Ending)
}

/// The accounts with their groups, the worst first.
pub(super) fn worst_first(accounts: &[AccountReply], now: i64) -> Vec<(Group, &AccountReply)> {
    let mut sorted: Vec<_> = accounts.iter().map(|account| (Group::of(account, now), account)).collect();
    sorted.sort_by_key(|(group, _)| *group);
    sorted
}

/// `2 fine, 1 needs you`, each part in its colour; nothing if there is no account.
pub(super) fn summary(groups: &[Group], palette: Palette) -> String {
    let count = |group| groups.iter().filter(|other| **other == group).count();
    let parts = Group::SUMMED.into_iter().map(|group| (group, count(group))).filter(|(_, accounts)| *accounts > 0);
    parts.map(|(group, accounts)| palette.paint(group.tone(), &group.counted(accounts))).collect::<Vec<_>>().join(", ")
}
