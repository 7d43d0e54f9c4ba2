//! Snapshot of an account: immutable, and published after every step.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::downscoped::Narrowed;
use super::login_history::LoginHistory;
use super::login_reason::LoginReason;
use super::lost_scope::LostScope;
use super::served::Served;
use super::trouble::Trouble;
use crate::clock::{Moment, Wall};
use crate::oauth::exchange::Target;
use crate::secret::DpopKey;

/// The account at one moment. Reading it takes no lock, no message and no disk.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(crate) struct Snapshot {
    /// The account's name.
    pub(crate) account: Arc<str>,
    /// The provider's name.
    pub(crate) provider: Arc<str>,
    /// The account's state.
    pub(crate) standing: Standing,
    /// The committed token, if it may be served. Whether it is still valid depends on the time.
    pub(crate) token: Option<Served>,
    /// Whether another one can be obtained without the user.
    pub(crate) refreshable: bool,
    /// Whether it is refreshed only if somebody asks (`lazy`).
    pub(crate) on_demand: bool,
    /// Whether a refresh or commit is in progress.
    pub(crate) busy: bool,
    /// When the next planned attempt is due.
    pub(crate) next_attempt: Option<Moment>,
    /// The earliest attempt that a caller can cause.
    pub(crate) soonest_attempt: Moment,
    /// The current failure.
    pub(crate) trouble: Option<Box<Trouble>>,
    /// Unknown refusals have lasted so long that the user was told.
    pub(crate) refused_for_long: bool,
    /// The clock is behind the time when the token was obtained.
    pub(crate) clock_behind: bool,
    /// Whether the tokens are bound to a key (RFC 9449); `None`: there are none.
    pub(crate) dpop_bound: Option<bool>,
    /// Counts commits.
    pub(crate) generation: u64,
    /// When the token was obtained.
    pub(crate) obtained_at: Option<Wall>,
    /// The granted scope.
    pub(crate) scope: Option<String>,
    /// The person the tokens belong to, as the provider told.
    pub(crate) identity: Map<String, Value>,
    /// When the login was made, and how long earlier ones lasted.
    pub(crate) logins: LoginHistory,
    /// Whether a login is needed soon: the token has lived most of its life and can't be renewed.
    pub(crate) login_soon: bool,
    /// Downscoped tokens.
    pub(in crate::account) narrowed: Narrowed,
    /// Scope that was granted, and that the token no longer has.
    pub(crate) lost_scope: Option<LostScope>,
}

/// The state of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The store was not read, or could not be.
    Unread,
    /// The store is locked.
    Locked,
    /// Nobody has logged in.
    SignedOut,
    /// Without a token, and getting one without the user.
    Starting,
    /// Refreshed automatically.
    Active,
    /// Only the user can help.
    NeedsLogin(LoginReason),
}

impl Snapshot {
    /// Whether the store was not read yet.
    pub(crate) fn is_unread(&self) -> bool {
        self.standing == Standing::Unread && self.trouble.is_none()
    }

    /// The account as seen by a caller who asks for a token for `target`.
    #[must_use]
    pub(crate) fn narrowed_to(&self, target: &Target) -> Self {
        let refused = self.narrowed.refused(target);
        Self {
            account: self.account.clone(),
            provider: self.provider.clone(),
            standing: self.standing.clone(),
            token: self.narrowed.token(target).cloned(),
            refreshable: self.refreshable,
            on_demand: self.on_demand,
            busy: self.busy,
            next_attempt: self.next_attempt.filter(|_| refused.is_none()),
            soonest_attempt: self.soonest_attempt,
            trouble: refused.or(self.trouble.as_deref()).cloned().map(Box::new),
            refused_for_long: self.refused_for_long,
            clock_behind: self.clock_behind,
            dpop_bound: self.dpop_bound,
            generation: self.generation,
            obtained_at: None,
            scope: None,
            identity: self.identity.clone(),
            logins: self.logins.clone(),
            login_soon: self.login_soon,
            narrowed: Narrowed::default(),
            lost_scope: None,
        }
    }

    /// The account with the store locked.
    #[must_use]
    pub(crate) fn locked(&self) -> Self {
        Self {
            account: self.account.clone(),
            provider: self.provider.clone(),
            standing: Standing::Locked,
            token: None,
            refreshable: false,
            on_demand: self.on_demand,
            busy: false,
            next_attempt: None,
            soonest_attempt: self.soonest_attempt,
            trouble: None,
            refused_for_long: false,
            clock_behind: false,
            dpop_bound: None,
            generation: 0,
            obtained_at: None,
            scope: None,
            identity: Map::new(),
            logins: LoginHistory::default(),
            login_soon: false,
            narrowed: Narrowed::default(),
            lost_scope: None,
        }
    }

    /// The key that this token of the account is bound to (RFC 9449).
    pub(crate) fn dpop_key(&self, token: &str) -> Option<&DpopKey> {
        let all = self.token.iter().chain(self.narrowed.tokens());
        // To compare costs two hashes, and hardly an account has a key.
        let mut bound = all.filter_map(|held| Some((held, held.dpop_key.as_ref()?)));
        bound.find(|(held, _)| held.access_token.matches(token)).map(|(_, key)| key)
    }

    pub(super) fn has_valid_token(&self, now: Moment) -> bool {
        self.token.as_ref().is_some_and(|token| token.is_valid(now))
    }

    /// Whether callers get the token. If the clocks disagree about it, another one is tried first.
    pub(super) fn has_usable_token(&self, now: Moment) -> bool {
        let asked = self.busy || self.trouble.is_some() || !self.refreshable || self.standing != Standing::Active;
        self.has_valid_token(now) || asked && self.token.as_ref().is_some_and(|token| token.is_in_doubt(now))
    }
}
