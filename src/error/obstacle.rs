//! Errors about requests that are well formed but can't be carried out.

/// Why a request can't be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// There is no default account.
    #[error("no account was named, and there is no default account")]
    NoDefaultAccount,
    /// An OAuth client named no account, and the caller has none or several.
    #[error("the token URL names no account, and {}", several(names))]
    NotOneAccount {
        /// Those of the caller.
        names: Vec<String>,
    },
    /// An OAuth client asks by a grant that needs more than an access token.
    #[error("the token endpoint knows the grants `client_credentials` and `refresh_token` only")]
    NoSuchGrant,
    /// According to the config, the provider issues no tokens for a part of the grant.
    #[error("according to its config, `{provider}` issues no separate tokens for a {part}")]
    NoTokensFor {
        /// The provider.
        provider: String,
        /// The part.
        part: &'static str,
    },
    /// The config names other resources (RFC 8707).
    #[error("`{resource}` is not one of the account's resources")]
    NotAResource {
        /// The account's own name.
        account: String,
        /// The requested one.
        resource: String,
    },
    /// The config does not allow it.
    #[error("`{account}` gives out no ID token")]
    IdTokenNotAllowed {
        /// The account's own name.
        account: String,
    },
    /// The provider has sent none.
    #[error("`{account}` has no ID token: the provider has sent none")]
    NoIdToken {
        /// The account's own name.
        account: String,
    },
    /// Its `exp` has passed.
    #[error("the ID token of `{account}` has expired, and no refresh has brought another")]
    IdTokenExpired {
        /// The account's own name.
        account: String,
    },
    /// The limit of pending logins is reached.
    #[error("too many logins are pending")]
    TooManyLogins,
    /// The login asks no question.
    #[error("this login does not need an answer, or no longer does")]
    NoQuestion,
    /// The pasted text is not a URL.
    #[error("that is not a URL")]
    PastedNoUrl,
    /// The pasted URL is a different one.
    #[error("that address has no {answer} and `state`")]
    PastedNoAnswer {
        /// The parameter that it should have.
        answer: &'static str,
    },
    /// The pasted URL belongs to this login, but can't be used.
    #[error("that address {why}")]
    PastedUnusable {
        /// What is wrong with it.
        why: String,
    },
    /// The pasted URL belongs to another login.
    #[error("that address does not belong to this login")]
    PastedAnotherLogin,
    /// Passphrases are checked one at a time.
    #[error("another passphrase is being checked, and only one is checked at a time")]
    PassphraseBusy,
    /// The store needs no passphrase, or needs one, or this one is not acceptable.
    #[error("{why}")]
    Passphrase {
        /// Why, and what is expected.
        why: String,
    },
    /// The name of an app.
    #[error("{why}")]
    AppName {
        /// What is expected of a name.
        why: String,
    },
    /// The limit of event streams is reached.
    #[error("this caller has too many event streams open")]
    TooManyStreams,
    /// A temporary app keeps its key.
    #[error("`{name}` is temporary: its key can't be changed")]
    TemporaryApp {
        /// The app.
        name: String,
    },
    /// The limit of temporary apps is reached.
    #[error("{most} programs have a temporary key already")]
    TooManyTemporaryApps {
        /// The limit.
        most: usize,
    },
    /// A key can't end with a process.
    #[error("the key can't end with process {pid}: {why}")]
    Process {
        /// The id that was given.
        pid: i32,
        /// Why not: a clause.
        why: String,
    },
    /// The limit of keys that end with a process is reached.
    #[error("{most} keys end with a process already")]
    TooManyProcesses {
        /// The limit.
        most: usize,
    },
    /// The token is bound to a key that the daemon keeps (RFC 9449).
    #[error("the token of `{account}` is bound to a key that the daemon keeps (DPoP), so a program can't use it")]
    BoundToken {
        /// The account's own name.
        account: String,
        /// Whether the account has a proxy.
        has_proxy: bool,
    },
    /// The account is not open to programs through the proxy.
    #[error("account `{account}` has no proxy")]
    NoProxy {
        /// The account's own name.
        account: String,
    },
    /// A WebSocket through the proxy.
    #[error("the proxy carries no WebSocket, only HTTP requests and their replies, streams of events among them")]
    WebSocket,
    /// A browser, or a program with a key, needs a TCP port.
    #[error("{what} needs a TCP listener, but the config has none")]
    NoPort {
        /// What needs it.
        what: &'static str,
    },
}

fn several(names: &[String]) -> String {
    if names.is_empty() {
        return "there is no account".into();
    }
    format!("there are several: `{}`", names.join("`, `"))
}

impl Obstacle {
    /// What to do about it.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::NoDefaultAccount => {
                "Name one of the accounts that `ringback status` shows, or set `default_account` in the config.".into()
            }
            Self::NotOneAccount { .. } => {
                "Use the token URL `/oauth2/ACCOUNT/token`, or a key for one account: `ringback app add NAME --account ACCOUNT`."
                    .into()
            }
            Self::NoSuchGrant => {
                "Set the client up for one of them. The daemon does the login: `ringback login`.".into()
            }
            Self::NoTokensFor { provider, .. } => {
                format!(
                    "Omit it; or, if the provider issues such tokens, set `narrow` in `[providers.{provider}]`."
                )
            }
            Self::NotAResource { account, .. } => {
                format!("List it in `resource` of `[accounts.{account}]`, and log in again.")
            }
            Self::IdTokenNotAllowed { account } => {
                format!("Set `id_token = true` in `[accounts.{account}]`, and run `ringback config reload`.")
            }
            Self::NoIdToken { account } => {
                format!("Add `openid` to `scope` in `[accounts.{account}]`, and run `ringback login {account}`.")
            }
            Self::IdTokenExpired { account } => {
                format!("Run `ringback refresh {account}`; if the provider sends none with a refresh, run `ringback login {account}`.")
            }
            Self::TooManyLogins => {
                "Finish one of the logins that `ringback status` shows, or wait until one runs out.".into()
            }
            Self::NoQuestion => "`ringback status` shows how it ended; `ringback login` starts another.".into(),
            Self::PastedNoUrl => "Paste the whole address that the browser shows at the end, starting with `http://`.".into(),
            Self::PastedNoAnswer { .. } => {
                "Paste the address that the provider sent the browser to, not the one that was opened.".into()
            }
            Self::PastedUnusable { .. } => {
                "Paste the whole address that the provider sent the browser to, starting with `http://`.".into()
            }
            Self::PastedAnotherLogin => {
                "Paste the address of the newest login, or run `ringback login --paste` again.".into()
            }
            Self::PassphraseBusy => "Try again in a few seconds.".into(),
            Self::Passphrase { .. } => {
                "Follow the message: `ringback unlock --help` shows the options; `store.key` in the config names the source."
                    .into()
            }
            Self::AppName { .. } => "Choose another name for the app.".into(),
            Self::TooManyStreams => "Close an open one; a single stream reports on all accounts.".into(),
            Self::TemporaryApp { name } => {
                format!("Run `ringback app remove {name}` to end it; `ringback exec --url` makes another one.")
            }
            Self::TooManyTemporaryApps { .. } => {
                "End some of the programs that `ringback app list` shows as temporary.".into()
            }
            Self::Process { .. } => {
                "Name a process of yours that runs where the daemon runs; `--expires 2h` ends a key after a time.".into()
            }
            Self::TooManyProcesses { .. } => "Remove some of those that `ringback app list` shows.".into(),
            Self::BoundToken { account, has_proxy: true } => {
                format!("Point the program at the proxy, `/proxy/{account}` of the daemon, which adds token and proof; docs/proxy.md has an example.")
            }
            Self::BoundToken { account, has_proxy: false } => {
                format!("Give the account a proxy, with `upstream` in `[accounts.{account}.proxy]`, and point the program at `/proxy/{account}` of the daemon, which adds token and proof; docs/proxy.md has an example.")
            }
            Self::NoProxy { account } => {
                format!("Open it in the config, with `upstream` in `[accounts.{account}.proxy]`, and run `ringback config reload`; docs/proxy.md has an example.")
            }
            Self::WebSocket => {
                "Choose another transport of the API, or connect to it directly, with the token of `ringback token`.".into()
            }
            Self::NoPort { .. } => "Set `tcp = [\"127.0.0.1:7464\"]` in `[listen]`, and restart the daemon.".into(),
        }
    }
}
