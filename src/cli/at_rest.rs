//! The state folder while no daemon runs: `export`, `import --from` and `store rekey` read and write it themselves, and
//! hold its lock like a daemon, so that nothing is refreshed while it is being copied.

use std::path::Path;

use super::audit_log::open_audit;
use super::config_source::ConfigSource;
use super::{passphrase, report};
use crate::audit::AuditLog;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::clock::Clock;
use crate::config::Config;
use crate::contract::{AuditEvent, AuditLine, StoreState};
use crate::os::paths::Paths;
use crate::os::private_file;
use crate::secret::source::KeySource;
use crate::store::file::{FileStore, StateLock};
use crate::store::key::source::{OsKeyring, Outside};
use crate::store::{Opening, Store as _, StoreError};

/// The locked folder and its config.
pub(super) struct AtRest {
    pub(super) config: Config,
    pub(super) key: KeySource,
    paths: Paths,
    held: StateLock,
}

impl AtRest {
    /// Locks the folder; fails while a daemon holds it, and if nothing is stored in it.
    pub(super) fn hold(source: &ConfigSource) -> Result<Self, Failure> {
        let (config, mistakes) = source.load_what_works()?;
        mistakes.iter().for_each(|mistake| report::say(&format!("warning: {mistake}")));
        let key = config.store.key_source().ok_or_else(message::store_in_memory)?;
        let paths = Paths::from_env(&|name| std::env::var_os(name), config.store.folder.as_deref())
            .map_err(message::homeless)?;
        let held = StateLock::take(&paths.state).and_then(StateLock::of_command);
        let held = held.map_err(|error| unavailable(&error))?;
        Ok(Self { config, key, paths, held })
    }

    /// The stored accounts.
    pub(super) fn accounts(&self) -> Result<Vec<String>, Failure> {
        self.held.accounts().map_err(|error| unavailable(&error))
    }

    /// The audit log, if it is on.
    pub(super) fn audit(&self) -> Result<AuditLog, Failure> {
        open_audit(&self.config, &self.paths).map_err(message::audit_unwritable)
    }

    /// The unlocked store: if it has a passphrase, with the one in `file` or one that is asked for.
    pub(super) fn open(self, file: Option<&Path>) -> Result<FileStore, Failure> {
        let outside = Outside { env: &|name| std::env::var_os(name), keyring: &OsKeyring };
        let store = FileStore::open(self.held, &self.key, outside, Clock::System)
            .map_err(|error| unavailable(&error))?
            .with_marks(self.paths.cache.as_deref());
        if let Some(why) = store.key_not_yet() {
            return Err(message::store_key_not_yet(why));
        }
        let state = store.state();
        if state != StoreState::Unlocked {
            let new = state == StoreState::PassphraseUnset;
            let passphrase = match file {
                Some(path) => passphrase::of_file(path),
                None if new => passphrase::asked_twice(passphrase::NEW_QUESTION),
                None => passphrase::asked(passphrase::QUESTION),
            };
            let passphrase = passphrase.map_err(message::store_passphrase_unread)?;
            let opening = if new { Opening::First(passphrase) } else { Opening::Passphrase(passphrase) };
            store.unlock(&opening).map_err(|error| unavailable(&error))?;
        }
        Ok(store)
    }
}

/// Fails if nothing is stored: before a passphrase is asked for in vain.
pub(super) fn check_stored(source: &ConfigSource) -> Result<(), Failure> {
    let (config, _) = source.load_what_works()?;
    config.store.key_source().map(drop).ok_or_else(message::store_in_memory)
}

/// The failure for an error of the store.
pub(super) fn unavailable(error: &StoreError) -> Failure {
    match error {
        StoreError::InUse { .. } => message::state_in_use(error),
        StoreError::WrongPassphrase => message::store_passphrase_wrong(error),
        _ => message::store_unusable(error),
    }
}

/// Writes an audit line for each of `accounts`; returns once they are written, and fails if that is impossible.
pub(super) fn note(audit: &AuditLog, event: AuditEvent, accounts: &[&str]) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(message::no_async_runtime)?;
    let at = Clock::System.now().wall.rfc3339();
    let written = runtime.block_on(async {
        for account in accounts {
            let mut line = AuditLine::new(event, at.clone());
            line.account = Some((*account).to_owned());
            line.uid = Some(private_file::own_uid());
            line.pid = i32::try_from(std::process::id()).ok();
            line.executable = std::env::current_exe().ok().map(|path| path.to_string_lossy().into_owned());
            audit.note(&line).await;
        }
        audit.flush().await
    });
    written.map_err(message::audit_line_lost)
}
