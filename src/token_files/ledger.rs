//! `token-files.json` in the state folder: which token files are ours, by path and by the SHA-256 of what was written. So
//! a file that somebody else put there is never overwritten or deleted, and one that a crash left is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;

const FILE: &str = "token-files.json";
/// Room for some thousand files.
const LIMIT: usize = 1024 * 1024;
const VERSION: u32 = 1;

/// The files that were written and not deleted since, also by earlier processes.
#[derive(Debug)]
pub(super) struct Ledger {
    folder: Folder,
    files: BTreeMap<PathBuf, BTreeSet<String>>,
}

#[derive(Serialize, Deserialize)]
struct LedgerDocument {
    version: u32,
    /// By path, the SHA-256 of each content that it may have.
    files: BTreeMap<PathBuf, BTreeSet<String>>,
}

impl Ledger {
    /// Reads it. One that can't be understood is taken for empty: then files of before are told to be somebody else's.
    pub(super) fn open(state: &Path) -> Result<Self, FolderError> {
        let folder = Folder::open(state)?;
        let found = folder.read(FILE, LIMIT)?;
        let read =
            |bytes: &[u8]| serde_json::from_slice(bytes).ok().filter(|read: &LedgerDocument| read.version == VERSION);
        let files = match found.map(|bytes| read(&bytes)) {
            None => BTreeMap::new(),
            Some(Some(document)) => document.files,
            Some(None) => {
                let path = folder.file(FILE);
                tracing::warn!("{} can't be understood: token files of before are not deleted", path.display());
                BTreeMap::new()
            }
        };
        Ok(Self { folder, files })
    }

    /// The files that may be there.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.files.keys().cloned().collect()
    }

    /// Whether we wrote this content there.
    pub(super) fn has(&self, path: &Path, content: &[u8]) -> bool {
        self.files.get(path).is_some_and(|hashes| hashes.contains(&hash(content)))
    }

    /// Before it is written: `content` is going to be there, and the earlier one still may be.
    pub(super) fn intend(&mut self, path: &Path, content: &[u8]) -> Result<(), FolderError> {
        self.files.entry(path.to_owned()).or_default().insert(hash(content));
        self.save()
    }

    /// After it was written: nothing else of ours is there. On disk with the next change.
    pub(super) fn settle(&mut self, path: &Path, content: &[u8]) {
        self.files.insert(path.to_owned(), BTreeSet::from([hash(content)]));
    }

    /// After it was deleted, or turned out not to be ours.
    pub(super) fn forget(&mut self, path: &Path) -> Result<(), FolderError> {
        self.files.remove(path);
        self.save()
    }

    fn save(&self) -> Result<(), FolderError> {
        if self.files.is_empty() {
            return self.folder.remove(FILE);
        }
        let document = LedgerDocument { version: VERSION, files: self.files.clone() };
        // Paths of the config are text, so this does not fail.
        self.folder.write(FILE, &serde_json::to_vec_pretty(&document).unwrap_or_default())
    }
}

fn hash(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a `String` does not fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "files of a test")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_was_intended_or_written_is_ours_after_a_crash_and_nothing_else() {
        let state = tempfile::tempdir().unwrap();
        std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let open = || Ledger::open(state.path()).unwrap();
        let path = Path::new("/run/x/token");
        let mut ledger = open();
        ledger.intend(path, b"one").unwrap();
        ledger.settle(path, b"one");
        ledger.intend(path, b"two").unwrap();
        let after_crash = open();
        assert!(after_crash.has(path, b"one") && after_crash.has(path, b"two") && !after_crash.has(path, b"three"));
        ledger.settle(path, b"two");
        assert!(ledger.has(path, b"two") && !ledger.has(path, b"one"));
        let text = std::fs::read_to_string(state.path().join(FILE)).unwrap();
        assert!(text.contains("/run/x/token") && !text.contains("two"), "{text}");
        ledger.forget(path).unwrap();
        assert!(open().paths().is_empty() && !state.path().join(FILE).exists());
        std::fs::write(state.path().join(FILE), "{}").unwrap();
        std::fs::set_permissions(state.path().join(FILE), std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(open().paths().is_empty());
    }
}
