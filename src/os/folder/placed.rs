//! A file of ours at a place that the user chose, in a folder that others may look into: replaced and removed through the
//! folder's own descriptor.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::error::{FileSystemFeature, FolderError};
use super::{file_system, trust};
use crate::os::private_file;

/// More than any content that we write.
const LIMIT: usize = 256 * 1024;

/// The place of a file, with its folder open.
#[derive(Debug)]
pub(crate) struct PlacedFile {
    folder: OwnedFd,
    path: PathBuf,
    name: OsString,
    /// Beside it, while it is written. The name is always the same, so that a crash leaves no more than one behind.
    temp: OsString,
}

/// What is at the place.
pub(crate) struct Content {
    /// At most some bytes more than any content of ours.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Its mode bits.
    pub(crate) mode: u32,
}

impl PlacedFile {
    /// Opens the folder of `path`, which has to be there. Refuses one in which another user could replace the file.
    pub(crate) fn at(path: &Path) -> Result<Self, FolderError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(FolderError::refuse(path, "is not the path of a file"));
        };
        trust::check_parents(path)?;
        // As it was checked: without the links above it.
        let parent = parent.canonicalize().map_err(|e| FolderError::io(parent, e))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&parent, flags, Mode::empty()).map_err(|e| FolderError::io(&parent, e))?;
        let mut temp = OsString::from(".");
        temp.push(name);
        temp.push(".ringback-tmp");
        Ok(Self { folder, path: path.to_owned(), name: name.to_owned(), temp })
    }

    /// What is there; `None` if there is nothing. Refuses a link, a pipe, and a file of another user.
    pub(crate) fn look(&self) -> Result<Option<Content>, FolderError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(&self.folder, &self.name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(self.refuse("is a symlink: name the file itself")),
            Err(Errno::NXIO) => return Err(self.refuse(trust::NOT_REGULAR)),
            Err(e) => return Err(self.io(e)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|e| self.io(e))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(self.refuse(trust::NOT_REGULAR));
        }
        trust::check_owner(&stat, &self.path)?;
        let size = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
        let bytes =
            private_file::read_wiped(File::from(fd), LIMIT, size).map_err(|e| FolderError::io(&self.path, e))?;
        Ok(Some(Content { bytes, mode: stat.st_mode & 0o7777 }))
    }

    /// Replaces it, durably and atomically, with this mode whatever the umask.
    pub(crate) fn replace(&self, bytes: &[u8], mode: u32) -> Result<(), FolderError> {
        self.unlink(&self.temp)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd =
            rustix::fs::openat(&self.folder, &self.temp, flags, Mode::RUSR | Mode::WUSR).map_err(|e| self.io(e))?;
        let written = self.fill(File::from(fd), bytes, mode).and_then(|()| {
            let (folder, name) = (&self.folder, &self.name);
            rustix::fs::renameat(folder, &self.temp, folder, name).map_err(|e| self.io(e))
        });
        if written.is_err() {
            // Without its content being durable, nobody is to find it.
            _ = self.unlink(&self.temp);
        }
        written?;
        self.sync()
    }

    fn fill(&self, mut file: File, bytes: &[u8], mode: u32) -> Result<(), FolderError> {
        let io = |e: std::io::Error| FolderError::io(&self.path, e);
        file.write_all(bytes).map_err(io)?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode)).map_err(|e| self.io(e))?;
        file.sync_all().map_err(io)
    }

    /// Deletes it, durably, and what a crash left beside it.
    pub(crate) fn remove(&self) -> Result<(), FolderError> {
        self.unlink(&self.temp)?;
        self.unlink(&self.name)?;
        self.sync()
    }

    fn unlink(&self, name: &OsStr) -> Result<(), FolderError> {
        match rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(self.io(e)),
        }
    }

    fn sync(&self) -> Result<(), FolderError> {
        rustix::fs::fsync(&self.folder)
            .map_err(|e| file_system::failed(FileSystemFeature::Sync, &self.path, &self.folder, e))
    }

    fn io(&self, error: Errno) -> FolderError {
        FolderError::io(&self.path, error)
    }

    fn refuse(&self, why: &str) -> FolderError {
        FolderError::refuse(&self.path, why)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "files of a test")]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_removed_with_what_a_crash_left() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("token");
        let file = PlacedFile::at(&path).unwrap();
        assert!(file.look().unwrap().is_none());
        let temp = root.path().join(".token.ringback-tmp");
        std::fs::write(&temp, "left behind").unwrap();
        for (content, mode) in [("one", 0o600), ("three", 0o640)] {
            file.replace(content.as_bytes(), mode).unwrap();
            let found = file.look().unwrap().unwrap();
            assert_eq!((found.bytes.as_slice(), found.mode), (content.as_bytes(), mode));
            assert!(!temp.exists());
        }
        std::fs::write(&temp, "left behind").unwrap();
        file.remove().unwrap();
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
        file.remove().unwrap();
    }

    #[test]
    fn what_is_not_a_file_of_ours_in_a_folder_of_ours_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::write(at("file"), "x").unwrap();
        symlink(at("file"), at("link")).unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        for name in ["link", "folder"] {
            assert!(PlacedFile::at(&at(name)).unwrap().look().is_err(), "{name}");
        }
        let missing = PlacedFile::at(&at("none/token")).unwrap_err().to_string();
        assert!(missing.contains("none") && missing.contains("No such file"), "{missing}");
        std::fs::create_dir(at("open")).unwrap();
        std::fs::set_permissions(at("open"), std::fs::Permissions::from_mode(0o777)).unwrap();
        let open = PlacedFile::at(&at("open/token")).unwrap_err().to_string();
        assert!(open.contains("other users"), "{open}");
    }
}
