//! The state folder while no daemon runs: what moves house is read and written by the command itself, holding the
//! folder as a daemon does. So nothing can refresh what is just being copied.

use std::path::Path;

use super::serve::{homeless, open_audit};
use super::{config, passphrase, unlock};
use crate::audit::AuditLog;
use crate::client::{Failure, message};
use crate::clock::Clock;
use crate::config::Config;
use crate::contract::{AuditEvent, AuditLine, StoreState};
use crate::paths::Paths;
use crate::store::file::{FileStore, StateLock};
use crate::store::key::source::{OsKeyring, Outside};
use crate::store::{Opening, Store as _, StoreError};

/// The folder, held, and the config that it belongs to.
pub(super) struct AtRest {
    pub(super) config: Config,
    paths: Paths,
    held: StateLock,
}

impl AtRest {
    /// Holds the folder; fails while a daemon does.
    pub(super) fn hold(source: &config::ConfigSource) -> Result<Self, Failure> {
        let (config, mistakes) = source.load_what_works()?;
        mistakes.iter().for_each(|mistake| super::report::say(&format!("warning: {mistake}")));
        let paths =
            Paths::from_env(&|name| std::env::var_os(name), config.store.folder.as_deref()).map_err(homeless)?;
        let held = StateLock::take(&paths.state).and_then(StateLock::of_command);
        let held = held.map_err(|error| unavailable(&error))?;
        Ok(Self { config, paths, held })
    }

    /// The accounts that something is stored of.
    pub(super) fn accounts(&self) -> Result<Vec<String>, Failure> {
        self.held.accounts().map_err(|error| unavailable(&error))
    }

    /// The audit log, if it is kept.
    pub(super) fn audit(&self) -> Result<AuditLog, Failure> {
        open_audit(&self.config, &self.paths).map_err(message::audit_unwritable)
    }

    /// The store, unlocked: with the passphrase in `file`, or asked for, if it takes one.
    pub(super) fn open(self, file: Option<&Path>) -> Result<FileStore, Failure> {
        let outside = Outside { env: &|name| std::env::var_os(name), keyring: &OsKeyring };
        let store = FileStore::open(self.held, &self.config.store.key_source(), outside, Clock::System)
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
                None if new => passphrase::asked_twice(unlock::NEW_QUESTION),
                None => passphrase::asked(unlock::QUESTION),
            };
            let passphrase = passphrase.map_err(message::store_passphrase_unread)?;
            let opening = if new { Opening::First(passphrase) } else { Opening::Passphrase(passphrase) };
            store.unlock(&opening).map_err(|error| unavailable(&error))?;
        }
        Ok(store)
    }
}

/// What the store says, to a person.
pub(super) fn unavailable(error: &StoreError) -> Failure {
    match error {
        StoreError::InUse { .. } => message::state_in_use(error),
        StoreError::WrongPassphrase => message::store_passphrase_wrong(error),
        _ => message::store_unusable(error),
    }
}

/// Writes down that each of `accounts` left or came; returns once that is written, and fails if it can't be.
pub(super) fn note(audit: &AuditLog, event: AuditEvent, accounts: &[&str]) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(message::no_async_runtime)?;
    let at = Clock::System.now().wall.rfc3339();
    let written = runtime.block_on(async {
        for account in accounts {
            let mut line = AuditLine::new(event, at.clone());
            line.account = Some((*account).to_owned());
            line.uid = Some(rustix::process::geteuid().as_raw());
            line.pid = i32::try_from(std::process::id()).ok();
            line.executable = std::env::current_exe().ok().map(|path| path.to_string_lossy().into_owned());
            audit.note(line).await;
        }
        audit.flush().await
    });
    written.map_err(message::audit_line_lost)
}
