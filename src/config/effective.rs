//! The effective configuration: the file, the presets and the defaults, merged and validated.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use super::problem::{ConfigError, ConfigErrors};
use super::redirect::default_redirect_uri;
use super::sections::accounts::AccountKeys;
use super::sections::daemon::{AuditConfig, Listen, Serving, StoreConfig};
use super::words::KeyWord;
use crate::oauth::api_url::ApiUrl;
use crate::oauth::dialect::Dialect;
use crate::oauth::exchange::{Target, User};
use crate::oauth::grant::{Binding, GrantType};
use crate::reverse_proxy::upstream::Proxied;
use crate::secret::source::{KeySource, SecretSource};

/// The effective config.
#[derive(Debug, Clone)]
pub struct Config {
    /// The account that `default` stands for: the one named, or the only one there is.
    pub default_account: Option<String>,
    /// Where the daemon listens.
    pub(crate) listen: Listen,
    /// Where tokens are kept.
    pub(crate) store: StoreConfig,
    /// How tokens are served.
    pub serve: Serving,
    /// Whether and how much of the audit log is kept.
    pub(crate) audit: AuditConfig,
    /// By name.
    pub accounts: BTreeMap<String, Arc<AccountConfig>>,
    /// Accounts that can't be used, by name, each with the first mistake that prevents it, on one line.
    pub broken: BTreeMap<String, String>,
    /// Settings that work but are discouraged.
    pub warnings: Vec<ConfigError>,
}

/// The result of reading a config.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The part that can be used; `None` if there is none.
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
    pub name: Arc<str>,
    /// Everything else. Accounts that differ in nothing but their names share it.
    pub(super) settings: Arc<AccountSettings>,
}

/// What the config says of an account, apart from its name.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// Its provider, the account's own overrides included.
    pub dialect: Arc<Dialect>,
    /// The client id, or where it comes from.
    pub client_id: ClientIdSource,
    /// Where the client's secret comes from; a public client has none.
    pub client_secret: Option<SecretSource>,
    /// Where the client's private key is, for `client_auth = "private_key_jwt"`.
    pub client_key: Option<KeyFile>,
    /// How it gets its tokens.
    pub(crate) grant: GrantType,
    /// The user whose password is used with [`GrantType::Password`].
    pub user: Option<PasswordUser>,
    /// What the tokens are for, in the order of the config.
    pub target: Target,
    /// Its keys as the file has them, with their defaults.
    pub(crate) keys: AccountKeys,
    /// Where its proxy leads, if it has one.
    pub(crate) proxied: Option<Proxied>,
    /// Sent unchanged in both requests. `None`: derived from the first TCP listener.
    pub redirect_uri: Option<String>,
}

impl Deref for AccountConfig {
    type Target = AccountSettings;

    fn deref(&self) -> &AccountSettings {
        &self.settings
    }
}

/// The client id, or where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientIdSource {
    /// It is in the config.
    Written(String),
    /// The output of this program (first word: the program; no shell).
    Command(Vec<String>),
}

impl ClientIdSource {
    /// The id as far as it is known without running anything.
    pub(crate) fn known(&self) -> Option<&str> {
        if let Self::Written(id) = self { Some(id) } else { None }
    }

    /// Whether it is this id, as far as that is known.
    pub(crate) fn may_be(&self, id: &str) -> bool {
        self.known().is_none_or(|known| known == id)
    }
}

/// For people. An argument of a command may be secret.
impl fmt::Display for ClientIdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written(id) => f.write_str(id),
            Self::Command(argv) => write!(f, "[printed by `{}`]", argv.first().map(String::as_str).unwrap_or_default()),
        }
    }
}

/// The file of a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// PEM, readable only by the user.
    pub(crate) path: PathBuf,
    /// Its id at the provider (`kid`).
    pub(crate) id: Option<String>,
}

/// The user whose password is used, and where the password comes from.
#[derive(Debug, Clone)]
pub struct PasswordUser {
    /// The user.
    pub(crate) user: User,
    /// `None`: asked for at the terminal by `ringback login`.
    pub(crate) password: Option<SecretSource>,
}

impl AccountConfig {
    /// What the account's tokens belong to.
    pub(crate) fn binding(&self) -> Binding {
        Binding {
            provider: self.dialect.provider.as_str().into(),
            token_url: self.dialect.authority().into(),
            client_id: self.client_id.known().unwrap_or_default().into(),
        }
    }

    /// The URLs that its tokens are for: its own, or else those of the provider.
    pub(crate) fn api_urls(&self) -> &[ApiUrl] {
        self.keys.api_urls.as_ref().unwrap_or(&self.dialect.api_urls)
    }

    /// The one to register, even if it is the default. `None` if that is known only once the daemon listens: with port 0 it
    /// is another at each start.
    pub(crate) fn redirect_uri_at(&self, first_listener: Option<SocketAddr>) -> Option<String> {
        let listener = first_listener.filter(|address| address.port() != 0);
        let usual = || listener.map(|address| default_redirect_uri(address, &self.dialect.provider));
        self.redirect_uri.clone().or_else(usual)
    }

    /// Its settings, from now on its own.
    #[cfg(test)]
    pub(crate) fn settings_mut(&mut self) -> &mut AccountSettings {
        Arc::make_mut(&mut self.settings)
    }
}

impl StoreConfig {
    /// Where the master key comes from; `None` if the tokens are kept in memory only.
    pub(crate) fn key_source(&self) -> Option<KeySource> {
        Some(match self.key {
            KeyWord::Auto => KeySource::Auto,
            KeyWord::File => KeySource::File,
            KeyWord::Keyring => KeySource::Keyring,
            // A missing value was reported.
            KeyWord::Credential => KeySource::Credential(self.key_credential.clone().unwrap_or_default()),
            KeyWord::Command => KeySource::Command(self.key_command.clone().unwrap_or_default()),
            KeyWord::Passphrase => KeySource::Passphrase,
            KeyWord::Memory => return None,
        })
    }
}
