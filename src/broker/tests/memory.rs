//! An in-memory store that can be told to fail.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::account::record::Record;
use crate::contract::StoreState;
use crate::store::{Opening, Store, StoreError};

/// Keeps records in memory and can be told to fail.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) records: Mutex<HashMap<String, Record>>,
    /// High-water marks, kept apart from `records` so that a test can replace records.
    pub(super) marks: Mutex<HashMap<String, u64>>,
    pub(super) full: AtomicBool,
    pub(super) locked: AtomicBool,
    /// Number of unlock attempts.
    pub(super) asked: AtomicUsize,
}

impl Memory {
    fn open(&self) -> Result<(), StoreError> {
        if self.locked.load(Ordering::SeqCst) { Err(StoreError::Locked) } else { Ok(()) }
    }

    fn write(&self, account: &str, record: &Record) -> Result<(), StoreError> {
        self.open()?;
        if self.full.load(Ordering::Relaxed) {
            return Err(StoreError::Io { path: "memory".into(), why: "no space left".into() });
        }
        self.records.lock().unwrap().insert(account.to_owned(), record.clone());
        Ok(())
    }
}

impl Store for Memory {
    fn load(&self, account: &str) -> Result<Option<Record>, StoreError> {
        self.open()?;
        Ok(self.records.lock().unwrap().get(account).cloned())
    }
    fn high_water_mark(&self, account: &str) -> u64 {
        self.marks.lock().unwrap().get(account).copied().unwrap_or(0)
    }
    fn begin(&self, account: &str, record: &Record) -> Result<(), StoreError> {
        self.write(account, record)
    }
    fn commit(&self, account: &str, record: &Record) -> Result<(), StoreError> {
        self.write(account, record)
    }
    fn remove(&self, account: &str) -> Result<(), StoreError> {
        self.records.lock().unwrap().remove(account);
        Ok(())
    }
    fn key_source(&self) -> String {
        "memory".into()
    }
    fn lock(&self) {
        self.locked.store(true, Ordering::SeqCst);
    }
    fn unlock(&self, opening: &Opening) -> Result<(), StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match opening {
            Opening::Passphrase(passphrase) if !passphrase.matches("right") => Err(StoreError::WrongPassphrase),
            _ => {
                self.locked.store(false, Ordering::SeqCst);
                Ok(())
            }
        }
    }
    fn state(&self) -> StoreState {
        if self.locked.load(Ordering::SeqCst) { StoreState::Locked } else { StoreState::Unlocked }
    }
}
