//! Fetches secrets from the sources that the config names. Errors contain the source and the reason, never the secret.

mod clean;
mod command;
mod error;
mod pipe;
mod private_file;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clean::{clean, unfit};
use zeroize::Zeroizing;

use crate::os::child_env::{self, ChildEnv};
use crate::os::keyring;
use crate::secret::source::SecretSource;
use crate::secret::text::{self, Rule};
use crate::secret::{ClientSecret, Passphrase, Password, PrivateKey};

pub(crate) use error::CredentialError;
pub(crate) use pipe::PasswordPipe;

/// The part of the process's environment that a secret may depend on.
#[derive(Debug, Clone, Default)]
pub struct CredentialEnv {
    /// `CREDENTIALS_DIRECTORY`, which systemd sets for a service that has credentials.
    pub(crate) credentials_directory: Option<PathBuf>,
    /// The whole environment of a command.
    pub(crate) variables: ChildEnv,
}

impl CredentialEnv {
    /// The environment of the process, reduced to what a password manager needs.
    pub(crate) fn from_process() -> Self {
        let credentials_directory = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|path| !path.is_empty());
        Self {
            credentials_directory: credentials_directory.map(PathBuf::from),
            variables: child_env::of_programs(std::env::vars_os()),
        }
    }
}

/// Fetches the secret. A file or credential takes a disk read; a command or the keyring at most 10 s.
pub(crate) async fn resolve(source: &SecretSource, env: &CredentialEnv) -> Result<ClientSecret, CredentialError> {
    read(source, env, Rule::ClientSecret).await
}

async fn read(source: &SecretSource, env: &CredentialEnv, rule: Rule) -> Result<ClientSecret, CredentialError> {
    match source {
        SecretSource::Inline(secret) => Ok(secret.clone()),
        SecretSource::File(path) => {
            let path = path.clone();
            off_the_runtime(move || of_file(&path, rule)).await
        }
        SecretSource::Credential(name) => {
            let bytes = credential(name, env).await?;
            clean(&bytes, rule, || format!("the systemd credential `{name}`"))
        }
        SecretSource::Command(argv) => of_command(argv, env, rule).await,
        SecretSource::Keyring { service, user } => {
            let (owned_service, owned_user) = (service.clone(), user.clone());
            let ask = move || keyring::get(&owned_service, &owned_user).map_err(CredentialError::from);
            let bytes = off_the_runtime(ask).await?;
            clean(&bytes, rule, || format!("the keyring, service `{service}`, username `{user}`"))
        }
    }
}

/// The client id that this program prints; as [`resolve`].
pub(crate) async fn client_id(argv: &[String], env: &CredentialEnv) -> Result<String, CredentialError> {
    of_command(argv, env, Rule::ClientId).await.map(|id| id.expose().to_owned())
}

async fn of_command(argv: &[String], env: &CredentialEnv, rule: Rule) -> Result<ClientSecret, CredentialError> {
    let bytes = command::output(argv, &env.variables).await?;
    let program = argv.first().map(String::as_str).unwrap_or_default();
    clean(&bytes, rule, || format!("the command `{program}`"))
}

/// Fetches the user's password; as [`resolve`].
pub(crate) async fn password(source: &SecretSource, env: &CredentialEnv) -> Result<Password, CredentialError> {
    read(source, env, Rule::Password).await.map(|secret| Password::new(secret.expose()))
}

/// The passphrase in this file; blocks while it reads the small file.
pub(crate) fn passphrase(path: &Path) -> Result<Passphrase, CredentialError> {
    of_file(path, Rule::Password).map(|secret| Passphrase::new(secret.expose()))
}

/// The text of this file, which nobody else can read; blocks while it reads the small file.
pub(crate) fn private_text(path: &Path) -> Result<PrivateKey, CredentialError> {
    let bytes = private_file::read(path)?;
    text::lines(&bytes).map(PrivateKey::new).map_err(|why| unfit(in_file(path), why))
}

/// The private key in this file, as PEM. It is parsed only when something is signed with it.
pub(crate) async fn private_key(path: &Path) -> Result<PrivateKey, CredentialError> {
    let path = path.to_owned();
    off_the_runtime(move || private_text(&path)).await
}

/// Timeout after which a hook is killed: it may send a mail.
pub(crate) const HOOK_TIME: Duration = Duration::from_secs(30);

/// Runs a program for its effect, with these variables added to its environment.
pub(crate) async fn run_hook(
    argv: &[String],
    env: &CredentialEnv,
    facts: impl IntoIterator<Item = (&'static str, String)>,
) -> Result<(), CredentialError> {
    let facts = facts.into_iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let variables: ChildEnv = env.variables.iter().cloned().chain(facts).collect();
    command::run(argv, &variables, HOOK_TIME).await
}

/// Checks that the file has a usable secret; blocks while it reads the small file.
pub(crate) fn check_file(path: &Path, rule: Rule) -> Result<(), CredentialError> {
    of_file(path, rule).map(drop)
}

fn of_file(path: &Path, rule: Rule) -> Result<ClientSecret, CredentialError> {
    clean(&private_file::read(path)?, rule, || in_file(path))
}

fn in_file(path: &Path) -> String {
    format!("the file {}", path.display())
}

async fn credential(name: &str, env: &CredentialEnv) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let folder = env.credentials_directory.as_ref();
    let folder = folder.ok_or_else(|| CredentialError::NoCredentials { name: name.to_owned() })?;
    let path = folder.join(name);
    // The config refuses these names already; this is where they would do harm.
    if name.is_empty() || name == ".." || name == "." || name.contains('/') {
        return Err(CredentialError::file(path, "it would lie outside $CREDENTIALS_DIRECTORY"));
    }
    off_the_runtime(move || private_file::read_granted(&path)).await
}

/// Runs blocking work off the async runtime.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CredentialError> + Send + 'static,
) -> Result<T, CredentialError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| {
        Err(CredentialError::Unfit { from: "its source".into(), why: "did not arrive: the daemon is stopping".into() })
    })
}

#[cfg(test)]
mod tests;
