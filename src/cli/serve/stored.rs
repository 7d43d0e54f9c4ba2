//! Opens the token store that the config names.

use std::sync::Arc;

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::clock::Clock;
use crate::config::Config;
use crate::os::paths::Paths;
use crate::secret::source::KeySource;
use crate::store::file::{FileStore, StateLock};
use crate::store::key::source::{OsKeyring, Outside};
use crate::store::memory::MemoryStore;
use crate::store::{Store, StoreError};

/// The store, and why its key could not be obtained yet, if so: it is then locked.
pub(super) struct Opened {
    pub(super) store: Arc<dyn Store>,
    pub(super) key_not_yet: Option<String>,
}

/// Holds the state folder, and opens the store. Blocks: a keyring or program may take 10 s.
pub(super) fn open(config: &Config, paths: &Paths) -> Result<Opened, Failure> {
    let held = StateLock::take(&paths.state).map_err(|error| no_store(&error))?;
    match config.store.key_source() {
        Some(source) => of_files(held, &source, paths),
        None => in_memory(held),
    }
    .map_err(|error| no_store(&error))
}

fn of_files(held: StateLock, source: &KeySource, paths: &Paths) -> Result<Opened, StoreError> {
    let outside = Outside { env: &|name| std::env::var_os(name), keyring: &OsKeyring };
    let store = FileStore::open(held, source, outside, Clock::System)?.with_marks(paths.cache.as_deref());
    let key_not_yet = store.key_not_yet().map(str::to_owned);
    Ok(Opened { store: Arc::new(store), key_not_yet })
}

fn in_memory(held: StateLock) -> Result<Opened, StoreError> {
    let store = MemoryStore::new(held);
    let left = store.left_on_disk()?;
    if !left.is_empty() {
        tracing::warn!(
            "`store.key` is `memory`, and the state folder has tokens from before, which are not used: {}; with the \
             former `key`, `ringback logout` ends these logins",
            left.join(", ")
        );
    }
    Ok(Opened { store: Arc::new(store), key_not_yet: None })
}

pub(super) fn no_store(error: &StoreError) -> Failure {
    match error {
        StoreError::InUse { .. } => message::state_in_use_at_start(error),
        other => message::start_failed(other),
    }
}
