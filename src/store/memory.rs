//! The store that writes nothing: records are in memory, and end with the process.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::file::StateLock;
use super::file_name::io;
use super::{Opening, Store, StoreError, record};
use crate::account::record::Record;
use crate::contract::StoreState;

/// What `status` says instead of a key.
const NO_KEY: &str = "none: the tokens are in memory only, and end with the daemon";

/// Keeps the records in memory. It holds the state folder like every store, so that no second daemon starts beside it.
#[derive(Debug)]
pub(crate) struct MemoryStore {
    held: StateLock,
    records: Mutex<Records>,
}

#[derive(Debug, Default)]
struct Records {
    locked: bool,
    by_account: BTreeMap<String, Record>,
    /// The generations of dropped records, which a later one has to exceed.
    dropped: BTreeMap<String, u64>,
}

impl Records {
    fn note_dropped(&mut self, account: String, record: &Record) {
        self.dropped.insert(account, record.generation.saturating_add(1));
    }
}

impl MemoryStore {
    pub(crate) fn new(held: StateLock) -> Self {
        Self { held, records: Mutex::default() }
    }

    /// The accounts that another setting of `store.key` stored in the folder. They are neither used nor deleted.
    pub(crate) fn left_on_disk(&self) -> Result<Vec<String>, StoreError> {
        self.held.accounts()
    }

    fn with<T>(&self, work: impl FnOnce(&mut Records) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut records = self.records();
        if records.locked { Err(StoreError::Locked) } else { work(&mut records) }
    }

    /// A panic leaves the records whole: each change is one insertion or removal.
    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn load(&self, account: &str) -> Result<Option<Record>, StoreError> {
        self.with(|records| Ok(records.by_account.get(account).cloned()))
    }

    fn high_water_mark(&self, account: &str) -> u64 {
        self.records().dropped.get(account).copied().unwrap_or_default()
    }

    fn begin(&self, account: &str, record: &Record) -> Result<(), StoreError> {
        self.with(|records| match records.by_account.get(account) {
            Some(stored) if stored.generation != record.generation => Err(conflict(account, stored, record)),
            _ => {
                records.by_account.insert(account.to_owned(), record.clone());
                Ok(())
            }
        })
    }

    fn commit(&self, account: &str, record: &Record) -> Result<(), StoreError> {
        self.with(|records| match records.by_account.get(account) {
            Some(stored) if stored.generation >= record.generation => {
                if is_same(stored, record)? {
                    Ok(())
                } else {
                    Err(conflict(account, stored, record))
                }
            }
            _ => {
                records.by_account.insert(account.to_owned(), record.clone());
                Ok(())
            }
        })
    }

    fn remove(&self, account: &str) -> Result<(), StoreError> {
        self.with(|records| {
            if let Some((account, record)) = records.by_account.remove_entry(account) {
                records.note_dropped(account, &record);
            }
            Ok(())
        })
    }

    fn key_source(&self) -> String {
        NO_KEY.to_owned()
    }

    fn is_durable(&self) -> bool {
        false
    }

    /// Drops every record: there is no key to drop instead, and locked means that no token is in memory.
    fn lock(&self) {
        let mut records = self.records();
        records.locked = true;
        for (account, record) in std::mem::take(&mut records.by_account) {
            records.note_dropped(account, &record);
        }
    }

    fn unlock(&self, opening: &Opening) -> Result<(), StoreError> {
        if let Opening::Passphrase(_) | Opening::First(_) = opening {
            return Err(StoreError::Passphrase { why: "the store has no passphrase: give none".into() });
        }
        self.records().locked = false;
        Ok(())
    }

    fn state(&self) -> StoreState {
        if self.records().locked { StoreState::Locked } else { StoreState::Unlocked }
    }
}

/// Whether a commit is a repeated one.
fn is_same(stored: &Record, new: &Record) -> Result<bool, StoreError> {
    let encode = |record| record::encode(record).map_err(|error| io(PathBuf::from("memory"), &error));
    Ok(*encode(stored)? == *encode(new)?)
}

fn conflict(account: &str, stored: &Record, new: &Record) -> StoreError {
    let path = PathBuf::from(format!("the memory of {account}"));
    StoreError::Conflict { path, stored: stored.generation, new: new.generation }
}
