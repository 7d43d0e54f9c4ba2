//! The files themselves: written, compared and deleted. Blocks on the disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::ledger::Ledger;
use crate::os::folder::error::FolderError;
use crate::os::folder::placed::PlacedFile;

/// A file as it should be.
pub(super) struct WantedFile {
    pub(super) account: String,
    pub(super) path: PathBuf,
    /// Of the token in it.
    pub(super) fingerprint: String,
    pub(super) content: Zeroizing<Vec<u8>>,
    pub(super) mode: u32,
}

/// The files that are there, or may be.
#[derive(Debug)]
pub(super) struct Files {
    ledger: Ledger,
    /// The daemon stops: nothing is written any more, also if that was begun before.
    ended: bool,
}

/// Why files are not as they should be, by path.
pub(super) type FileErrors = BTreeMap<PathBuf, String>;

const NOT_OURS: &str = "holds something that ringback did not write: move it away";

impl Files {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { ledger, ended: false }
    }

    /// Deletes the files of ours that are not `wanted`. What is no longer ours is left alone.
    pub(super) fn remove_others(&mut self, wanted: &[WantedFile]) -> FileErrors {
        let mut errors = FileErrors::new();
        for path in self.ledger.paths() {
            if wanted.iter().all(|file| file.path != path)
                && let Err(error) = self.remove(&path)
            {
                errors.insert(path, error.to_string());
            }
        }
        errors
    }

    fn remove(&mut self, path: &Path) -> Result<(), FolderError> {
        // Without its folder, it is gone as well. A folder that can't be looked at may be there.
        if path.parent().is_some_and(|folder| !matches!(folder.try_exists(), Ok(false))) {
            let file = PlacedFile::at(path)?;
            match file.look() {
                Ok(Some(found)) if self.ledger.has(path, &found.bytes) => file.remove()?,
                Ok(Some(_)) | Err(FolderError::Unsafe { .. }) => {
                    tracing::warn!("{} {NOT_OURS}; it is not deleted", path.display());
                }
                // With what a crash left beside it.
                Ok(None) => file.remove()?,
                Err(error) => return Err(error),
            }
        }
        self.ledger.forget(path)
    }

    /// Those that are not there yet, or whose content or mode differs.
    pub(super) fn stale(&self, wanted: Vec<WantedFile>) -> (Vec<WantedFile>, FileErrors) {
        let mut errors = FileErrors::new();
        let mut stale = Vec::new();
        for file in wanted {
            match self.is_stale(&file) {
                Ok(false) => {}
                Ok(true) => stale.push(file),
                Err(error) => _ = errors.insert(file.path, error.to_string()),
            }
        }
        (stale, errors)
    }

    fn is_stale(&self, file: &WantedFile) -> Result<bool, FolderError> {
        let Some(found) = PlacedFile::at(&file.path)?.look()? else { return Ok(true) };
        if !self.ledger.has(&file.path, &found.bytes) {
            return Err(FolderError::Unsafe { path: file.path.clone(), why: NOT_OURS.into(), fix: None });
        }
        Ok(found.mode != file.mode || *found.bytes != *file.content)
    }

    /// Deletes all of ours, and writes no more.
    pub(super) fn end(&mut self) -> FileErrors {
        self.ended = true;
        self.remove_others(&[])
    }

    /// Writes one that is stale.
    pub(super) fn write(&mut self, file: &WantedFile) -> Result<(), FolderError> {
        if self.ended {
            return Ok(());
        }
        let place = PlacedFile::at(&file.path)?;
        self.ledger.intend(&file.path, &file.content)?;
        place.replace(&file.content, file.mode)?;
        self.ledger.settle(&file.path, &file.content);
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "files of a test")]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            std::fs::create_dir(root.path().join("state")).unwrap();
            std::fs::set_permissions(root.path().join("state"), std::fs::Permissions::from_mode(0o700)).unwrap();
            Self(root)
        }

        fn files(&self) -> Files {
            Files::new(Ledger::open(&self.0.path().join("state")).unwrap())
        }

        fn wanted(&self, name: &str, content: &str) -> WantedFile {
            let content = Zeroizing::new(content.as_bytes().to_vec());
            let (account, path) = ("work".into(), self.0.path().join(name));
            WantedFile { account, path, fingerprint: String::new(), content, mode: 0o600 }
        }

        fn read(&self, name: &str) -> Option<String> {
            std::fs::read_to_string(self.0.path().join(name)).ok()
        }
    }

    fn settled(files: &mut Files, wanted: Vec<WantedFile>) -> (usize, FileErrors) {
        let mut errors = files.remove_others(&wanted);
        let (stale, more) = files.stale(wanted);
        errors.extend(more);
        for file in &stale {
            files.write(file).unwrap();
        }
        (stale.len(), errors)
    }

    #[test]
    fn files_are_written_when_they_differ_and_deleted_when_they_are_not_wanted() {
        let place = Place::new();
        let mut files = place.files();
        let both = || vec![place.wanted("a", "1"), place.wanted("b", "2")];
        assert_eq!(settled(&mut files, both()), (2, FileErrors::new()));
        assert_eq!(settled(&mut files, both()), (0, FileErrors::new()));
        std::fs::remove_file(place.0.path().join("a")).unwrap();
        std::fs::set_permissions(place.0.path().join("b"), std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(settled(&mut files, both()).0, 2, "one was deleted, the other open to others");
        // Another process goes on after a crash.
        let mut files = place.files();
        assert_eq!(settled(&mut files, vec![place.wanted("b", "3")]), (1, FileErrors::new()));
        assert_eq!((place.read("a"), place.read("b").as_deref()), (None, Some("3")));
        assert_eq!(settled(&mut files, both()).0, 2);
        assert_eq!(files.end(), FileErrors::new());
        files.write(&place.wanted("a", "late")).unwrap();
        assert_eq!((place.read("a"), place.read("b")), (None, None));
    }

    #[test]
    fn what_somebody_else_wrote_is_neither_overwritten_nor_deleted() {
        let place = Place::new();
        let mut files = place.files();
        std::fs::write(place.0.path().join("a"), "mine").unwrap();
        let (written, errors) = settled(&mut files, vec![place.wanted("a", "1")]);
        let told = errors.values().next().unwrap();
        assert!(written == 0 && told.contains("did not write"), "{told}");
        std::fs::remove_file(place.0.path().join("a")).unwrap();
        assert_eq!(settled(&mut files, vec![place.wanted("a", "1")]), (1, FileErrors::new()));
        std::fs::write(place.0.path().join("a"), "mine again").unwrap();
        assert_eq!(settled(&mut files, Vec::new()), (0, FileErrors::new()));
        assert_eq!(place.read("a").as_deref(), Some("mine again"));
    }

    #[test]
    fn a_file_in_a_folder_that_cannot_be_looked_at_is_not_forgotten() {
        let place = Place::new();
        let (folder, aside) = (place.0.path().join("folder"), place.0.path().join("aside"));
        std::fs::create_dir(&folder).unwrap();
        let mut files = place.files();
        assert_eq!(settled(&mut files, vec![place.wanted("folder/a", "1")]), (1, FileErrors::new()));
        std::fs::rename(&folder, &aside).unwrap();
        symlink(&folder, &folder).unwrap();
        assert_eq!(settled(&mut files, Vec::new()).1.len(), 1, "a link to itself leads nowhere");
        std::fs::remove_file(&folder).unwrap();
        std::fs::rename(&aside, &folder).unwrap();
        assert_eq!(settled(&mut files, Vec::new()), (0, FileErrors::new()));
        assert_eq!(place.read("folder/a"), None);
        assert!(files.ledger.paths().is_empty());
    }
}
