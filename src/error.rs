//! The one error of the broker and the doors: who failed, will it heal by itself, what to do.
//!
//! Each variant means one thing. HTTP status, code and exit code follow from [`Error::code`] through
//! the table in `contract`; the advice is [`Error::hint`].

mod missing;
mod obstacle;
mod remedy;

use std::sync::Arc;
use std::time::Duration;

pub use self::missing::Missing;
pub use self::obstacle::Obstacle;
use self::remedy::remedy;
use crate::contract::{Confirm, ErrorCode, ErrorReply};

/// Places come free as providers answer, or fail to.
const RETRY_WHEN_BUSY: Duration = Duration::from_secs(5);

/// Why a caller does not get what it asked for. Messages hold no secrets: they travel to callers,
/// pages and logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request makes no sense.
    #[error("{what}")]
    Usage {
        /// Which part, and what was expected.
        what: String,
    },
    /// The request is well formed and can't be carried out as it is.
    #[error("{0}")]
    Obstacle(Obstacle),
    /// The config has no such account.
    #[error("there is no account `{name}`")]
    UnknownAccount {
        /// What was asked for.
        name: String,
        /// Names that come near.
        nearest: Vec<String>,
    },
    /// The config has it, with a mistake.
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
    /// Another token is wanted than the valid one that there is, and only the user can get it.
    #[error("`{account}` has no refresh token: only a login brings another token, and the present one has not expired")]
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
    /// A token that was made elsewhere is not taken over.
    #[error("the token was not taken over for `{account}`: {why}")]
    ImportRefused {
        /// The account's own name.
        account: String,
        /// One clause.
        why: String,
        /// The provider's own code.
        provider_error: Option<String>,
    },
    /// An import brought another person's token, and waits for an answer.
    #[error("account `{account}` is logged in as {current}, and this token is of {new}: nothing was replaced")]
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
    /// An imported access token would take the place of a login that can be refreshed.
    #[error(
        "`{account}` is logged in, and the daemon keeps its token fresh; the token to import has no refresh token, so \
         that would end: nothing was replaced"
    )]
    LosesRefresh {
        /// The account's own name.
        account: String,
    },
    /// A login as another person waits for an answer, and the command line can't ask.
    #[error(
        "`{account}` is logged in as {current}, and this login is as {new}; nothing was replaced, since there is no terminal to ask at"
    )]
    NobodyToAsk {
        /// The account's own name.
        account: String,
        /// Whose tokens it has, in words.
        current: String,
        /// Who has just logged in, in words.
        new: String,
    },
    /// The provider can't be asked just now; it heals by itself.
    #[error("no token from the provider of `{account}`: {why}")]
    ProviderUnreachable {
        /// The account's own name.
        account: String,
        /// One clause.
        why: String,
        /// When the daemon itself will try again.
        retry_after: Duration,
    },
    /// As many wait as may; nothing was begun.
    #[error("as many callers wait for a provider or for you as may wait at once")]
    Busy,
    /// The provider said no and will say so again: the config has to change.
    #[error("the provider of `{account}` refused: {why}")]
    ProviderRefused {
        /// The account's own name.
        account: String,
        /// One clause.
        why: String,
        /// The provider's own code.
        provider_error: Option<String>,
    },
    /// The provider has no endpoint for it, or one that the config does not name.
    #[error("the provider of `{account}` can't be asked: {why}")]
    CannotAsk {
        /// The account's own name, or the provider's.
        account: String,
        /// One clause.
        why: String,
    },
    /// The provider goes on saying no, for reasons that nobody here knows; it may pass.
    #[error("the provider of `{account}` goes on refusing: {why}")]
    RefusesForLong {
        /// The account's own name.
        account: String,
        /// Its own words.
        why: String,
        /// Its own code.
        provider_error: String,
    },
    /// Nobody has the store's key until it is unlocked.
    #[error("the token store is locked")]
    StoreLocked,
    /// The passphrase opens nothing.
    #[error("the passphrase is wrong{}", times(*failures))]
    WrongPassphrase {
        /// How many were wrong in a row.
        failures: u32,
        /// How long the next one has to wait.
        pause: Duration,
    },
    /// The store is unwritable or damaged, or its key can't be had.
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
    /// The caller may not.
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
    /// Nobody knows whose the TCP connection is.
    #[error(
        "the system does not tell which user this connection belongs to: it was closed, or shut down for sending, before it could be looked up"
    )]
    PeerNotFound,
    /// The app is known, and was not given this.
    #[error("{why}")]
    Beyond {
        /// One sentence.
        why: String,
    },
    /// The account's config says that the user is asked, and the user has not said yes.
    #[error("{who} gets no token of `{account}`: {why}")]
    NoConsent {
        /// The program.
        who: String,
        /// The account's own name.
        account: String,
        /// One clause.
        why: &'static str,
    },
    /// There is none of that name.
    #[error("there is no app `{name}`")]
    UnknownApp {
        /// What was asked for.
        name: String,
    },
    /// There is one of that name.
    #[error("there is an app `{name}` already")]
    AppExists {
        /// Its name.
        name: String,
    },
    /// No such route.
    #[error("{what} does not exist")]
    NotFound {
        /// What.
        what: String,
    },
    /// No such thing.
    #[error("{0}")]
    Missing(Missing),
    /// The route exists, with other methods.
    #[error("this route does not take that method")]
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

fn times(failures: u32) -> String {
    if failures > 1 { format!(", for the {failures}. time in a row") } else { String::new() }
}

impl Error {
    /// Of a login that ended without a token, for this one clause.
    pub fn login_failed(account: &str, why: String) -> Self {
        Self::LoginFailed { account: account.to_owned(), why, provider_error: None }
    }

    /// The code that status and exit code follow from.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Usage { .. } | Self::Obstacle(_) | Self::AppExists { .. } => ErrorCode::Usage,
            Self::UnknownAccount { .. } | Self::Misconfigured { .. } => ErrorCode::UnknownAccount,
            Self::LoginRequired { .. } | Self::NotRefreshable { .. } => ErrorCode::LoginRequired,
            Self::LoginFailed { .. } | Self::ImportRefused { .. } | Self::AnotherPerson { .. } => {
                ErrorCode::LoginFailed
            }
            Self::NobodyToAsk { .. } | Self::LosesRefresh { .. } => ErrorCode::NeedsConfirmation,
            Self::ProviderUnreachable { .. } | Self::Busy => ErrorCode::ProviderUnreachable,
            Self::ProviderRefused { .. } | Self::CannotAsk { .. } | Self::RefusesForLong { .. } => {
                ErrorCode::ProviderRefused
            }
            Self::StoreUnavailable { .. } | Self::StoreLocked => ErrorCode::StoreUnavailable,
            Self::Unauthorized { .. } => ErrorCode::Unauthorized,
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

    /// What the human should do, in one imperative sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::Usage { .. } => "Give what it names; docs/api.md says what each route takes.".into(),
            Self::Obstacle(obstacle) => obstacle.hint(),
            Self::Misconfigured { .. } => "Correct the config, see `ringback config check`, and send the daemon SIGHUP.".into(),
            Self::UnknownAccount { nearest, .. } if nearest.is_empty() => "Run `ringback status` to see the accounts, or add it to the config and send the daemon SIGHUP.".into(),
            Self::UnknownAccount { nearest, .. } => format!("Did you mean {}?", nearest.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" or ")),
            Self::LoginRequired { account, .. } => format!("Run `ringback login {account}`."),
            Self::NotRefreshable { account } => format!("Go on with the present token. If an API rejects it, run `ringback login {account}`, or import another one."),
            Self::LoginFailed { account, provider_error: Some(code), .. } if code == "access_denied" => {
                format!("Run `ringback login {account}` again, and allow the access at the provider.")
            }
            Self::LoginFailed { account, provider_error, .. } => {
                match provider_error.as_deref().and_then(|code| remedy(code, account)) {
                    Some(step) => format!("{step}. Then run `ringback login {account}`."),
                    None => format!("Run `ringback login {account}` again; where the message names a setting, correct that first."),
                }
            }
            Self::ImportRefused { account, provider_error, .. } => {
                let step = provider_error.as_deref().and_then(|code| remedy(code, account));
                let step = step.unwrap_or_else(|| "Make another token at the provider".into());
                format!("{step}. Then import again, or run `ringback login {account}`.")
            }
            Self::AnotherPerson { account, .. } => format!("Answer whether it may be replaced: run `ringback login {account}`, or import again with `--replace`."),
            Self::LosesRefresh { account } => format!("To replace the login all the same, import again with `--replace` (over the API: `\"replace\": true`). To keep both, import the token into an account of its own instead of `{account}`."),
            Self::NobodyToAsk { account, .. } => format!("Answer on the page in the browser, or with `ringback login {account}` at a terminal; `--replace` says yes. Without an answer the new login is dropped when it runs out."),
            Self::ProviderUnreachable { .. } => "Where the message names a setting, correct it and send the daemon SIGHUP; otherwise look at the network. The daemon goes on trying by itself.".into(),
            Self::Busy => "Try again in a few seconds; `ringback audit` shows who asks so much.".into(),
            Self::ProviderRefused { account, provider_error: Some(code), .. } => {
                let step = remedy(code, account).unwrap_or_else(|| format!("Put right in `[accounts.{account}]`, or at the provider, what it says"));
                format!("{step}. Then send the daemon SIGHUP, and run `ringback refresh {account}`.")
            }
            Self::ProviderRefused { account, provider_error: None, .. } => format!("Put right in the config what it names (`[accounts.{account}]` or its provider), and send the daemon SIGHUP."),
            Self::CannotAsk { account, .. } => format!("Set in the provider's config what it names, if the provider's documents have it; `ringback provider check {account}` shows what is known of it."),
            Self::RefusesForLong { account, .. } => format!("Look at what the provider says. If that means that the login has ended, run `ringback login {account}`; the daemon goes on trying now and then."),
            Self::StoreUnavailable { .. } => "See `ringback status` and the daemon's log; make the state folder writable and the key available.".into(),
            Self::StoreLocked => "Run `ringback unlock`.".into(),
            Self::WrongPassphrase { pause, .. } => format!("Try again; the next one is looked at in {} s.", pause.as_secs()),
            Self::Unauthorized { .. } => "Send `Authorization: Bearer` with the key from the key file that endpoint.json names, or with one that `ringback app add NAME` prints; or use the unix socket. Names endpoint.json no key file, its `key_hint` says how to make one.".into(),
            Self::Forbidden { .. } => "Ask from a program of the same user, over the unix socket or with a key.".into(),
            Self::OtherUser { .. } => "Ask, and open the browser, as the daemon's own user. For programs of other users, as in a container, set `other_users = true` in `[listen]` and give each a key of its own: `ringback app add --help`.".into(),
            Self::PeerNotFound => "Keep the connection open in both directions until the answer has come (`nc` without `-N`), or use the unix socket.".into(),
            Self::Beyond { .. } => "Make an app that may: see `ringback app add --help`; or ask over the unix socket without a key.".into(),
            Self::NoConsent { .. } => "Answer the question: `ringback consent list`, `ringback open`, or the notification on the screen; what was refused, `ringback consent forget` takes back.".into(),
            Self::UnknownApp { .. } => "Run `ringback app list` to see the apps.".into(),
            Self::AppExists { name } => format!("Give it a new key with `ringback app rotate {name}`, or choose another name. To give it other rights, `ringback app remove {name}` first."),
            Self::Missing(missing) => missing.hint().into(),
            Self::NotFound { .. } | Self::MethodNotAllowed => "See docs/api.md for the routes.".into(),
            Self::Internal { .. } => "Look into the daemon's log and report it.".into(),
        }
    }

    /// The reply that says all of this.
    pub fn reply(&self) -> ErrorReply {
        let mut reply = ErrorReply {
            error: self.code(),
            error_description: self.to_string(),
            hint: self.hint(),
            login_url: None,
            retry_after: None,
            provider_error: None,
            login_id: None,
            confirm: None,
            nearest: Vec::new(),
        };
        match self {
            Self::UnknownAccount { nearest, .. } => reply.nearest.clone_from(nearest),
            Self::LoginRequired { account, .. } | Self::NotRefreshable { account } => {
                reply.login_url = Some(format!("/v1/accounts/{account}/login"));
            }
            Self::AnotherPerson { login_id, confirm, .. } => {
                (reply.login_id, reply.confirm) = (Some(login_id.clone()), Some(Box::new(Confirm::clone(confirm))));
            }
            Self::WrongPassphrase { pause, .. } => reply.retry_after = Some(pause.as_secs()),
            Self::ProviderUnreachable { retry_after, .. } => reply.retry_after = Some(retry_after.as_secs().max(1)),
            Self::Busy => reply.retry_after = Some(RETRY_WHEN_BUSY.as_secs()),
            Self::RefusesForLong { provider_error, .. } => reply.provider_error = Some(provider_error.clone()),
            Self::ProviderRefused { provider_error, .. }
            | Self::LoginFailed { provider_error, .. }
            | Self::ImportRefused { provider_error, .. } => {
                reply.provider_error.clone_from(provider_error);
            }
            _ => {}
        }
        reply
    }
}
