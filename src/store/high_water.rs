//! Rollback detection. The high-water mark of an account is the generation that was written last, kept outside the
//! state folder. It tells a restored older state folder from the newest one, before its refresh token is sent.
//!
//! A mark is set once the record is durable. So a crash may leave one that is too low, which has no effect: only a mark
//! above the stored generation has. If a mark can't be read or written, nothing else fails.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;

/// In the cache folder: a folder for each state folder, and in that a file for each account.
const FOLDER: &str = "generations";
/// Highest mark that is believed. No account gets that far, and counting can go on from there.
const HIGHEST: u64 = 1 << 52;
/// Length of [`HIGHEST`] with its line feed, in bytes.
const LONGEST: usize = 17;

/// The marks of one state folder.
#[derive(Debug)]
pub(super) struct HighWaterMarks {
    /// The daemon's cache folder; `None`: the environment names none.
    cache: Option<PathBuf>,
    /// The name of this state folder's own folder in [`FOLDER`].
    name: String,
    /// Opened when it is first needed, and again if it was deleted since: users clear caches.
    open: Mutex<Option<Folder>>,
    /// Whether a warning that no marks can be kept was logged.
    told: AtomicBool,
}

impl HighWaterMarks {
    /// The marks of the state folder at `state`, below the daemon's cache folder. Only for the process that holds
    /// `state`.
    pub(super) fn of(state: &Path, cache: Option<&Path>) -> Self {
        // Named by path, not by anything in the folder: one that is deleted and created again counts on from the mark,
        // and the old one stays the older of the two. Named by machine, too: several may share a home folder, and each
        // have its own `store.folder` at the same path.
        let path = state.canonicalize().unwrap_or_else(|_| state.to_owned());
        let machine = std::fs::read("/etc/machine-id").unwrap_or_default();
        let digest = Sha256::new().chain_update(machine).chain_update([0]).chain_update(path.as_os_str().as_bytes());
        let name = digest.finalize().first_chunk().map_or(0, |head| u128::from_be_bytes(*head));
        let marks = Self {
            cache: cache.map(Path::to_owned),
            name: format!("{name:032x}"),
            open: Mutex::default(),
            told: AtomicBool::default(),
        };
        // Left over from a crash; if this fails, the next start tries again.
        _ = marks.folder().map(|folder| folder.remove_leftovers());
        marks
    }

    /// The mark of `account`; 0 if there is none, or none that can be read.
    pub(super) fn get(&self, account: &str) -> u64 {
        let folder = match self.folder() {
            Ok(folder) => folder,
            Err(why) => {
                self.tell(&why);
                return 0;
            }
        };
        let mark = match folder.read(account, LONGEST) {
            Ok(None) => return 0,
            Ok(Some(bytes)) => parse(&bytes).ok_or_else(|| format!("{} is damaged", folder.file(account).display())),
            Err(error) => Err(text(&error)),
        };
        mark.unwrap_or_else(|why| {
            tracing::warn!(account, "its high-water mark is ignored: {why}");
            0
        })
    }

    /// Sets the mark of `account`, whose record of this generation is durable. May lower it: the record that was
    /// written last is the newest, even if a mark that could not be read before says otherwise.
    pub(super) fn set(&self, account: &str, generation: u64) {
        let line = format!("{generation}\n");
        let write = || self.folder()?.write(account, line.as_bytes()).map_err(|error| text(&error));
        let written = write().or_else(|_| {
            *self.open.lock().unwrap_or_else(PoisonError::into_inner) = None;
            write()
        });
        if let Err(why) = written {
            self.tell(&why);
        }
    }

    /// The error is one clause.
    fn folder(&self) -> Result<Folder, String> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = &*open {
            return Ok(folder.clone());
        }
        let cache = self.cache.as_ref().ok_or("neither HOME nor XDG_CACHE_HOME is set")?;
        let made = Folder::open(cache).and_then(|cache| cache.subfolder(FOLDER)?.subfolder(&self.name));
        Ok(open.insert(made.map_err(|error| text(&error))?).clone())
    }

    /// Logs only once: it would be the same for every account and every refresh.
    fn tell(&self, why: &str) {
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the high-water mark can't be stored, so an older state folder that is restored may not be detected: {why}"
            );
        }
    }
}

fn text(error: &FolderError) -> String {
    error.to_string()
}

/// The generation that a mark holds.
fn parse(bytes: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(bytes.strip_suffix(b"\n")?).ok()?;
    let generation = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    (generation <= HIGHEST).then_some(generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_plausible_number_in_a_line_of_its_own() {
        for (bytes, expected) in [
            (&b"57\n"[..], Some(57)),
            (b"0\n", Some(0)),
            (b"4503599627370496\n", Some(HIGHEST)),
            (b"4503599627370497\n", None),
            (b"57", None),
            (b"", None),
            (b"\n", None),
            (b"+57\n", None),
            (b"-57\n", None),
            (b" 57\n", None),
            (b"57\n58\n", None),
            (b"5\x007\n", None),
            (b"\xff\n", None),
            (b"99999999999999999\n", None),
        ] {
            assert_eq!(parse(bytes), expected, "{bytes:?}");
        }
        assert_eq!(LONGEST, format!("{HIGHEST}\n").len());
    }
}
