//! The error type of the broker and the API: what failed, and what to do about it.
//!
//! HTTP status, error code and exit code follow from [`Error::code`] through the table in `contract`; the advice is
//! [`Error::hint`].

mod hint;
mod missing;
mod obstacle;
mod remedy;
mod reply;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

pub use self::missing::Missing;
pub use self::obstacle::Obstacle;
pub use self::upstream::{ScopeStep, UpstreamFailure};
use crate::contract::{Confirm, ErrorCode};

/// Why a request fails. Messages contain no secrets: they are shown to callers, on pages and in logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request is invalid.
    #[error("{what}")]
    Usage {
        /// Which part, and what was expected.
        what: String,
    },
    /// The request is well formed but can't be carried out.
    #[error("{0}")]
    Obstacle(Obstacle),
    /// The config has no such account.
    #[error("there is no account `{name}`")]
    UnknownAccount {
        /// The requested name.
        name: String,
        /// Similar names.
        nearest: Vec<String>,
    },
    /// No account's tokens are for this URL.
    #[error("no account is for {url}")]
    NoAccountForUrl {
        /// The requested one.
        url: String,
        /// Those that accounts are for.
        known: Vec<String>,
    },
    /// The tokens of several accounts are for this URL, and none of them is the default.
    #[error("several accounts are for {url}: `{}`", accounts.join("`, `"))]
    SeveralForUrl {
        /// The requested one.
        url: String,
        /// Their names.
        accounts: Vec<String>,
    },
    /// The account has a mistake in the config.
    #[error("account `{account}` can't be used: {why}")]
    Misconfigured {
        /// Its name.
        account: String,
        /// The first mistake, with its place.
        why: String,
    },
    /// Only the user can help.
    #[error("account `{account}` needs a login: {why}")]
    LoginRequired {
        /// The account's own name.
        account: String,
        /// One clause.
        why: String,
    },
    /// A new token is requested while the current one is valid, and only a login could get it.
    #[error("`{account}` has no refresh token: only a login can get a new token, and the present one has not expired")]
    NotRefreshable {
        /// The account's own name.
        account: String,
    },
    /// A login ended without a token.
    #[error("the login to `{account}` failed: {why}")]
    LoginFailed {
        /// The account's own name.
        account: String,
        /// One clause.
        why: String,
        /// The provider's own code.
        provider_error: Option<String>,
    },
    /// A token from elsewhere is not imported.
    #[error("the token was not imported into `{account}`: {why}")]
    ImportRefused {
        /// The account's own name.
        account: String,
        /// One clause.
        why: String,
        /// The provider's own code.
        provider_error: Option<String>,
    },
    /// An imported token belongs to another person, and the import waits for an answer.
    #[error("account `{account}` is logged in as {current}, but this token belongs to {new}: nothing was replaced")]
    AnotherPerson {
        /// The account's own name.
        account: String,
        /// Whose tokens it has, in words.
        current: String,
        /// Whose token this is, in words.
        new: String,
        /// The login that waits for the answer.
        login_id: String,
        /// What it asks.
        confirm: Arc<Confirm>,
    },
    /// An imported access token would replace a login that can be refreshed.
    #[error(
        "`{account}` is logged in with a refresh token, and the imported token has none, so the daemon could no longer \
         refresh it: nothing was replaced"
    )]
    LosesRefresh {
        /// The account's own name.
        account: String,
    },
    /// A login by another person waits for an answer, and the command line has no terminal to ask at.
    #[error(
        "`{account}` is logged in as {current}, but this login is as {new}; nothing was replaced, since there is no terminal to ask at"
    )]
    NobodyToAsk {
        /// The account's own name.
        account: String,
        /// Whose tokens it has, in words.
        current: String,
        /// Who has just logged in, in words.
        new: String,
    },
    /// The provider can't be reached at the moment; the daemon retries.
    #[error("no token from the provider of `{account}`: {why}")]
    ProviderUnreachable {
        /// The account's own name.
        account: String,
        /// One clause.
        why: String,
        /// When the daemon itself will try again.
        retry_after: Duration,
    },
    /// Too many callers are waiting; nothing was started.
    #[error("too many callers are already waiting for a provider or for an answer of yours")]
    Busy,
    /// The provider refused for good: the config has to change.
    #[error("the provider of `{account}` refused: {why}")]
    ProviderRefused {
        /// The account's own name.
        account: String,
        /// One clause.
        why: String,
        /// The provider's own code.
        provider_error: Option<String>,
    },
    /// The provider has no endpoint for the request, or the config does not name it.
    #[error("the provider of `{account}` can't be asked: {why}")]
    CannotAsk {
        /// The account's own name, or the provider's.
        account: String,
        /// One clause.
        why: String,
    },
    /// The provider keeps refusing in an unknown way; it may be temporary.
    #[error("the provider of `{account}` keeps refusing: {why}")]
    RefusesForLong {
        /// The account's own name.
        account: String,
        /// Its own words.
        why: String,
        /// Its own code.
        provider_error: String,
    },
    /// The store's key is not in memory.
    #[error("the token store is locked")]
    StoreLocked,
    /// The passphrase is wrong.
    #[error("{}", wrong_passphrase(*failures))]
    WrongPassphrase {
        /// How many wrong passphrases there were in a row.
        failures: u32,
        /// The delay before the next attempt.
        pause: Duration,
    },
    /// The store is unwritable or damaged, or its key is not available.
    #[error("the token store is not available: {why}")]
    StoreUnavailable {
        /// One clause.
        why: String,
    },
    /// No key, or a wrong one.
    #[error("{why}")]
    Unauthorized {
        /// One sentence.
        why: &'static str,
    },
    /// The app that a unix socket belongs to does not exist.
    #[error("this socket belongs to an app that does not exist, or has expired")]
    NoAppOfSocket,
    /// The caller is not permitted.
    #[error("{why}")]
    Forbidden {
        /// One sentence.
        why: &'static str,
    },
    /// A TCP connection of another user of the machine.
    #[error("this connection belongs to {}, and the daemon serves its own user only", user(*uid))]
    OtherUser {
        /// Its number; `None` for one without a number in the daemon's user namespace.
        uid: Option<u32>,
    },
    /// The user of the TCP connection is unknown.
    #[error(
        "the system does not tell which user this connection belongs to: it was closed, or shut down for sending, before it could be looked up"
    )]
    PeerNotFound,
    /// The app's rights do not include this.
    #[error("{why}")]
    Beyond {
        /// One sentence.
        why: String,
    },
    /// The account needs the user's consent, and the user has not given it.
    #[error("{who} may not have a token of `{account}`: {why}")]
    NoConsent {
        /// The program.
        who: String,
        /// The account's own name.
        account: String,
        /// One clause.
        why: &'static str,
    },
    /// There is no app of that name.
    #[error("there is no app `{name}`")]
    UnknownApp {
        /// The requested name.
        name: String,
    },
    /// There is already an app of that name.
    #[error("there is already an app `{name}`")]
    AppExists {
        /// Its name.
        name: String,
    },
    /// The API that an account's proxy leads to.
    #[error("`{host}`, where the proxy of `{account}` leads, {failure}")]
    Upstream {
        /// The account's own name.
        account: String,
        /// The upstream's host.
        host: String,
        /// What it did.
        failure: UpstreamFailure,
    },
    /// No such route.
    #[error("{what} does not exist")]
    NotFound {
        /// The thing that does not exist.
        what: String,
    },
    /// No such thing.
    #[error("{0}")]
    Missing(Missing),
    /// The route has other methods.
    #[error("this route does not support that method")]
    MethodNotAllowed,
    /// A fault of the daemon itself.
    #[error("internal error: {what}")]
    Internal {
        /// What went wrong.
        what: String,
    },
}

fn user(uid: Option<u32>) -> String {
    uid.map_or_else(|| "a user from outside the daemon's user namespace".into(), |uid| format!("user {uid}"))
}

fn wrong_passphrase(failures: u32) -> String {
    if failures > 1 {
        format!("the passphrase is wrong ({failures} wrong in a row)")
    } else {
        "the passphrase is wrong".into()
    }
}

impl Error {
    /// A failed login, with its reason.
    pub fn login_failed(account: &str, why: String) -> Self {
        Self::LoginFailed { account: account.to_owned(), why, provider_error: None }
    }

    /// The code, from which status and exit code follow.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Usage { .. } | Self::Obstacle(_) | Self::AppExists { .. } | Self::SeveralForUrl { .. } => {
                ErrorCode::Usage
            }
            Self::UnknownAccount { .. } | Self::NoAccountForUrl { .. } | Self::Misconfigured { .. } => {
                ErrorCode::UnknownAccount
            }
            Self::LoginRequired { .. } | Self::NotRefreshable { .. } => ErrorCode::LoginRequired,
            Self::LoginFailed { .. } | Self::ImportRefused { .. } | Self::AnotherPerson { .. } => {
                ErrorCode::LoginFailed
            }
            Self::NobodyToAsk { .. } | Self::LosesRefresh { .. } => ErrorCode::NeedsConfirmation,
            Self::ProviderUnreachable { .. } | Self::Busy => ErrorCode::ProviderUnreachable,
            Self::ProviderRefused { .. } | Self::CannotAsk { .. } | Self::RefusesForLong { .. } => {
                ErrorCode::ProviderRefused
            }
            Self::Upstream { .. } => ErrorCode::UpstreamFailed,
            Self::StoreUnavailable { .. } | Self::StoreLocked => ErrorCode::StoreUnavailable,
            Self::Unauthorized { .. } | Self::NoAppOfSocket => ErrorCode::Unauthorized,
            Self::Forbidden { .. }
            | Self::OtherUser { .. }
            | Self::PeerNotFound
            | Self::Beyond { .. }
            | Self::NoConsent { .. }
            | Self::WrongPassphrase { .. } => ErrorCode::Forbidden,
            Self::NotFound { .. } | Self::Missing(_) | Self::UnknownApp { .. } => ErrorCode::NotFound,
            Self::MethodNotAllowed => ErrorCode::MethodNotAllowed,
            Self::Internal { .. } => ErrorCode::Internal,
        }
    }
}
