//! What callers get to see of an account: an immutable picture, and what it answers to a request.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::account::health;
use crate::account::login_history::LoginHistory;
use crate::account::record::LoginReason;
use crate::account::schedule;
use crate::account::state::{LostScope, Machine, MachineState, Narrowed, Phase, Trouble, TroubleKind};
use crate::clock::{Boot, Moment, Wall};
use crate::contract::{AccountReply, AccountState, ErrorCode, ExpiryWord, LastError};
use crate::error::Error;
use crate::oauth::exchange::Target;
use crate::oauth::grant::Expiry;
use crate::secret::AccessToken;

/// How long a caller with a valid token, who asked for nothing in particular, waits for a fresher one.
const UNASKED_PATIENCE: Duration = Duration::from_secs(1);

/// How long a caller waits for another token where the clocks disagree about the one that is there.
const IN_DOUBT_PATIENCE: Duration = Duration::from_secs(5);

/// What `status` says of every account then.
const LOCKED: &str = "the store is locked: run `ringback unlock`";

/// A picture of an account, published after every step. Reading one costs no lock, no message, no disk.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub struct Snapshot {
    /// The account's name.
    pub account: String,
    /// The provider's name.
    pub provider: String,
    /// Where it stands.
    pub standing: Standing,
    /// The committed token, if it may be served at all. Whether it is still valid, the moment tells.
    pub token: Option<Served>,
    /// Whether another one can be got without the user.
    pub refreshable: bool,
    /// Whether a refresh or commit is going on.
    pub busy: bool,
    /// When the next attempt will be made by itself.
    pub next_attempt: Option<Moment>,
    /// When somebody who asks causes one.
    pub soonest_attempt: Moment,
    /// What went wrong last.
    pub trouble: Option<Trouble>,
    /// The provider has refused for so long, for reasons that nobody here knows, that the user was told.
    pub refused_for_long: bool,
    /// The machine's clock is behind the time when the token was obtained.
    pub clock_behind: bool,
    /// Counts commits.
    pub generation: u64,
    /// When the token was obtained.
    pub obtained_at: Option<Wall>,
    /// The granted scope.
    pub scope: Option<String>,
    /// Whose the tokens are, where the provider told.
    pub identity: Map<String, Value>,
    /// When the login was made, and how long earlier ones lasted.
    pub logins: LoginHistory,
    /// Whether only the user can help, soon: the token has lived most of its life and can't be renewed.
    pub login_soon: bool,
    /// Tokens for less than all that was granted.
    pub narrowed: Narrowed,
    /// Scope that was granted, and that the token no longer has.
    pub lost_scope: Option<LostScope>,
}

/// Where an account stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The store was not read, or could not be.
    Unread,
    /// The store is locked.
    Locked,
    /// Nobody has logged in.
    SignedOut,
    /// Without a token, and getting one without the user.
    Starting,
    /// Kept fresh.
    Active,
    /// Only the user can help.
    NeedsLogin(LoginReason),
}

/// The token as it is served.
#[derive(Debug, Clone)]
pub struct Served {
    /// The token.
    pub access_token: AccessToken,
    /// When it expires, if that is known.
    pub deadline: Option<Moment>,
    /// What the provider said of its expiry.
    pub expiry: Expiry,
    /// What it may, if the provider told.
    pub scope: Option<String>,
    /// What else it said.
    pub extra: Map<String, Value>,
}

/// How much validity a caller wants.
#[derive(Debug, Clone, Copy)]
pub enum Ttl {
    /// This much, said by the caller.
    Asked(Duration),
    /// This much, by the config: never a reason to refresh earlier than planned.
    Usual(Duration),
}

/// What a snapshot answers to a request for a token.
#[derive(Debug)]
pub enum Verdict {
    /// Take this one.
    Serve,
    /// A refresh is going on or will be when asked for: wait, if you may.
    Wait,
    /// There is none, and waiting will not help before `retry_at`.
    Fail(Error),
}

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

impl Snapshot {
    /// Whether the store was not asked yet.
    pub fn is_unread(&self) -> bool {
        self.standing == Standing::Unread && self.trouble.is_none()
    }

    /// The same account as it looks to somebody who wants a token for `target` only.
    #[must_use]
    pub fn narrowed_to(&self, target: &Target) -> Self {
        let refused = self.narrowed.refused(target);
        Self {
            account: self.account.clone(),
            provider: self.provider.clone(),
            standing: self.standing.clone(),
            token: self.narrowed.token(target).cloned(),
            refreshable: self.refreshable,
            busy: self.busy,
            next_attempt: self.next_attempt.filter(|_| refused.is_none()),
            soonest_attempt: self.soonest_attempt,
            trouble: refused.or(self.trouble.as_ref()).cloned(),
            refused_for_long: self.refused_for_long,
            clock_behind: self.clock_behind,
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

    /// Whether the token is good for at least `ttl`, as far as tokens of its lifetime can be.
    pub fn lasts(&self, ttl: Ttl, now: Moment) -> bool {
        let Some(token) = &self.token else { return false };
        token.deadline.is_none_or(|deadline| now.until(deadline) > self.effective(ttl))
    }

    /// `ttl`, cut to what a token of this lifetime can give.
    pub fn effective(&self, ttl: Ttl) -> Duration {
        let lifetime = match self.token.as_ref().map(|token| token.expiry) {
            Some(Expiry::At { lifetime, .. }) => Some(lifetime),
            _ => None,
        };
        match ttl {
            Ttl::Asked(wanted) => schedule::wanted_ttl(wanted, lifetime),
            Ttl::Usual(usual) => schedule::usual_ttl(usual, lifetime),
        }
    }

    /// How long a caller waits for a better token: never until the one there is has expired, since a valid
    /// token is always served.
    pub fn patience(&self, ttl: Ttl, wait: Duration, now: Moment) -> Duration {
        let left = self.token.as_ref().and_then(|token| token.deadline).map_or(Duration::ZERO, |at| now.until(at));
        match ttl {
            _ if self.token.as_ref().is_some_and(|token| token.is_in_doubt(now)) => wait.min(IN_DOUBT_PATIENCE),
            _ if left.is_zero() => wait,
            Ttl::Asked(_) => wait.min(left / 2),
            Ttl::Usual(_) => wait.min(left / 2).min(UNASKED_PATIENCE),
        }
    }

    /// What to answer a caller who can wait until `patience`.
    pub fn verdict(&self, ttl: Ttl, patience: Boot, now: Moment) -> Verdict {
        if self.lasts(ttl, now) {
            return Verdict::Serve;
        }
        let valid = self.has_usable_token(now);
        let retried = |at: Moment| now.plus(now.boot.until(patience)).reached(at);
        let hopeless = match (&self.standing, &self.trouble) {
            (Standing::Active, None) => !self.refreshable,
            (Standing::Active, Some(_)) => !self.busy && self.next_attempt.is_none_or(|at| !retried(at)),
            (Standing::Unread | Standing::Starting, None) => false,
            (Standing::Starting, Some(trouble)) => !self.busy && !retried(trouble.retry_at),
            (Standing::Locked, _) => true,
            _ => !self.busy,
        };
        match (valid, hopeless || now.boot.reached(patience)) {
            // A valid token is always served, also when it is shorter than wished and can't be renewed.
            (true, true) => Verdict::Serve,
            (false, true) => Verdict::Fail(self.error(now)),
            (_, false) => Verdict::Wait,
        }
    }

    /// The account without its secrets, for the wire.
    pub fn reply(&self, now: Moment) -> AccountReply {
        let state = match &self.standing {
            Standing::Unread | Standing::Locked => AccountState::StoreUnavailable,
            Standing::SignedOut => AccountState::SignedOut,
            Standing::Starting => AccountState::Starting,
            Standing::Active => AccountState::Active,
            Standing::NeedsLogin(_) => AccountState::NeedsLogin,
        };
        let health = self.health(now);
        let in_doubt = self.token.as_ref().is_some_and(|token| token.is_in_doubt(now));
        let reason = match (&self.standing, &self.trouble) {
            (Standing::NeedsLogin(reason), _) => Some(reason.to_string()),
            (Standing::Locked, _) => Some(LOCKED.into()),
            (Standing::SignedOut, None) => Some("nobody has logged in yet".into()),
            (_, Some(trouble)) if in_doubt => Some(format!("{}; {}", trouble.why, health::IN_DOUBT)),
            (_, Some(trouble)) if self.clock_behind => Some(format!("{}; {}", trouble.why, health::CLOCK_BEHIND)),
            (_, Some(trouble)) => Some(trouble.why.clone()),
            (_, None) if self.login_soon => Some("the token expires soon and can't be refreshed: log in again".into()),
            (_, None) if self.clock_behind => Some(health::CLOCK_BEHIND.into()),
            (_, None) => self.lost_scope.as_ref().map(LostScope::to_string),
        };
        let expiry = self.token.as_ref().map(|token| token.expiry);
        AccountReply {
            account: self.account.clone(),
            provider: self.provider.clone(),
            state,
            health: Some(health.reply(|at| unix_deadline(at, now))),
            attention_needed: health.needs_attention(),
            reason,
            reason_code: match &self.standing {
                Standing::NeedsLogin(reason) => Some(reason.code().to_owned()),
                _ => None,
            },
            scope: self.scope.clone(),
            lost_scope: self.lost_scope.as_ref().map(|lost| lost.scope.clone()),
            obtained_at: self.obtained_at.map(Wall::unix_seconds),
            expires_at: self
                .token
                .as_ref()
                .and_then(|token| token.deadline)
                .map(|deadline| unix_deadline(deadline, now)),
            expiry: expiry.and_then(expiry_word),
            next_refresh_at: self.next_attempt.map(|at| unix_deadline(at, now)),
            refreshable: self.refreshable,
            generation: self.generation,
            last_error: self.trouble.as_ref().map(|trouble| LastError {
                error: trouble_code(&trouble.kind),
                error_description: trouble.why.clone(),
                at: trouble.at.wall.unix_seconds(),
                failures: trouble.failures,
            }),
            identity: self.identity.clone(),
            logged_in_at: self.logins.since.map(Wall::unix_seconds),
            logins_lasted: self.logins.lasted.clone(),
            login_due_at: self
                .token
                .as_ref()
                .filter(|_| !self.refreshable)
                .and_then(|token| token.deadline)
                .map(|deadline| unix_deadline(deadline, now)),
            login_pending: None,
            login_confirm: None,
        }
    }
}

/// `deadline` in Unix seconds as the wall clock stands *now*: a clock that was set since moves it along. Where the
/// clocks disagree, by the time that has passed.
pub fn unix_deadline(deadline: Moment, now: Moment) -> i64 {
    if now.reached(deadline) && now.boot < deadline.boot {
        now.wall.plus(now.boot.until(deadline.boot)).unix_seconds()
    } else if now.reached(deadline) {
        deadline.wall.min(now.wall).unix_seconds()
    } else {
        now.wall.plus(now.until(deadline)).unix_seconds()
    }
}

/// The word for an expiry without a time.
pub fn expiry_word(expiry: Expiry) -> Option<ExpiryWord> {
    match expiry {
        Expiry::At { .. } => None,
        Expiry::Unknown => Some(ExpiryWord::Unknown),
        Expiry::Never => Some(ExpiryWord::Never),
    }
}

/// The code that it is told with.
pub(crate) fn trouble_code(kind: &TroubleKind) -> ErrorCode {
    match kind {
        TroubleKind::Unreachable | TroubleKind::Offline => ErrorCode::ProviderUnreachable,
        TroubleKind::Refused(_) | TroubleKind::Unexplained(_) => ErrorCode::ProviderRefused,
        TroubleKind::Store => ErrorCode::StoreUnavailable,
    }
}
