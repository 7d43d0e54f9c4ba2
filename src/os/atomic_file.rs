//! Whole files, written durably and at once: a crash leaves the old or the new one. For files in folders that others may
//! look into, such as the config's; the state folder has [`Folder`](super::folder::Folder).

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::Gid;
use tempfile::NamedTempFile;

/// Replaces the file at `path`. The new one has this mode and, if there was one, its group; where that can't be given, the
/// group gets no access.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let group = path.symlink_metadata().ok().map(|before| before.gid());
    filled(path, bytes, mode, group)?.persist(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// Creates the file at `path`, readable by this user alone. Fails if something has that name.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    filled(path, bytes, 0o600, None)?.persist_noclobber(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// Creates the folder of `path` and those above it, for this user alone, if they are missing.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder(path))
}

fn filled(path: &Path, bytes: &[u8], mode: u32, group: Option<u32>) -> io::Result<NamedTempFile> {
    let mut temp = tempfile::Builder::new().prefix(".tmp-").tempfile_in(folder(path))?;
    temp.write_all(bytes)?;
    let own = temp.as_file().metadata()?.gid();
    let other = group.filter(|group| *group != own).map(Gid::from_raw);
    let given = other.is_none_or(|group| rustix::fs::fchown(temp.as_file(), None, Some(group)).is_ok());
    let mode = if given { mode } else { mode & !0o070 };
    temp.as_file().set_permissions(Permissions::from_mode(mode))?;
    temp.as_file().sync_all()?;
    Ok(temp)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_created_only_once() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/file");
        create_folder(&path).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        create(&path, b"one").unwrap();
        assert_eq!(create(&path, b"two").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!((std::fs::read(&path).unwrap().as_slice(), mode(&path)), (&b"one"[..], 0o600));
        replace(&path, b"three", 0o640).unwrap();
        assert_eq!((std::fs::read(&path).unwrap().as_slice(), mode(&path)), (&b"three"[..], 0o640));
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, None, Some(4711)).unwrap();
            replace(&path, b"four", 0o640).unwrap();
            let after = path.metadata().unwrap();
            assert_eq!((after.gid(), after.mode() & 0o777), (4711, 0o640), "the group can still read it");
        }
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temp file is left");
    }
}
