//! The lock of the state folder: one process at a time holds it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use rustix::fs::OFlags;

use crate::contract::is_name;
use crate::os::folder::Folder;
use crate::os::folder::error::FileSystemFeature;
use crate::os::folder::file_system;
use crate::os::holder::{COMMAND, LOCK, read_pid};
use crate::store::StoreError;
use crate::store::file_name::{SUFFIX, io};
use crate::store::key::source::Start;

const ACCOUNTS: &str = "accounts";

/// The state folder, held by this process. Dropping it releases the folder.
#[derive(Debug)]
pub struct StateLock {
    pub(in crate::store) folder: Folder,
    pub(super) accounts: Folder,
    file: File,
}

impl StateLock {
    /// Creates (0700) or checks the folder at `path` and holds it; [`StoreError::InUse`] if another process does.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        let folder = Folder::open(path)?;
        let Some(mut file) = folder.open_file(LOCK, OFlags::RDWR | OFlags::CREATE)? else {
            return Err(io(folder.file(LOCK), &"it disappeared while it was being opened"));
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { folder: folder.path().into(), pid: read_pid(&file) });
            }
            Err(std::fs::TryLockError::Error(e)) => {
                return Err(file_system::failed(FileSystemFeature::Lock, folder.file(LOCK), &file, e).into());
            }
        }
        // For users, and for the second daemon's error message; the lock itself is the kernel's.
        let pid = format!("{}\n", std::process::id());
        file.set_len(0).and_then(|()| file.write_all(pid.as_bytes())).map_err(|e| io(folder.file(LOCK), &e))?;
        let accounts = folder.subfolder(ACCOUNTS)?;
        for held in [&folder, &accounts] {
            held.remove_leftovers()?;
        }
        Ok(Self { folder, accounts, file })
    }

    /// The same for a command, which clients then do not take for the daemon.
    pub(crate) fn of_command(mut self) -> Result<Self, StoreError> {
        let written = self.file.write_all(format!("{COMMAND}\n").as_bytes());
        written.map_err(|e| io(self.folder.file(LOCK), &e))?;
        Ok(self)
    }

    /// The accounts with a stored record, sorted.
    pub(crate) fn accounts(&self) -> Result<Vec<String>, StoreError> {
        let mut names = self.accounts.names()?;
        names.retain_mut(|name| {
            name.truncate(name.strip_suffix(SUFFIX).map_or(0, str::len));
            is_name(name)
        });
        names.sort_unstable();
        Ok(names)
    }

    /// Whether a master key may be made.
    pub(in crate::store) fn which_start(&self) -> Result<Start, StoreError> {
        Ok(if self.accounts()?.is_empty() { Start::First } else { Start::Later })
    }
}

impl Drop for StateLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a forked child that has not called exec yet holds a copy. If this fails, the
        // lock ends with the process.
        let _ = self.file.unlock();
    }
}
