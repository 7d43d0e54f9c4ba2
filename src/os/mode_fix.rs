//! Closes a file or folder that is open to others: decided on what was checked while it was open, and done to that very
//! file or folder, never through a link (docs/security.md, rule 32).

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::private_file::{OTHERS, own_uid};

/// The name that a folder of ringback has in its usual places.
const OURS: &str = "ringback";
/// All permission bits.
const BITS: u32 = 0o7777;

/// The change of mode by which a file or folder becomes this user's alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeFix {
    path: PathBuf,
    id: FileId,
    before: u32,
    after: u32,
}

/// By which a file is recognised, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId(rustix::fs::Dev, u64);

impl FileId {
    fn of(stat: &Stat) -> Self {
        Self(stat.st_dev, stat.st_ino)
    }
}

impl ModeFix {
    /// For what is open as `checked`, and was found at `path` open to others. `None` where it is not this user's to close,
    /// or where that may not be meant: `path` is a link, the file has a second name, or the folder may have another use.
    pub(crate) fn new(path: &Path, checked: &impl AsFd) -> Option<Self> {
        let stat = rustix::fs::fstat(checked).ok()?;
        let named = rustix::fs::lstat(path).ok()?;
        if FileId::of(&named) != FileId::of(&stat) || stat.st_uid != own_uid() {
            return None;
        }
        let after = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if stat.st_nlink == 1 => 0o600,
            FileType::Directory if is_of_ringback(path, checked) => 0o700,
            _ => return None,
        };
        Some(Self { path: path.to_owned(), id: FileId::of(&stat), before: stat.st_mode & BITS, after })
    }

    /// Changes the mode, if `path` still is what was checked.
    pub(crate) fn apply(&self) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match rustix::fs::open(&self.path, flags, Mode::empty()) {
            Err(Errno::LOOP) => return Err(io::Error::other("it is a symbolic link by now")),
            opened => opened?,
        };
        let stat = rustix::fs::fstat(&fd)?;
        let is_same = FileId::of(&stat) == self.id && stat.st_mode & BITS == self.before && stat.st_uid == own_uid();
        if !is_same {
            return Err(io::Error::other("it was changed by another program meanwhile"));
        }
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(self.after))?;
        // A file system without modes says yes to every change.
        if rustix::fs::fstat(&fd)?.st_mode & OTHERS != 0 {
            return Err(io::Error::other("its file system does not keep the mode"));
        }
        Ok(())
    }

    /// Whether others could change it, so that its owner has to look at what is in it.
    pub(crate) fn others_could_write(&self) -> bool {
        self.before & 0o022 != 0
    }

    /// The file or folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for ModeFix {
    /// `mode of PATH: 0644 -> 0600`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mode of {}: {:04o} -> {:04o}", self.path.display(), self.before, self.after)
    }
}

/// Whether closing the folder takes nothing from anybody else: it has ringback's name, nobody else gets to it anyway, or
/// it has nothing but sockets in it.
fn is_of_ringback(path: &Path, folder: &impl AsFd) -> bool {
    let is_named = path.file_name().is_some_and(|name| name == OURS);
    is_named || is_enclosed(folder) || has_sockets_only(folder)
}

fn is_enclosed(folder: &impl AsFd) -> bool {
    let above = rustix::fs::statat(folder, "..", AtFlags::SYMLINK_NOFOLLOW);
    above.is_ok_and(|above| above.st_mode & OTHERS == 0)
}

fn has_sockets_only(folder: &impl AsFd) -> bool {
    let is_socket = |entry: rustix::io::Result<rustix::fs::DirEntry>| {
        let Ok(entry) = entry else { return false };
        let name = entry.file_name();
        let stat = || rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
        name == c"." || name == c".." || stat().is_ok_and(|s| FileType::from_raw_mode(s.st_mode) == FileType::Socket)
    };
    Dir::read_from(folder).is_ok_and(|mut entries| entries.all(is_socket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::os::unix::net::UnixListener;

    fn put(path: &Path, mode: u32) {
        File::create(path).unwrap();
        set(path, mode);
    }

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    /// The fix for what `path` leads to.
    fn fix(path: &Path) -> Option<ModeFix> {
        ModeFix::new(path, &File::open(path).unwrap())
    }

    /// An open folder that others can look into.
    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        set(root.path(), 0o755);
        root
    }

    #[test]
    fn a_file_is_closed_unless_it_has_another_name() {
        let root = root();
        let (path, link) = (root.path().join("secret"), root.path().join("link"));
        put(&path, 0o644);
        let found = fix(&path).unwrap();
        assert!(!found.others_could_write());
        assert_eq!(found.to_string(), format!("mode of {}: 0644 -> 0600", path.display()));
        found.apply().unwrap();
        assert_eq!(mode(&path), 0o600);
        set(&path, 0o664);
        assert!(fix(&path).unwrap().others_could_write());
        symlink(&path, &link).unwrap();
        assert_eq!(fix(&link), None, "what a link leads to stays");
        std::fs::hard_link(&path, root.path().join("second")).unwrap();
        assert_eq!(fix(&path), None);
    }

    #[test]
    fn only_what_was_checked_is_closed() {
        let root = root();
        let (path, other) = (root.path().join("secret"), root.path().join("other"));
        put(&path, 0o644);
        put(&other, 0o644);
        let found = fix(&path).unwrap();
        set(&path, 0o640);
        assert!(found.apply().unwrap_err().to_string().contains("meanwhile"), "its mode is another");
        std::fs::remove_file(&path).unwrap();
        assert!(found.apply().is_err(), "it is gone");
        symlink(&other, &path).unwrap();
        assert!(found.apply().unwrap_err().to_string().contains("symbolic link"));
        std::fs::remove_file(&path).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(found.apply().unwrap_err().to_string().contains("meanwhile"), "it is another file");
        assert_eq!(mode(&path), 0o644);
    }

    #[test]
    fn a_folder_is_closed_if_nobody_else_can_have_a_use_for_it() {
        let root = root();
        let folder = root.path().join("any");
        std::fs::create_dir(&folder).unwrap();
        set(&folder, 0o755);
        assert!(fix(&folder).is_some(), "it is empty");
        let _socket = UnixListener::bind(folder.join("s")).unwrap();
        assert!(fix(&folder).is_some(), "a socket");
        put(&folder.join("photo"), 0o600);
        assert_eq!(fix(&folder), None);
        set(root.path(), 0o700);
        assert!(fix(&folder).is_some(), "nobody else gets there");
        set(root.path(), 0o755);
        let named = root.path().join("ringback");
        std::fs::rename(&folder, &named).unwrap();
        fix(&named).unwrap().apply().unwrap();
        assert_eq!(mode(&named), 0o700);
    }
}
