//! The health of an account: one definition for every reply and page.

use serde::{Deserialize, Serialize};

/// Whether an account has a working token, and who has to act if not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AccountHealth {
    /// It has a valid token and will have the next one.
    Usable,
    /// It has a valid token, but will have none after that unless something changes.
    Ending,
    /// It has no valid token, and gets one when a program asks (`lazy`).
    Idle,
    /// It has no valid token; the daemon keeps trying to get one.
    Recovering,
    /// It has no valid token, and needs its user: a login, or a change of the config.
    NeedsUser,
    /// The token store is locked or does not work.
    StoreUnavailable,
    /// A value that only a newer daemon knows.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Other,
}

/// An account's health on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HealthReply {
    /// Its health now.
    #[serde(rename = "health")]
    pub now: AccountHealth,
    /// Until when that holds, Unix seconds, if it is [`AccountHealth::Ending`] and the time is known.
    #[serde(rename = "health_until", skip_serializing_if = "Option::is_none", default)]
    pub until: Option<i64>,
    /// Its health after that.
    #[serde(rename = "health_then", skip_serializing_if = "Option::is_none", default)]
    pub then: Option<AccountHealth>,
}

impl HealthReply {
    /// The exit code of `ringback status` for it: 9 if the store is unavailable, 5 if the user is needed, 7 if there is
    /// no token and the daemon keeps trying, 0 if it is usable or idle.
    pub fn exit_code(self) -> u8 {
        let of = |health| match health {
            AccountHealth::StoreUnavailable => 9,
            AccountHealth::NeedsUser => 5,
            AccountHealth::Recovering | AccountHealth::Other => 7,
            AccountHealth::Usable | AccountHealth::Idle | AccountHealth::Ending => 0,
        };
        match (self.now, self.then) {
            // There is a token, but no next one will come without help.
            (AccountHealth::Ending, Some(then)) if then != AccountHealth::Recovering => of(then),
            (now, _) => of(now),
        }
    }

    /// The worst of several exit codes, in this order: 9 (store), 5 (user), 4 (mistake in the config), 7 (recovers by
    /// itself), 0.
    pub fn worst(codes: impl Iterator<Item = u8>) -> u8 {
        let rank = |code: &u8| [0, 7, 4, 5, 9].iter().position(|known| known == code);
        codes.max_by_key(rank).unwrap_or(0)
    }
}
