//! Private folders: everything in them is reached through the folder's own descriptor, never through a path that
//! somebody could swap in between (docs/security.md, rule 32: symlink, hard link and temp file races).

pub(crate) mod error;
pub(crate) mod file_system;
mod moving;
pub(crate) mod placed;
pub(crate) mod trust;

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::mode_fix::ModeFix;
use super::private_file;
use error::{FileSystemFeature, FolderError};

/// The prefix of temp files. A crash leaves some behind, which [`Folder::remove_leftovers`] finds by it.
const TEMP: &str = ".tmp-";

/// An open folder that belongs to this user and that nobody else has access to. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Folder(Arc<FolderInner>);

#[derive(Debug)]
struct FolderInner {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens the folder at `path`, creating it and its missing parents (0700). Refuses one that is a symlink, belongs
    /// to somebody else or is open to others, and one below a folder in which other users could replace it.
    pub(crate) fn open(path: &Path) -> Result<Self, FolderError> {
        // Without this, the system would follow a symlink because of a trailing slash.
        let path: PathBuf = path.components().collect();
        let made = make(&path)?;
        trust::check_parents(&path)?;
        let fd = rustix::fs::open(&path, FOLDER, Mode::empty()).map_err(|e| not_a_folder(&path, e))?;
        let folder = Self::checked(fd, path, made)?;
        if matches!(made, Made::Now) {
            // Durable files are of no use if the folder itself is not durable.
            let parent = rustix::fs::openat(&folder.0.fd, "..", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
            let synced = parent.and_then(rustix::fs::fsync);
            synced.map_err(|e| file_system::failed(FileSystemFeature::Sync, folder.path(), &folder.0.fd, e))?;
        }
        Ok(folder)
    }

    /// The folder `name` in this one, created if it doesn't exist.
    pub(crate) fn subfolder(&self, name: &str) -> Result<Self, FolderError> {
        let path = self.file(name);
        let made = match rustix::fs::mkdirat(&self.0.fd, name, Mode::RWXU) {
            Ok(()) => Made::Now,
            Err(Errno::EXIST) => Made::Before,
            Err(e) => return Err(FolderError::io(path, e)),
        };
        let fd = rustix::fs::openat(&self.0.fd, name, FOLDER, Mode::empty()).map_err(|e| not_a_folder(&path, e))?;
        let folder = Self::checked(fd, path, made)?;
        if matches!(made, Made::Now) {
            self.sync()?;
        }
        Ok(folder)
    }

    fn checked(fd: OwnedFd, path: PathBuf, made: Made) -> Result<Self, FolderError> {
        let stat = rustix::fs::fstat(&fd).map_err(|e| FolderError::io(&path, e))?;
        trust::check_owner(&stat, &path)?;
        trust::check_mode(&stat, &path, "700").map_err(|e| e.fixed_by(ModeFix::new(&path, &fd)))?;
        if matches!(made, Made::Now) {
            // Created with 0700 or less: the umask may have removed bits of the owner. It never adds any for others.
            rustix::fs::fchmod(&fd, Mode::RWXU).map_err(|e| FolderError::io(&path, e))?;
        }
        Ok(Self(Arc::new(FolderInner { fd, path })))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Where the file `name` is, for messages.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path.join(name)
    }

    /// Opens the private file `name`; `None` if there is none. `more` is added to the flags for reading. Refuses
    /// anything but a regular file of this user, 0600, with this one name.
    pub(crate) fn open_file(&self, name: &str, more: OFlags) -> Result<Option<File>, FolderError> {
        let path = self.file(name);
        // Non-blocking, so that a pipe put in its place can't hold the daemon up.
        let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | more;
        let fd = match rustix::fs::openat(&self.0.fd, name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(FolderError::refuse(path, "is a symlink: replace it by the file itself")),
            Err(Errno::ISDIR | Errno::NXIO) => return Err(FolderError::refuse(path, trust::NOT_REGULAR)),
            Err(e) => return Err(FolderError::io(path, e)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|e| FolderError::io(&path, e))?;
        trust::check_file(&stat, &path)?;
        trust::check_mode(&stat, &path, "600").map_err(|e| e.fixed_by(ModeFix::new(&path, &fd)))?;
        Ok(Some(File::from(fd)))
    }

    /// The content of the private file `name`, at most `limit` bytes and one more (so that the caller sees that it is
    /// too long); `None` if there is none.
    pub(crate) fn read(&self, name: &str, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, FolderError> {
        let Some(file) = self.open_file(name, OFlags::RDONLY)? else { return Ok(None) };
        let io = |e: std::io::Error| FolderError::io(self.file(name), e);
        let size = usize::try_from(file.metadata().map_err(io)?.len()).unwrap_or(usize::MAX);
        let bytes = private_file::read_wiped(file, limit, size).map_err(io)?;
        Ok(Some(bytes))
    }

    /// Replaces the file `name` (0600), durably and atomically: a crash leaves the old or the new one.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let mut temp = self.temp()?;
        temp.fill(bytes)?;
        temp.rename(name)?;
        self.sync()
    }

    /// Creates the file `name` (0600), durably and atomically. Fails if something has that name.
    pub(crate) fn create(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let mut temp = self.temp()?;
        temp.fill(bytes)?;
        if !self.rename_to_new(&temp.name, name)? {
            return Err(FolderError::io(self.file(name), Errno::EXIST));
        }
        temp.renamed = true;
        self.sync()
    }

    /// An empty temp file (0600) with a name that can't be guessed.
    pub(crate) fn temp(&self) -> Result<Temp, FolderError> {
        let name = format!("{TEMP}{:032x}", rand::random::<u128>());
        let path = self.file(&name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let fd = rustix::fs::openat(&self.0.fd, &name, flags, mode).map_err(|e| FolderError::io(&path, e))?;
        let temp = Temp { folder: self.clone(), name, file: File::from(fd), is_empty: true, renamed: false };
        rustix::fs::fchmod(&temp.file, mode).map_err(|e| FolderError::io(&path, e))?;
        Ok(temp)
    }

    /// Renames `from` to `to` unless something has that name; returns whether it did.
    pub(crate) fn rename_to_new(&self, from: &str, to: &str) -> Result<bool, FolderError> {
        let fd = &self.0.fd;
        #[cfg(target_os = "linux")]
        match rustix::fs::renameat_with(fd, from, fd, to, rustix::fs::RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(true),
            Err(Errno::EXIST) => return Ok(false),
            // This file system can't do it atomically.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            Err(e) => return Err(FolderError::io(self.file(from), e)),
        }
        // Two steps are enough: the folder is private, and one daemon holds it.
        match rustix::fs::statat(fd, to, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => return Ok(false),
            Err(Errno::NOENT) => {}
            Err(e) => return Err(FolderError::io(self.file(to), e)),
        }
        rustix::fs::renameat(fd, from, fd, to).map_err(|e| FolderError::io(self.file(from), e))?;
        Ok(true)
    }

    /// Deletes the file `name`, durably. Succeeds if there is none.
    pub(crate) fn remove(&self, name: &str) -> Result<(), FolderError> {
        match rustix::fs::unlinkat(&self.0.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => self.sync(),
            Err(e) => Err(FolderError::io(self.file(name), e)),
        }
    }

    /// The names in it, except those that are not UTF-8, which ringback does not create.
    pub(crate) fn names(&self) -> Result<Vec<String>, FolderError> {
        let io = |e: Errno| FolderError::io(self.path(), e);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0.fd).map_err(io)? {
            if let Ok(name) = entry.map_err(io)?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        names.retain(|name| name != "." && name != "..");
        Ok(names)
    }

    /// Deletes what a crash left behind. Only for the process that holds the folder.
    pub(crate) fn remove_leftovers(&self) -> Result<(), FolderError> {
        for name in self.names()?.iter().filter(|name| name.starts_with(TEMP)) {
            self.remove(name)?;
        }
        Ok(())
    }

    /// Makes renames and deletions in it durable.
    pub(crate) fn sync(&self) -> Result<(), FolderError> {
        rustix::fs::fsync(&self.0.fd)
            .map_err(|e| file_system::failed(FileSystemFeature::Sync, self.path(), &self.0.fd, e))
    }
}

/// A temp file; deleted when dropped, unless it was renamed.
#[derive(Debug)]
pub(crate) struct Temp {
    folder: Folder,
    name: String,
    file: File,
    /// Nothing was written or reserved yet.
    is_empty: bool,
    renamed: bool,
}

impl Temp {
    /// Makes sure that `size` bytes can be written to it later, even if the disk fills up in the meantime.
    pub(crate) fn reserve(&mut self, size: u64) -> Result<(), FolderError> {
        self.is_empty = false;
        match rustix::fs::fallocate(&self.file, rustix::fs::FallocateFlags::empty(), 0, size) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
            // The space is this file's from now on (`fallocate(2)`). A crash deletes it, so it need not be durable.
            result => return result.map_err(|e| FolderError::io(self.folder.path(), e)),
        }
        // The next best: occupy the space by writing. Only a sync tells whether there is any.
        let zeros = vec![0; usize::try_from(size).unwrap_or(0)];
        self.file.write_all(&zeros).map_err(|e| FolderError::io(self.folder.path(), e))?;
        self.file
            .sync_all()
            .map_err(|e| file_system::failed(FileSystemFeature::Sync, self.folder.path(), &self.file, e))
    }

    /// Replaces its content with `bytes`, durably.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> Result<(), FolderError> {
        use std::os::unix::fs::FileExt;
        let cut = || if self.is_empty { Ok(()) } else { self.file.set_len(bytes.len() as u64) };
        let result = self.file.write_all_at(bytes, 0).and_then(|()| cut()).and_then(|()| self.file.sync_all());
        self.is_empty = false;
        // The error names the folder: the temp name means nothing to users.
        result.map_err(|e| file_system::failed(FileSystemFeature::Sync, self.folder.path(), &self.file, e))
    }

    /// Renames it to `name`, replacing what is there. Durable after [`Folder::sync`].
    pub(crate) fn rename(mut self, name: &str) -> Result<(), FolderError> {
        let fd = &self.folder.0.fd;
        rustix::fs::renameat(fd, &self.name, fd, name).map_err(|e| FolderError::io(self.folder.file(name), e))?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.renamed {
            // If this fails, the next start removes it.
            let _ = rustix::fs::unlinkat(&self.folder.0.fd, &self.name, AtFlags::empty());
        }
    }
}

/// Whether a folder existed before.
#[derive(Clone, Copy)]
enum Made {
    Now,
    Before,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn make(path: &Path) -> Result<Made, FolderError> {
    use std::os::unix::fs::DirBuilderExt;
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        // 0700 for parents too, as the XDG base directory specification requires.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(|e| FolderError::io(parent, e))?;
    }
    match rustix::fs::mkdir(path, Mode::RWXU) {
        Ok(()) => Ok(Made::Now),
        Err(Errno::EXIST) => Ok(Made::Before),
        Err(e) => Err(FolderError::io(path, e)),
    }
}

fn not_a_folder(path: &Path, error: Errno) -> FolderError {
    match error {
        // For a symlink in place of a folder, Linux reports ENOTDIR, others ELOOP.
        Errno::LOOP | Errno::NOTDIR => FolderError::refuse(path, "is a symlink or a file: it must be a folder"),
        e => FolderError::io(path, e),
    }
}
