//! Sources of secrets: the config names them, and adapters fetch secrets from them.

use std::path::PathBuf;

use super::ClientSecret;

/// Where a client's secret or a user's password comes from. `Debug` shows the source, never the secret.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// The config file itself, which nobody else can read.
    Inline(ClientSecret),
    /// A file that nobody else can read; white space around the secret is removed.
    File(PathBuf),
    /// The output of this program (first word: the program; no shell).
    Command(Vec<String>),
    /// The file of this name in systemd's `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// The OS keyring.
    Keyring {
        /// Attribute `service`.
        service: String,
        /// Attribute `username`.
        user: String,
    },
}

/// Where the store's master key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// The OS keyring if one answers at the first start, else a key file; remembered from then on.
    Auto,
    /// A 0600 file in the state folder, created at the first start.
    File,
    /// The OS keyring (Secret Service); the key is created at the first start.
    Keyring,
    /// The file of this name in systemd's `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// The output of this program (first word: the program; no shell).
    Command(Vec<String>),
    /// A file in the state folder that a passphrase unlocks: the daemon starts locked.
    Passphrase,
}
