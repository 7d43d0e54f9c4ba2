//! Errors of the list of apps and of the default app's key file.

use std::path::PathBuf;

use crate::os::folder::error::FolderError;

/// Why apps can't be read, made or changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppsError {
    /// A file or folder can't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The system has no randomness to give.
    #[error("a key could not be generated: {0}")]
    Random(String),
    /// A file holds something else.
    #[error("{}: {why}; it was left unchanged: fix it, or move it away", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is one of that name.
    #[error("there is already an app `{0}`: `ringback app rotate {0}` gives it a new key")]
    Exists(String),
    /// There is none of that name.
    #[error("there is no app `{0}`: `ringback app list` shows the apps")]
    Unknown(String),
    /// The name can't be one.
    #[error("a name has 1 to 64 of the characters a-z, 0-9, `-`, `_` and `.`, and begins with a letter or digit")]
    Name,
}
