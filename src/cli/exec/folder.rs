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
        let _turn = turn(&all)?;
        for name in all.names()?.iter().filter(|name| !name.starts_with('.')) {
            // One that can't be deleted does not keep programs from being started.
            _ = remove_if_left(&all, name);
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
            let _turn = turn(&all);
            _ = delete(&all, &name);
        }
    }

    fn open(&self) -> MutexGuard<'_, Option<OpenFolder>> {
        // Taken as a whole or not at all, so a panic left nothing half done.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for one's turn, which ends when the file is dropped.
fn turn(all: &Folder) -> Result<File, FolderError> {
    let file = lock_file(all, TURN)?;
    file.lock().map_err(|error| FolderError::io(all.file(TURN), error))?;
    Ok(file)
}

/// Deletes a folder that no process holds any longer.
fn remove_if_left(all: &Folder, name: &str) -> Result<(), FolderError> {
    let held = lock_file(&all.subfolder(name)?, HELD)?;
    if held.try_lock().is_ok() { delete(all, name) } else { Ok(()) }
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
    use std::path::Path;

    use super::*;

    fn runtime() -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().unwrap();
        set_mode(root.path(), 0o700);
        let runtime = Folder::open(root.path()).unwrap();
        (root, runtime)
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_is_deleted_at_its_end_and_one_that_was_left_behind_by_the_next() {
        let (_root, runtime) = runtime();
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
    #[test]
    fn a_folder_that_is_left_and_open_to_others_stops_no_start() {
        let (_root, runtime) = runtime();
        let first = ExecFolder::make_in(&runtime).unwrap();
        let left = first.folder.path().to_owned();
        drop(first);
        set_mode(&left, 0o755);
        let second = ExecFolder::make_in(&runtime).unwrap();
        assert!(left.exists(), "it is not ours to judge");
        set_mode(&left, 0o700);
        second.end();
        ExecFolder::make_in(&runtime).unwrap().end();
        assert!(!left.exists());
    }

    #[test]
    fn folders_begin_while_others_end() {
        let (_root, runtime) = runtime();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let folder = ExecFolder::make_in(&runtime).unwrap();
                        folder.write("work", b"canary").unwrap();
                        folder.end();
                    }
                });
            }
        });
        assert_eq!(runtime.subfolder(ALL).unwrap().names().unwrap(), [TURN]);
    }
}
