//! The token store, with one record per account: the trait and its errors.

pub mod envelope;
pub(crate) mod export;
pub mod file;
mod file_name;
mod high_water;
pub mod key;
mod key_cell;
pub(crate) mod memory;
pub mod record;
pub(crate) mod rekey;
mod rekey_plan;
pub mod seal;
#[cfg(test)]
pub(crate) mod tests;

use std::path::PathBuf;

use crate::account::record::Record;
use crate::contract::StoreState;
use crate::os::folder::error::FileSystemFeature;
use crate::secret::Passphrase;

/// Keeps one record per account, durably. Implementations block; call them off the runtime.
pub trait Store: Send + Sync + 'static {
    /// The record of `account`, if there is one. A damaged or foreign file is set aside (renamed, never
    /// overwritten) and reported as [`StoreError::SetAside`].
    fn load(&self, account: &str) -> Result<Option<Record>, StoreError>;

    /// The highest generation of `account` that is known from outside the state folder to have been durable; 0 if none
    /// is. A record with a lower one was restored from a copy.
    fn high_water_mark(&self, account: &str) -> u64;

    /// Reserves disk space for the commit, so that it will succeed, and makes `record`, which carries the intent,
    /// durable. Its generation has to be the stored one, if one is stored. A file that was lost or damaged under a
    /// running daemon is written again.
    fn begin(&self, account: &str, record: &Record) -> Result<(), StoreError>;

    /// Makes `record` durable if the stored generation is older than its own (no record counts as 0), else
    /// [`StoreError::Conflict`]. Committing the same record again is fine, so that a commit whose durability could not
    /// be confirmed can be repeated. The high-water mark is set afterwards, if it can be kept.
    fn commit(&self, account: &str, record: &Record) -> Result<(), StoreError>;

    /// Deletes the record, durably, and sets the high-water mark above it. Succeeds if there is none.
    fn remove(&self, account: &str) -> Result<(), StoreError>;

    /// Where the master key comes from, in words (`status` shows it).
    fn key_source(&self) -> String;

    /// Whether the records outlive the process.
    fn is_durable(&self) -> bool {
        true
    }

    /// Drops the master key: from now on, reading and writing records fails with [`StoreError::Locked`]. Releases what
    /// [`Self::begin`] reserved. Does nothing if the store is locked already.
    fn lock(&self);

    /// Gets the master key again, which has to be the same as before. Does nothing if the store is unlocked already.
    fn unlock(&self, opening: &Opening) -> Result<(), StoreError>;

    /// Whether the master key is in memory, and what it takes to get it.
    fn state(&self) -> StoreState;
}

/// How to get the master key again.
#[derive(Debug)]
pub enum Opening {
    /// From the config's source.
    Source,
    /// With the passphrase that is set.
    Passphrase(Passphrase),
    /// With a first passphrase, which is set by this.
    First(Passphrase),
}

/// Errors of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The master key was dropped, or the passphrase has not been given yet.
    #[error("it is locked")]
    Locked,
    /// The passphrase does not open the master key.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// This passphrase is not accepted here, or none was given.
    #[error("{why}")]
    Passphrase {
        /// Why, and what would be accepted.
        why: String,
    },
    /// The master key can't be obtained.
    #[error("the master key can't be had from {from}: {why}")]
    Key {
        /// Which source, in words.
        from: String,
        /// What went wrong there.
        why: String,
    },
    /// The master key can't be obtained yet, but may be later.
    #[error("the master key can't be had from {from} yet: {why}")]
    KeyNotYet {
        /// Which source, in words.
        from: String,
        /// What went wrong there.
        why: String,
    },
    /// The file was sealed with another master key than the current one; it is not touched.
    #[error(
        "{} was sealed with another master key than the one from {from}: bring that key back, or move the file away \
         and log in again; the file was not touched",
        path.display()
    )]
    ForeignKey {
        /// Which file.
        path: PathBuf,
        /// Where the current key comes from, in words.
        from: String,
    },
    /// Another daemon holds the folder.
    #[error("{} is in use by another ringback daemon{}", folder.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    InUse {
        /// The state folder.
        folder: PathBuf,
        /// The process id of the holder, if known.
        pid: Option<u32>,
    },
    /// A file or folder has the wrong owner, mode or kind.
    #[error("{}: {why}", path.display())]
    Unsafe {
        /// Which one.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// Reading or writing failed.
    #[error("{}: {why}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The file system lacks a feature that is needed.
    #[error(
        "{}: its file system ({name}) refuses {asked}: {why}; put the state folder on a local disk with `store.folder`",
        path.display()
    )]
    FileSystem {
        /// Which file or folder.
        path: PathBuf,
        /// The kind of the file system.
        name: String,
        /// The feature that it lacks.
        asked: FileSystemFeature,
        /// What the system said.
        why: String,
    },
    /// The file was damaged or foreign; it was renamed, with its content intact.
    #[error("{} could not be used ({why}); it was set aside as {}", path.display(), aside.display())]
    SetAside {
        /// Where it was.
        path: PathBuf,
        /// Where it is now.
        aside: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file was written by a newer version; it is not touched.
    #[error("{} has format version {found}, and this ringback knows up to {known}: upgrade ringback; the file was not touched", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that this ringback knows.
        known: u32,
    },
    /// The stored generation does not allow this write.
    #[error("{} holds generation {stored}, so generation {new} was not written: something else changed the file", path.display())]
    Conflict {
        /// Which file.
        path: PathBuf,
        /// The stored generation.
        stored: u64,
        /// The generation to be written.
        new: u64,
    },
}
