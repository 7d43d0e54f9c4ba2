//! Account status: a snapshot as the local API shows it, without secrets.

use super::health;
use super::lost_scope::LostScope;
use super::snapshot::{Snapshot, Standing};
use super::trouble::Trouble;
use crate::clock::{Moment, Wall};
use crate::contract::{AccountReply, AccountState, ExpiryWord, LastError};
use crate::oauth::grant::Expiry;

/// The reason that `status` shows while the store is locked.
const LOCKED: &str = "the store is locked: run `ringback unlock`";

impl Snapshot {
    /// The account for the API, without secrets.
    pub(crate) fn reply(&self, now: Moment) -> AccountReply {
        let health = self.health(now);
        let expires_at = self.token.as_ref().and_then(|token| token.deadline).map(|at| unix_deadline(at, now));
        AccountReply {
            account: self.account.to_string(),
            provider: self.provider.to_string(),
            state: self.standing.state(),
            health: Some(health.reply(|at| unix_deadline(at, now))),
            attention_needed: health.needs_attention(),
            reason: self.reason(now),
            reason_code: match &self.standing {
                Standing::NeedsLogin(reason) => Some(reason.code().to_owned()),
                _ => None,
            },
            scope: self.scope.clone(),
            lost_scope: self.lost_scope.as_ref().map(|lost| lost.scope.clone()),
            obtained_at: self.obtained_at.map(Wall::unix_seconds),
            expires_at,
            expiry: self.token.as_ref().and_then(|token| expiry_word(token.expiry)),
            next_refresh_at: self.next_attempt.map(|at| unix_deadline(at, now)),
            refreshable: self.refreshable,
            dpop_bound: self.dpop_bound,
            generation: self.generation,
            last_error: self.trouble.as_deref().map(last_error),
            identity: self.identity.clone(),
            logged_in_at: self.logins.since.map(Wall::unix_seconds),
            logins_lasted: self.logins.lasted.clone(),
            login_due_at: expires_at.filter(|_| !self.refreshable),
            login_pending: None,
            login_confirm: None,
            file_error: None,
            proxy: None,
        }
    }

    /// Why the account is as it is, where that is not simply well.
    pub(crate) fn reason(&self, now: Moment) -> Option<String> {
        let in_doubt = self.token.as_ref().is_some_and(|token| token.is_in_doubt(now));
        match (&self.standing, self.trouble.as_deref()) {
            (Standing::NeedsLogin(reason), _) => Some(reason.to_string()),
            (Standing::Locked, _) => Some(LOCKED.into()),
            (Standing::SignedOut, None) => Some("nobody has logged in yet".into()),
            (_, Some(trouble)) if in_doubt => Some(format!("{}; {}", trouble.why, health::IN_DOUBT)),
            (_, Some(trouble)) if self.clock_behind => Some(format!("{}; {}", trouble.why, health::CLOCK_BEHIND)),
            (_, Some(trouble)) => Some(trouble.why.clone()),
            (_, None) if self.login_soon => Some("the token expires soon and can't be refreshed: log in again".into()),
            (_, None) if self.clock_behind => Some(health::CLOCK_BEHIND.into()),
            (_, None) => self.lost_scope.as_ref().map(LostScope::to_string),
        }
    }
}

impl Standing {
    /// The state in the API's words.
    fn state(&self) -> AccountState {
        match self {
            Self::Unread | Self::Locked => AccountState::StoreUnavailable,
            Self::SignedOut => AccountState::SignedOut,
            Self::Starting => AccountState::Starting,
            Self::Active => AccountState::Active,
            Self::NeedsLogin(_) => AccountState::NeedsLogin,
        }
    }
}

fn last_error(trouble: &Trouble) -> LastError {
    LastError {
        error: trouble.kind.error_code(),
        error_description: trouble.why.clone(),
        at: trouble.at.wall.unix_seconds(),
        failures: trouble.failures,
    }
}

/// `deadline` in Unix seconds by the *current* wall clock, so that a clock that was set moves it along. If the clocks
/// disagree, by boot time.
pub(crate) fn unix_deadline(deadline: Moment, now: Moment) -> i64 {
    if now.reached(deadline) && now.boot < deadline.boot {
        now.wall.plus(now.boot.until(deadline.boot)).unix_seconds()
    } else if now.reached(deadline) {
        deadline.wall.min(now.wall).unix_seconds()
    } else {
        now.wall.plus(now.until(deadline)).unix_seconds()
    }
}

/// The word for an expiry without a time.
pub(crate) fn expiry_word(expiry: Expiry) -> Option<ExpiryWord> {
    match expiry {
        Expiry::At { .. } => None,
        Expiry::Unknown => Some(ExpiryWord::Unknown),
        Expiry::Never => Some(ExpiryWord::Never),
    }
}
