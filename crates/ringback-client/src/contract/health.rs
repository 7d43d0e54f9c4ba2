//! The health of an account: one definition for every reply and page.

use serde::{Deserialize, Serialize};

/// Whether an account has a token that works, and who has to do something if not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountHealth {
    /// It has a valid token and will have the next one.
    Usable,
    /// It has a valid token, and unless something changes it will have none after that.
    Ending,
    /// It has no valid token, and is tried again by itself.
    Recovering,
    /// It has no valid token, and needs its user: a login, or a change of the config.
    NeedsUser,
    /// The token store is locked or does not work.
    StoreUnavailable,
    /// A newer daemon's word.
    #[serde(other)]
    Other,
}

/// An account's health, for the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReply {
    /// At this moment.
    #[serde(rename = "health")]
    pub now: AccountHealth,
    /// Until when, Unix seconds, where that is known and it is [`AccountHealth::Ending`].
    #[serde(rename = "health_until", skip_serializing_if = "Option::is_none", default)]
    pub until: Option<i64>,
    /// And what then.
    #[serde(rename = "health_then", skip_serializing_if = "Option::is_none", default)]
    pub then: Option<AccountHealth>,
}

impl HealthReply {
    /// What a caller of `ringback status` has to know of it, as an exit code: 9 the store, 5 the user is needed, 7 no
    /// token and tried again, 0 usable.
    pub fn exit_code(self) -> u8 {
        let of = |health| match health {
            AccountHealth::StoreUnavailable => 9,
            AccountHealth::NeedsUser => 5,
            AccountHealth::Recovering | AccountHealth::Other => 7,
            AccountHealth::Usable | AccountHealth::Ending => 0,
        };
        match (self.now, self.then) {
            // There is a token, and the next one comes by itself or not at all.
            (AccountHealth::Ending, Some(then)) if then != AccountHealth::Recovering => of(then),
            (now, _) => of(now),
        }
    }

    /// The worst of several exit codes: the store before the user, the user before a mistake in the config, and that
    /// before what heals.
    pub fn worst(codes: impl Iterator<Item = u8>) -> u8 {
        let rank = |code: &u8| [0, 7, 4, 5, 9].iter().position(|known| known == code);
        codes.max_by_key(rank).unwrap_or(0)
    }
}
