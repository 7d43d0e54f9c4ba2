//! Where records are kept: the trait, its errors, and what each may mean to a caller.

pub mod envelope;
pub(crate) mod export;
pub mod file;
mod file_name;
mod high_water;
pub mod key;
mod key_cell;
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

    /// The highest generation of `account` that is known, from outside of the state folder, to have been durable; 0 if
    /// none is. A record that is older was put back.
    fn high_water_mark(&self, account: &str) -> u64;

    /// Proves that a commit will succeed (room reserved) and makes `record`, which carries the intent,
    /// durable. Its generation has to be the stored one, if one is stored: a file that got lost or damaged
    /// under a running daemon is written anew.
    fn begin(&self, account: &str, record: &Record) -> Result<(), StoreError>;

    /// Makes `record` durable if the stored generation is older than its own (none stored counts as
    /// 0), else [`StoreError::Conflict`]. The same record once more is fine, so that a commit whose
    /// durability could not be confirmed may be repeated. The high-water mark follows, as far as it can be kept.
    fn commit(&self, account: &str, record: &Record) -> Result<(), StoreError>;

    /// Deletes the record, durably, and sets the high-water mark above it. None stored is fine.
    fn remove(&self, account: &str) -> Result<(), StoreError>;

    /// Where the master key comes from, for people (`status` shows it).
    fn key_source(&self) -> String;

    /// Drops the master key: from now on everything but this and [`Self::unlock`] is [`StoreError::Locked`].
    /// What [`Self::begin`] reserved is given back. Locked already is fine.
    fn lock(&self);

    /// Gets the master key again, which has to be the same as before. Unlocked already is fine.
    fn unlock(&self, opening: &Opening) -> Result<(), StoreError>;

    /// Whether the master key is there, and what it takes to get it.
    fn state(&self) -> StoreState;
}

/// How the master key is got again.
#[derive(Debug)]
pub enum Opening {
    /// From where the config says.
    Source,
    /// With the passphrase that was set.
    Passphrase(Passphrase),
    /// With a passphrase that is set by this, where there was none.
    First(Passphrase),
}

/// What can be wrong with the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The master key was dropped, or nobody has given the passphrase yet.
    #[error("it is locked")]
    Locked,
    /// It opens nothing.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// This passphrase, or none, is of no use here.
    #[error("{why}")]
    Passphrase {
        /// Why, and what is.
        why: String,
    },
    /// The master key can't be had.
    #[error("the master key can't be had from {from}: {why}")]
    Key {
        /// Which source, in words.
        from: String,
        /// What went wrong there.
        why: String,
    },
    /// The master key can't be had just now, and may be had later.
    #[error("the master key can't be had from {from} yet: {why}")]
    KeyNotYet {
        /// Which source, in words.
        from: String,
        /// What went wrong there.
        why: String,
    },
    /// The file was sealed with another master key than the present one; it is left alone.
    #[error(
        "{} was sealed with another master key than the one from {from}: bring that key back, or move the file away \
         and log in again; the file was not touched",
        path.display()
    )]
    ForeignKey {
        /// Which file.
        path: PathBuf,
        /// Where the present key comes from, in words.
        from: String,
    },
    /// Another daemon holds the folder.
    #[error("{} is in use by another ringback daemon{}", folder.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    InUse {
        /// The state folder.
        folder: PathBuf,
        /// Who holds it, if it said so.
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
    /// The file system does not have what is needed.
    #[error(
        "{}: its file system ({name}) refuses {asked}: {why}; put the state folder on a local disk with `store.folder`",
        path.display()
    )]
    FileSystem {
        /// Which file or folder.
        path: PathBuf,
        /// The file system's kind.
        name: String,
        /// What was asked of it.
        asked: FileSystemFeature,
        /// What the system said.
        why: String,
    },
    /// The file was damaged or foreign; it now has another name and nothing was lost of it.
    #[error("{} could not be used ({why}); it was set aside as {}", path.display(), aside.display())]
    SetAside {
        /// Where it was.
        path: PathBuf,
        /// Where it is now.
        aside: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file was written by a newer version; it is left alone.
    #[error("{} has format version {found}, and this ringback knows up to {known}: upgrade ringback; the file was not touched", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The stored generation does not go with the one to be written.
    #[error("{} holds generation {stored}, so generation {new} was not written: something else changed the file", path.display())]
    Conflict {
        /// Which file.
        path: PathBuf,
        /// What it holds.
        stored: u64,
        /// What was to be written.
        new: u64,
    },
}
