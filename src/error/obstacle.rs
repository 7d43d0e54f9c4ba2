//! Requests that are well formed and can't be carried out as they are.

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// `default` stands for nothing.
    #[error("no account was named, and none is the default")]
    NoDefaultAccount,
    /// By the config, its provider gives no tokens for a part of what was granted.
    #[error("`{provider}` gives no tokens for a {part} of its own, by its config")]
    NoTokensFor {
        /// The provider.
        provider: String,
        /// The part.
        part: &'static str,
    },
    /// The config names other resources (RFC 8707).
    #[error("`{resource}` is none of the account's resources")]
    NotAResource {
        /// The account's own name.
        account: String,
        /// What was asked for.
        resource: String,
    },
    /// So many are pending as may be.
    #[error("too many logins are pending")]
    TooManyLogins,
    /// The login asks nothing.
    #[error("this login waits for no answer, or not any more")]
    NoQuestion,
    /// What was pasted is no URL.
    #[error("that is not a URL")]
    PastedNoUrl,
    /// What was pasted is another URL.
    #[error("that address has no {answer} and `state`")]
    PastedNoAnswer {
        /// The parameter that it should have.
        answer: &'static str,
    },
    /// What was pasted is the answer to this login, and can't be used.
    #[error("that address {why}")]
    PastedUnusable {
        /// What is wrong with it.
        why: String,
    },
    /// What was pasted is the answer to another question.
    #[error("that address does not belong to this login")]
    PastedAnotherLogin,
    /// Guesses are looked at one after the other.
    #[error("another passphrase is looked at just now, and it is one at a time")]
    PassphraseBusy,
    /// The store has no use for this passphrase, or for none.
    #[error("{why}")]
    Passphrase {
        /// Why, and what it has use for.
        why: String,
    },
    /// The name of an app.
    #[error("{why}")]
    AppName {
        /// What names are.
        why: String,
    },
    /// So many are open as may be.
    #[error("there is no place left for another event stream of this caller")]
    TooManyStreams,
    /// Pages need a port.
    #[error("the status page needs a TCP listener, and the config has none")]
    NoPort,
}

impl Obstacle {
    /// What to do about it, in one sentence.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::NoDefaultAccount => {
                "Name one of those that `ringback status` shows, or set `default_account` in the config.".into()
            }
            Self::NoTokensFor { provider, .. } => {
                format!(
                    "Ask without it; or, if the provider has such tokens, set `narrow` in `[providers.{provider}]`."
                )
            }
            Self::NotAResource { account, .. } => {
                format!("List it in `resource` of `[accounts.{account}]`, and log in again.")
            }
            Self::TooManyLogins => {
                "Finish one of those that `ringback status` shows, or wait until one runs out.".into()
            }
            Self::NoQuestion => "See how it ended with `ringback status`; another begins with `ringback login`.".into(),
            Self::PastedNoUrl => "Paste the whole address that the browser shows at the end, from `http://` on.".into(),
            Self::PastedNoAnswer { .. } => {
                "Paste the address that the provider sent the browser to, not the one that was opened.".into()
            }
            Self::PastedUnusable { .. } => {
                "Paste the address that the provider sent the browser to, from `http://` to its end.".into()
            }
            Self::PastedAnotherLogin => {
                "Paste the address of the newest login, or run `ringback login --paste` again.".into()
            }
            Self::PassphraseBusy => "Try again in a few seconds.".into(),
            Self::Passphrase { .. } => {
                "Do what it says: `ringback unlock --help` shows the ways; `store.key` in the config names the source."
                    .into()
            }
            Self::AppName { .. } => "Choose another name for the app.".into(),
            Self::TooManyStreams => "Close one that is open already; one stream tells of all accounts.".into(),
            Self::NoPort => "Set `tcp = [\"127.0.0.1:7464\"]` in `[listen]`, and restart the daemon.".into(),
        }
    }
}
