//! A private folder for the files of one program, in the runtime folder. It is deleted at the end; what a killed process
//! left behind, the next one deletes.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;
use crate::os::paths::Paths;

/// Where the folders are.
const ALL: &str = "exec";
/// Held by whoever makes a folder or deletes old ones.
const TURN: &str = ".turn";
/// In each folder, held by the process that it belongs to. No account has a name that begins with a dot.
const HELD: &str = ".held";

/// The folder. Clones share it; it is deleted when [`ExecFolder::end`] is called.
#[derive(Clone)]
pub(super) struct ExecFolder {
    open: Arc<Mutex<Option<OpenFolder>>>,
    folder: Folder,
}

struct OpenFolder {
    all: Folder,
    name: String,
    /// The lock on [`HELD`], which ends with this process.
    _held: File,
}

impl ExecFolder {
    /// Makes one, and deletes those that no process holds any longer.
    pub(super) fn make() -> Result<Self, Failure> {
        let paths = Paths::from_env(&|name| std::env::var_os(name), None).map_err(message::homeless)?;
        let runtime = Folder::open(&paths.runtime);
        runtime.and_then(|runtime| Self::make_in(&runtime)).map_err(message::no_exec_folder)
    }

    fn make_in(runtime: &Folder) -> Result<Self, FolderError> {
        let all = runtime.subfolder(ALL)?;
        let turn = lock_file(&all, TURN)?;
        turn.lock().map_err(|error| FolderError::io(all.file(TURN), error))?;
        for name in all.names()?.iter().filter(|name| !name.starts_with('.')) {
            let old = all.subfolder(name)?;
            if lock_file(&old, HELD)?.try_lock().is_ok() {
                delete(&all, name)?;
            }
        }
        let name = format!("{:032x}", rand::random::<u128>());
        let folder = all.subfolder(&name)?;
        let held = lock_file(&folder, HELD)?;
        held.lock().map_err(|error| FolderError::io(folder.file(HELD), error))?;
        let open = OpenFolder { all, name, _held: held };
        Ok(Self { open: Arc::new(Mutex::new(Some(open))), folder })
    }

    /// Where the file `name` is.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.file(name)
    }

    /// Replaces the file `name` at once; nothing, if the folder is deleted.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        // Held while it is written, so that nothing is written into a folder that is being deleted.
        let open = self.open();
        if open.is_none() {
            return Ok(());
        }
        self.folder.write(name, bytes).map_err(message::no_exec_folder)
    }

    /// Deletes it.
    pub(super) fn end(&self) {
        if let Some(OpenFolder { all, name, _held }) = self.open().take() {
            // If that fails, the next one deletes it.
            _ = delete(&all, &name);
        }
    }

    fn open(&self) -> MutexGuard<'_, Option<OpenFolder>> {
        // Taken as a whole or not at all, so a panic left nothing half done.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deletes a folder with its files.
fn delete(all: &Folder, name: &str) -> Result<(), FolderError> {
    let folder = all.subfolder(name)?;
    for file in folder.names()? {
        folder.remove(&file)?;
    }
    all.remove_subfolder(name)
}

fn lock_file(folder: &Folder, name: &str) -> Result<File, FolderError> {
    let file = folder.open_file(name, OFlags::RDWR | OFlags::CREATE)?;
    file.ok_or_else(|| FolderError::io(folder.file(name), std::io::ErrorKind::NotFound))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_is_deleted_at_its_end_and_one_that_was_left_behind_by_the_next() {
        let runtime = tempfile::tempdir().unwrap();
        std::fs::set_permissions(runtime.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let runtime = Folder::open(runtime.path()).unwrap();
        let make = || ExecFolder::make_in(&runtime).unwrap();
        let (first, second) = (make(), make());
        for folder in [&first, &second] {
            folder.write("work", b"canary").unwrap();
        }
        let mode = std::fs::metadata(first.file("work")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = first.clone();
        first.end();
        assert!(!first.file("work").exists() && !first.folder.path().exists() && second.file("work").exists());
        other.write("work", b"late").unwrap();
        assert!(!first.folder.path().exists(), "what is written too late is dropped");
        // As a process that is killed: the lock ends, the files stay.
        let path = second.file("work");
        drop(second);
        assert!(path.exists());
        let third = make();
        assert!(!path.exists());
        third.end();
        assert_eq!(runtime.subfolder(ALL).unwrap().names().unwrap(), [TURN]);
    }
}
