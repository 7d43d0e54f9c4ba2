//! The effective configuration: what is left when the file, the presets and the defaults have been put together and
//! everything that can be wrong has been refused.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::problem::ConfigErrors;
use super::sections::accounts::AccountKeys;
use super::sections::daemon::{AuditConfig, Listen, Serving, StoreConfig};
use super::words::KeyWord;
use crate::oauth::dialect::Dialect;
use crate::oauth::exchange::{Target, User};
use crate::oauth::grant::{Binding, GrantType};
use crate::secret::source::{KeySource, SecretSource};

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
    /// How much of who got which token is written down.
    pub audit: AuditConfig,
    /// By name.
    pub accounts: BTreeMap<String, Arc<AccountConfig>>,
    /// Accounts that can't be used, by name, with the first mistake that stands in their way, on one line.
    pub broken: BTreeMap<String, String>,
    /// What works and should not be done, one line each.
    pub warnings: Vec<String>,
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
    /// Its keys as the file has them, with their defaults.
    pub keys: AccountKeys,
    /// Sent exactly as it stands here, in both requests. `None`: made from the first TCP listener.
    pub redirect_uri: Option<String>,
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

impl StoreConfig {
    /// Where the master key comes from.
    pub fn key_source(&self) -> KeySource {
        match self.key {
            KeyWord::Auto => KeySource::Auto,
            KeyWord::File => KeySource::File,
            KeyWord::Keyring => KeySource::Keyring,
            // What is missing was reported.
            KeyWord::Credential => KeySource::Credential(self.key_credential.clone().unwrap_or_default()),
            KeyWord::Command => KeySource::Command(self.key_command.clone().unwrap_or_default()),
            KeyWord::Passphrase => KeySource::Passphrase,
        }
    }
}
