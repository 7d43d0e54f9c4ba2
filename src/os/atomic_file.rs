//! Whole files, written durably and at once: a crash leaves the old or the new one. For files in folders that others may
//! look into, such as the config's; the state folder has [`Folder`](super::folder::Folder).

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// Replaces the file at `path`; the new one has this mode.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    filled(path, bytes, mode)?.persist(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// Creates the file at `path`, readable by this user alone. Fails if something has that name.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    filled(path, bytes, 0o600)?.persist_noclobber(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// Creates the folder of `path` and those above it, for this user alone, if they are missing.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder(path))
}

fn filled(path: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    let mut temp = tempfile::Builder::new().prefix(".tmp-").tempfile_in(folder(path))?;
    temp.write_all(bytes)?;
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
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temp file is left");
    }
}
