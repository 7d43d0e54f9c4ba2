//! The file store: one sealed file per account, in a folder that one process at a time holds.
//!
//! The guarantees (docs/security.md, rules 28 and 31): after [`Store::begin`] the intent is durable, and space for the
//! commit that follows is reserved on disk; after [`Store::commit`] the record is durable; a crash at any point leaves
//! the record before or the record after, never a mixture.

mod state_lock;
mod turns;

use std::path::Path;

use zeroize::Zeroizing;

use super::file_name::{file_name, io};
use super::high_water::HighWaterMarks;
use super::key::location::{self, KeyLocation, Note};
use super::key::source::Outside;
use super::key_cell::MasterKeyCell;
use super::record::{self, DecodeError};
use super::rekey_plan;
use super::seal::{self, OpenError, Unsealed};
use super::{Opening, Store, StoreError};
use crate::account::record::Record;
use crate::clock::Clock;
use crate::contract::{StoreState, is_name};
use crate::failpoint;
use crate::os::folder::error::FolderError;
use crate::os::folder::{Folder, Temp};
use crate::secret::source::KeySource;

pub use state_lock::StateLock;
use turns::{FileGuard, Turns};

/// Space that is reserved beyond the size of the current file, in bytes: both tokens at their longest (64 KiB each) and
/// as much for the rest. A larger reply is still written, if the disk has room by then.
const MARGIN: u64 = 256 * 1024;

/// The store.
#[derive(Debug)]
pub struct FileStore {
    held: StateLock,
    key_cell: MasterKeyCell,
    /// `None` if no marks are kept.
    marks: Option<HighWaterMarks>,
    clock: Clock,
    turns: Turns,
}

/// What a write is for: only the steps of a commit have failpoints.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Intent,
    Commit,
}

impl FileStore {
    /// Opens the store in the folder that `held` holds, with the key from `source`; locked, if that needs a passphrase.
    /// `clock` dates the names of files that are set aside. Blocks: a keyring or program may take 10 s.
    pub fn open(
        held: StateLock,
        source: &KeySource,
        outside: Outside<'static>,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        rekey_plan::recover(&held.folder, &held.accounts, &outside)?;
        let key_cell = MasterKeyCell::open(source, outside, &held.folder, held.which_start()?)?;
        Ok(Self { held, key_cell, marks: None, clock, turns: Turns::default() })
    }

    /// The same, with high-water marks below the cache folder `cache`. If that is `None` or can't be used, it is only
    /// logged.
    #[must_use]
    pub(crate) fn with_marks(self, cache: Option<&Path>) -> Self {
        let marks = HighWaterMarks::of(self.held.folder.path(), cache);
        Self { marks: Some(marks), ..self }
    }

    /// Why the key could not be obtained yet when the store was opened, if so: the store is then locked, and
    /// [`Store::unlock`] tries again.
    pub(crate) fn key_not_yet(&self) -> Option<&str> {
        self.key_cell.not_yet()
    }

    /// The accounts with a stored record, sorted.
    pub(crate) fn accounts(&self) -> Result<Vec<String>, StoreError> {
        self.held.accounts()
    }

    /// The state folder.
    pub(super) fn folder(&self) -> &Folder {
        &self.held.folder
    }

    /// The folder with one file for each account.
    pub(super) fn account_folder(&self) -> &Folder {
        &self.held.accounts
    }

    /// Where ringback itself keeps the key; `None` if the source is a file of the user's, a credential or a command.
    pub(super) fn key_place(&self) -> Result<Option<KeyLocation>, StoreError> {
        let note = Note::read(&self.held.folder)?.map(|note| note.place);
        Ok(match self.key_cell.source() {
            KeySource::Auto => note,
            KeySource::File => Some(KeyLocation::File),
            KeySource::Keyring => Some(KeyLocation::Keyring(location::keyring_item(&self.held.folder)?)),
            KeySource::Passphrase => Some(KeyLocation::Passphrase),
            KeySource::Credential(_) | KeySource::Command(_) => None,
        })
    }

    /// The stored content of `account`, authenticated.
    pub(super) fn opened(&self, account: &str) -> Result<Option<Unsealed>, StoreError> {
        self.in_turn(account, |_| self.stored(account))
    }

    fn in_turn<T>(
        &self,
        account: &str,
        work: impl FnOnce(&mut FileGuard) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if !is_name(account) {
            return Err(io(self.held.accounts.path(), &format!("{account:?} can't be the name of an account's file")));
        }
        self.turns.take(account, work)
    }

    /// The stored content of `account`, authenticated. Sets a damaged file aside.
    fn stored(&self, account: &str) -> Result<Option<Unsealed>, StoreError> {
        let name = file_name(account);
        let obtained = self.key_cell.key()?;
        let Some(bytes) = self.held.accounts.read(&name, seal::MAX_FILE)? else { return Ok(None) };
        let path = self.held.accounts.file(&name);
        match seal::open(&obtained.key, account, &bytes) {
            Ok(opened) => Ok(Some(opened)),
            Err(OpenError::Newer { found }) => Err(StoreError::Newer { path, found, known: seal::FORMAT }),
            // The key is wrong, not the file: the file stays in its place for the right key.
            Err(OpenError::ForeignKey) => Err(StoreError::ForeignKey { path, from: obtained.from.clone() }),
            Err(OpenError::Damaged(why)) => Err(self.set_aside(&name, why)?),
        }
    }

    /// Renames the file to an unused name, and returns the error that says so.
    fn set_aside(&self, name: &str, why: &str) -> Result<StoreError, StoreError> {
        let accounts = &self.held.accounts;
        let first = format!("{name}.damaged-{}", self.clock.now().wall.unix_seconds());
        let mut aside = first.clone();
        let mut tries = 1_u32;
        while !accounts.rename_to_new(name, &aside)? {
            tries = tries.saturating_add(1);
            aside = format!("{first}-{tries}");
        }
        accounts.sync()?;
        Ok(StoreError::SetAside { path: accounts.file(name), aside: accounts.file(&aside), why: why.into() })
    }

    /// The stored generation; 0 if there is none that can be read.
    fn stored_generation(&self, account: &str) -> Result<u64, StoreError> {
        let obtained = self.key_cell.key()?;
        let bytes = self.held.accounts.read(&file_name(account), seal::MAX_FILE).ok().flatten();
        let opened = bytes.and_then(|bytes| seal::open(&obtained.key, account, &bytes).ok());
        Ok(opened.map_or(0, |opened| opened.generation))
    }

    fn set_mark(&self, account: &str, generation: u64) {
        if let Some(marks) = &self.marks {
            marks.set(account, generation);
            failpoint::reach("after_mark");
        }
    }

    /// Like [`Self::stored`], before a write: a damaged file has been set aside, and the record in memory replaces it.
    fn stored_before_write(&self, account: &str) -> Result<Option<Unsealed>, StoreError> {
        match self.stored(account) {
            Err(error @ StoreError::SetAside { .. }) => {
                tracing::warn!(account, %error, "a stored record was damaged while the daemon was running; writing it again");
                Ok(None)
            }
            result => result,
        }
    }

    fn encode(&self, account: &str, record: &Record) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        record::encode(record).map_err(|e| io(self.held.accounts.file(&file_name(account)), &e))
    }

    fn seal(&self, account: &str, record: &Record, payload: &[u8]) -> Result<Vec<u8>, StoreError> {
        seal::seal(&self.key_cell.key()?.key, account, record.generation, payload, &mut rand::rng())
            .map_err(|e| io(self.held.accounts.file(&file_name(account)), &e))
    }

    fn conflict(&self, account: &str, stored: &Unsealed, record: &Record) -> StoreError {
        let path = self.held.accounts.file(&file_name(account));
        StoreError::Conflict { path, stored: stored.generation, new: record.generation }
    }

    /// Temp file, fsync, rename, fsync of the folder.
    fn replace(&self, account: &str, mut temp: Temp, sealed: &[u8], purpose: Purpose) -> Result<(), FolderError> {
        let step = |name| {
            if purpose == Purpose::Commit {
                failpoint::reach(name);
            }
        };
        step("before_write");
        temp.fill(sealed)?;
        step("after_write");
        temp.rename(&file_name(account))?;
        step("after_rename");
        self.held.accounts.sync()
    }

    fn begin_in(&self, turn: &mut FileGuard, account: &str, record: &Record) -> Result<(), StoreError> {
        failpoint::reach("before_intent");
        let stored = self.stored_before_write(account)?;
        if let Some(stored) = stored.as_ref().filter(|stored| stored.generation != record.generation) {
            return Err(self.conflict(account, stored, record));
        }
        let sealed = self.seal(account, record, &self.encode(account, record)?)?;
        // Space for the commit is reserved first: without it, an intent makes no sense. What an earlier attempt
        // reserved is reused.
        if turn.reserved.is_none() {
            let mut room = self.held.accounts.temp()?;
            room.reserve((sealed.len() as u64).saturating_add(MARGIN))?;
            turn.reserved = Some(room);
        }
        self.replace(account, self.held.accounts.temp()?, &sealed, Purpose::Intent)?;
        failpoint::reach("after_intent");
        Ok(())
    }

    fn commit_in(&self, turn: &mut FileGuard, account: &str, record: &Record) -> Result<(), StoreError> {
        let payload = self.encode(account, record)?;
        if let Some(stored) = self.stored_before_write(account)?.filter(|s| s.generation >= record.generation) {
            if *stored.payload != *payload {
                return Err(self.conflict(account, &stored, record));
            }
            // A repeated commit: an earlier attempt renamed the file, and then failed to make that durable.
            self.held.accounts.sync()?;
            self.set_mark(account, record.generation);
            return Ok(());
        }
        let sealed = self.seal(account, record, &payload)?;
        let room = match turn.reserved.take() {
            Some(room) => room,
            None => self.held.accounts.temp()?,
        };
        self.replace(account, room, &sealed, Purpose::Commit)?;
        failpoint::reach("after_commit");
        self.set_mark(account, record.generation);
        Ok(())
    }
}

impl Store for FileStore {
    fn load(&self, account: &str) -> Result<Option<Record>, StoreError> {
        let Some(stored) = self.opened(account)? else { return Ok(None) };
        let path = self.held.accounts.file(&file_name(account));
        match record::decode(&stored.payload) {
            Ok(record) if record.generation == stored.generation => Ok(Some(record)),
            Ok(_) => Err(io(path, &"its header and its record name different generations")),
            Err(DecodeError::Newer { found }) => Err(StoreError::Newer { path, found, known: record::SCHEMA }),
            // It is authentic, so a ringback wrote it: it stays for the version that can parse it.
            Err(e @ DecodeError::Malformed { .. }) => {
                let why = format!("another version of ringback wrote it ({e}): use that one, or log in again");
                Err(io(path, &why))
            }
        }
    }

    fn high_water_mark(&self, account: &str) -> u64 {
        self.marks.as_ref().filter(|_| is_name(account)).map_or(0, |marks| marks.get(account))
    }

    fn begin(&self, account: &str, record: &Record) -> Result<(), StoreError> {
        self.in_turn(account, |turn| self.begin_in(turn, account, record))
    }

    fn commit(&self, account: &str, record: &Record) -> Result<(), StoreError> {
        self.in_turn(account, |turn| self.commit_in(turn, account, record))
    }

    fn remove(&self, account: &str) -> Result<(), StoreError> {
        self.in_turn(account, |turn| {
            let newest = self.stored_generation(account)?.max(self.high_water_mark(account));
            turn.reserved = None;
            self.held.accounts.remove(&file_name(account))?;
            // A restored copy of a deleted record is outdated, too.
            if newest > 0 {
                self.set_mark(account, newest.saturating_add(1));
            }
            Ok(())
        })
    }

    fn key_source(&self) -> String {
        self.key_cell.from()
    }

    fn lock(&self) {
        // An operation in progress finishes with the key.
        self.turns.release();
        self.key_cell.lock();
    }

    fn unlock(&self, opening: &Opening) -> Result<(), StoreError> {
        match self.state() {
            StoreState::Unlocked => Ok(()),
            _ => self.key_cell.unlock(opening, &self.held.folder, self.held.which_start()?),
        }
    }

    fn state(&self) -> StoreState {
        self.key_cell.state()
    }
}
