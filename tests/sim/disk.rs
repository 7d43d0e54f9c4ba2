//! The disk: writes succeed, fail, or succeed and report failure.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use ringback::account::record::Record;
use ringback::contract::StoreState;
use ringback::store::{Opening, Store, StoreError, record};

use crate::counts::{What, happens};
use crate::older::Copy;
use crate::truth::{ACCOUNTS, Disk as Plate, Truth};

pub(crate) struct Disk {
    truth: Arc<Truth>,
    jitter: Vec<(&'static str, Mutex<StdRng>)>,
    locked: AtomicBool,
}

impl Disk {
    pub(crate) fn new(truth: &Arc<Truth>, life: u32) -> Self {
        let jitter = ACCOUNTS.map(|account| (account, Mutex::new(truth.jitter(&format!("disk {account} {life}")))));
        Self { truth: Arc::clone(truth), jitter: jitter.into(), locked: AtomicBool::default() }
    }

    fn of(&self, account: &str) -> (&'static str, MutexGuard<'_, StdRng>) {
        let (name, jitter) = self.jitter.iter().find(|(name, _)| *name == account).unwrap();
        (name, jitter.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, account: &str, record: &Record, commit: bool) -> Result<(), StoreError> {
        let (account, mut jitter) = self.of(account);
        self.has_key(account)?;
        let failed = || Err(StoreError::Io { path: "disk".into(), why: "no".into() });
        if !self.truth.is_calm() {
            if happens(&mut jitter, 0.004) {
                self.truth.step(What::Full, account, String::new);
                let span = Duration::from_secs(jitter.random_range(5..1200));
                self.truth.with_disk(account, |disk, now| disk.full_until = now + span);
            }
            if self.truth.with_disk(account, |disk, now| now < disk.full_until) || happens(&mut jitter, 0.02) {
                self.truth.step(What::Unwritten, account, String::new);
                self.truth.with_disk(account, |disk, _| disk.uncommitted |= commit);
                return failed();
            }
        }
        let unsure = !self.truth.is_calm() && happens(&mut jitter, 0.01);
        let bytes = record::encode(record).unwrap().to_vec();
        let conflict = self.truth.with_disk(account, |disk, _| keep(disk, record, bytes, commit));
        if let Some(stored) = conflict {
            self.truth.violated(&format!(
                "{account}: generation {} was to be written over {stored} (commit: {commit})",
                record.generation
            ));
            return Err(StoreError::Conflict { path: "disk".into(), stored, new: record.generation });
        }
        self.truth.adopt(account, record);
        self.truth.with_disk(account, |disk, _| disk.doubted = unsure);
        if unsure {
            self.truth.step(What::Unsure, account, String::new);
            return failed();
        }
        self.truth.kept(account, record.tokens.access_token.expose());
        if commit {
            self.mark(account, record.generation, &mut jitter);
        }
        self.truth.step(What::Written, account, || format!(" generation {}", record.generation));
        Ok(())
    }
}

impl Disk {
    /// Checks that the disk is not used while the store is locked.
    fn has_key(&self, account: &str) -> Result<(), StoreError> {
        if !self.locked.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.truth.violated(&format!("{account}: the disk was used while the store was locked"));
        Err(StoreError::Locked)
    }

    /// Raises the high-water mark after a durable write, most of the time.
    fn mark(&self, account: &'static str, generation: u64, jitter: &mut StdRng) {
        if !self.truth.is_calm() && happens(jitter, 0.02) {
            self.truth.step(What::Unmarked, account, String::new);
        } else {
            self.truth.with_disk(account, |disk, _| disk.mark = generation);
        }
    }
}

/// The stored generation, if it conflicts with this record (see [`Store`]).
fn keep(disk: &mut Plate, record: &Record, bytes: Vec<u8>, commit: bool) -> Option<u64> {
    let there = disk.bytes.is_some();
    let again = disk.bytes.as_ref() == Some(&bytes);
    let fits = if commit { record.generation > disk.generation || again } else { record.generation == disk.generation };
    if there && !fits {
        return Some(disk.generation);
    }
    if commit && !again {
        disk.older.push(Copy::of(record, &bytes));
    }
    disk.bytes = Some(bytes);
    disk.generation = record.generation;
    disk.uncommitted &= !commit;
    None
}

impl Store for Disk {
    fn load(&self, account: &str) -> Result<Option<Record>, StoreError> {
        let (account, mut jitter) = self.of(account);
        self.has_key(account)?;
        if !self.truth.is_calm() && happens(&mut jitter, 0.05) {
            self.truth.step(What::Unread, account, String::new);
            return Err(StoreError::Io { path: "disk".into(), why: "no".into() });
        }
        self.truth.step(What::Read, account, String::new);
        let bytes = self.truth.with_disk(account, |disk, _| disk.bytes.clone());
        let record = bytes.map(|bytes| record::decode(&bytes).unwrap());
        if let Some(record) = &record {
            self.truth.kept(account, record.tokens.access_token.expose());
        }
        Ok(record)
    }

    fn high_water_mark(&self, account: &str) -> u64 {
        let account = self.of(account).0;
        self.truth.with_disk(account, |disk, _| disk.mark)
    }

    fn begin(&self, account: &str, record: &Record) -> Result<(), StoreError> {
        self.write(account, record, false)
    }

    fn commit(&self, account: &str, record: &Record) -> Result<(), StoreError> {
        self.write(account, record, true)
    }

    fn remove(&self, account: &str) -> Result<(), StoreError> {
        let account = self.of(account).0;
        self.truth.with_disk(account, |disk, _| disk.bytes = None);
        Ok(())
    }

    fn key_source(&self) -> String {
        "none".into()
    }

    fn lock(&self) {
        self.locked.store(true, Ordering::SeqCst);
        self.truth.forgot();
    }

    fn unlock(&self, _: &Opening) -> Result<(), StoreError> {
        self.locked.store(false, Ordering::SeqCst);
        Ok(())
    }

    fn state(&self) -> StoreState {
        if self.locked.load(Ordering::SeqCst) { StoreState::Locked } else { StoreState::Unlocked }
    }
}
