//! The effective configuration: what is left when the file, the presets and the defaults have been put
//! together and everything that can be wrong has been refused.

mod account;
mod catalog;
mod describe;
mod document;
mod file;
mod foreseen;
mod known;
mod locations;
mod problem;
mod provider;
mod reader;
mod redirect;
mod reserved;
mod response_mode;
mod restart;
pub mod schema;
mod template;
mod value;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::oauth::dialect::Dialect;
use crate::oauth::exchange::{Target, User};
use crate::oauth::grant::{Binding, GrantType};
use crate::secret::source::{KeySource, SecretSource};

pub use catalog::Origin;
pub use describe::{describe, describe_provider};
pub use document::{example, reference};
pub use file::{assemble, parse};
pub use known::{KnownProvider, known_providers};
pub use problem::{ConfigError, ConfigErrors, Problem, ProblemScope, nearest};
pub use reader::segment;
pub use redirect::default_redirect_uri;
pub use restart::needs_restart;

/// Everything the daemon is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The account that `default` stands for: the one named, or the only one there is.
    pub default_account: Option<String>,
    /// Where the daemon listens.
    pub listen: Listen,
    /// Where tokens are kept.
    pub store: StoreConfig,
    /// How tokens are served.
    pub serve: Serving,
    /// Who got which token; `None`: it is not written down.
    pub audit: Option<AuditConfig>,
    /// By name.
    pub accounts: BTreeMap<String, Arc<AccountConfig>>,
    /// Accounts that can't be used, by name, with the first mistake that stands in their way, on one line.
    pub broken: BTreeMap<String, String>,
    /// What works and should not be done, one line each.
    pub warnings: Vec<String>,
}

/// What a config is made of.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The config file's text.
    pub text: &'a str,
    /// Its absolute path.
    pub path: &'a Path,
    /// Who else can read it.
    pub privacy: FilePrivacy,
    /// What `~/` stands for.
    pub home: Option<&'a Path>,
    /// The user's own presets.
    pub providers: &'a [ProviderFile],
}

/// A file of the `providers` folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFile {
    /// Its name without `.toml`: what accounts call it.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What is in it, or why it can't be used.
    pub text: Result<String, String>,
}

/// What a config comes to.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// What of it can be used; `None`: nothing.
    pub config: Option<Config>,
    /// All mistakes.
    pub mistakes: ConfigErrors,
}

impl Parsed {
    /// The config, if it has no mistake at all.
    pub fn strictly(self) -> Result<Config, ConfigErrors> {
        self.config.filter(|_| self.mistakes.is_empty()).ok_or(self.mistakes)
    }
}

/// Where the daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Loopback addresses; none switches TCP off.
    pub tcp: Vec<SocketAddr>,
    /// The unix socket.
    pub socket: SocketChoice,
    /// Whether programs of other users of this machine may ask over TCP, with a key.
    pub other_users: bool,
    /// How many connections are served at once, over all listeners.
    pub max_connections: usize,
}

/// Whether and where there is a unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketChoice {
    /// In the runtime folder.
    Default,
    /// Here.
    At(PathBuf),
    /// Nowhere.
    Off,
}

/// Where tokens are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The state folder, if not the usual one.
    pub folder: Option<PathBuf>,
    /// Where the master key comes from.
    pub key: KeySource,
    /// Whether the key leaves memory before the machine sleeps.
    pub lock_on_suspend: bool,
    /// How long nobody may have asked for a token until the key leaves memory; `None`: for ever.
    pub lock_after_idle: Option<Duration>,
}

/// How much of who got which token is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditConfig {
    /// Size of one file, in MiB.
    pub max_mib: usize,
    /// How many older files are kept.
    pub keep: usize,
}

/// How tokens are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// How much validity a caller gets who asks for none in particular.
    pub min_ttl: Duration,
    /// How long a caller who says nothing waits for a refresh.
    pub wait: Duration,
    /// How long a login may take before it ends by itself.
    pub login_timeout: Duration,
}

/// One account.
#[derive(Debug, Clone)]
pub struct AccountConfig {
    /// Its name.
    pub name: String,
    /// Its provider, the account's own overrides included.
    pub dialect: Arc<Dialect>,
    /// The client's public name.
    pub client_id: String,
    /// Where the client's secret comes from; a public client has none.
    pub client_secret: Option<SecretSource>,
    /// Where the client's private key is, for `client_auth = "private_key_jwt"`.
    pub client_key: Option<KeyFile>,
    /// How it comes to its tokens.
    pub grant: GrantType,
    /// Whose password is used with [`GrantType::Password`].
    pub user: Option<PasswordUser>,
    /// What is asked for, in the order of the config.
    pub target: Target,
    /// The program that is run at the account's events; no shell.
    pub hook: Option<Vec<String>>,
    /// How the user learns that it needs them.
    pub attention: Attention,
    /// Whether the user is asked before a program gets its first token.
    pub asks_consent: bool,
    /// Sent exactly as it stands here, in both requests. `None`: made from the first TCP listener.
    pub redirect_uri: Option<String>,
}

/// How the user learns that an account needs them, beside its hook, the event stream and the status page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attention {
    /// By a notification on the desktop.
    pub desktop: bool,
    /// How long after that once more, by hook and event stream too, while it still needs a login.
    pub remind_after: Duration,
    /// Whether the login is opened in the browser by itself, once.
    pub opens_login: bool,
}

impl Default for Attention {
    fn default() -> Self {
        Self { desktop: true, remind_after: Duration::from_secs(86_400), opens_login: false }
    }
}

/// The file of a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// PEM, readable for the user alone.
    pub path: PathBuf,
    /// Its id at the provider (`kid`).
    pub id: Option<String>,
}

/// Whose password is used, and where it comes from.
#[derive(Debug, Clone)]
pub struct PasswordUser {
    /// Who.
    pub user: User,
    /// `None`: asked for at the terminal by `ringback login`.
    pub password: Option<SecretSource>,
}

/// Who else can read the config file, and so a secret in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePrivacy {
    /// It is the user's own, and nobody else can read it.
    Private,
    /// Its mode lets others read it.
    Exposed {
        /// The permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    Foreign {
        /// Who.
        uid: u32,
    },
}

impl AccountConfig {
    /// What the account's tokens belong to.
    pub fn binding(&self) -> Binding {
        Binding {
            provider: self.dialect.provider.clone(),
            token_url: self.dialect.authority(),
            client_id: self.client_id.clone(),
        }
    }
}
