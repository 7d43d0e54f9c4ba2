//! Errors of the list of apps and of the default app's key file.

use std::path::PathBuf;

use crate::os::folder::error::FolderError;

/// Why apps can't be read, created or changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppsError {
    /// A file or folder can't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The system provides no randomness.
    #[error("a key could not be generated: {0}")]
    Random(String),
    /// A file has unexpected content.
    #[error("{}: {why}; it was left unchanged: fix it, or move it away", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is an app of that name already.
    #[error("there is already an app `{0}`: `ringback app rotate {0}` gives it a new key")]
    Exists(String),
    /// There is no app of that name.
    #[error("there is no app `{0}`: `ringback app list` shows the apps")]
    Unknown(String),
    /// A temporary app keeps its key.
    #[error("`{0}` is temporary: its key can't be changed")]
    Temporary(String),
    /// The limit of temporary apps is reached.
    #[error("{0} programs have a temporary key already")]
    TooManyTemporary(usize),
    /// A key can't end with that process.
    #[error("process {pid}: {why}")]
    Process {
        /// The id that was given.
        pid: i32,
        /// Why not.
        why: String,
    },
    /// The limit of keys that end with a process is reached.
    #[error("{0} keys end with a process already")]
    TooManyProcesses(usize),
    /// The name is invalid.
    #[error("a name has 1 to 64 of the characters a-z, 0-9, `-`, `_` and `.`, and begins with a letter or digit")]
    Name,
}
