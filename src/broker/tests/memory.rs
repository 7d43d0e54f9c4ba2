//! A store that forgets.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::account::record::Record;
use crate::store::{Store, StoreError};

/// Keeps records in memory and can be told to fail.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) records: Mutex<HashMap<String, Record>>,
    pub(super) full: AtomicBool,
}

impl Memory {
    fn write(&self, account: &str, record: &Record) -> Result<(), StoreError> {
        if self.full.load(Ordering::Relaxed) {
            return Err(StoreError::Io { path: "memory".into(), why: "no space left".into() });
        }
        self.records.lock().unwrap().insert(account.to_owned(), record.clone());
        Ok(())
    }
}

impl Store for Memory {
    fn load(&self, account: &str) -> Result<Option<Record>, StoreError> {
        Ok(self.records.lock().unwrap().get(account).cloned())
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
}
