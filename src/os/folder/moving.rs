//! Moves files between private folders, and overwrites files before their deletion.

use std::io::Write as _;

use rustix::fs::{AtFlags, OFlags};
use rustix::io::Errno;

use super::Folder;
use super::error::FolderError;

impl Folder {
    /// Moves the file `name` of this folder into `to`, under the name `new`, replacing what is there. Succeeds if there
    /// is none: an earlier attempt has moved it. Durable after [`Self::sync`] of both.
    pub(crate) fn move_file(&self, name: &str, to: &Self, new: &str) -> Result<(), FolderError> {
        match rustix::fs::renameat(&self.0.fd, name, &to.0.fd, new) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(FolderError::io(to.file(new), e)),
        }
    }

    /// Fails if [`Self::overwrite`] would, since the file can't be written. Succeeds if there is none.
    pub(crate) fn check_overwritable(&self, name: &str) -> Result<(), FolderError> {
        self.open_file(name, OFlags::RDWR).map(drop)
    }

    /// Overwrites the private file `name` with zeros. Succeeds if there is none. A copy-on-write file system, or a disk
    /// that works like that, keeps the old content nevertheless.
    pub(crate) fn overwrite(&self, name: &str) -> Result<(), FolderError> {
        let Some(mut file) = self.open_file(name, OFlags::RDWR)? else { return Ok(()) };
        let io = |e: std::io::Error| FolderError::io(self.file(name), e);
        let length = usize::try_from(file.metadata().map_err(io)?.len()).unwrap_or(usize::MAX);
        file.write_all(&vec![0; length]).and_then(|()| file.sync_all()).map_err(io)
    }

    /// Overwrites the private file `name` and deletes it, durably. Succeeds if there is none.
    pub(crate) fn wipe(&self, name: &str) -> Result<(), FolderError> {
        self.overwrite(name)?;
        self.remove(name)
    }

    /// Deletes the folder `name` in this one, which has to be empty, durably. Succeeds if there is none.
    pub(crate) fn remove_subfolder(&self, name: &str) -> Result<(), FolderError> {
        match rustix::fs::unlinkat(&self.0.fd, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => self.sync(),
            Err(e) => Err(FolderError::io(self.file(name), e)),
        }
    }
}
