//! Errors of private folders, and of the file systems below them.

use std::path::PathBuf;

use crate::os::mode_fix::ModeFix;

/// What can be wrong with a private folder or a file in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FolderError {
    /// Wrong owner, mode or kind.
    #[error("{}: {why}", path.display())]
    Unsafe {
        /// Which one.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
        /// What certainly puts it right.
        fix: Option<Box<ModeFix>>,
    },
    /// The system refused.
    #[error("{}: {why}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Its file system lacks a feature that is needed.
    #[error("{}: its file system ({name}) refuses {asked}: {why}", path.display())]
    FileSystem {
        /// Which one.
        path: PathBuf,
        /// The kind of the file system.
        name: String,
        /// The feature that it lacks.
        asked: FileSystemFeature,
        /// What the system said.
        why: String,
    },
}

impl FolderError {
    /// What the system said about `path`.
    pub(crate) fn io(path: impl Into<PathBuf>, error: impl Into<std::io::Error>) -> Self {
        Self::Io { path: path.into(), why: error.into().to_string() }
    }

    pub(super) fn refuse(path: impl Into<PathBuf>, why: impl Into<String>) -> Self {
        Self::Unsafe { path: path.into(), why: why.into(), fix: None }
    }

    /// With what certainly puts it right.
    pub(super) fn fixed_by(self, fix: Option<ModeFix>) -> Self {
        match self {
            Self::Unsafe { path, why, .. } => Self::Unsafe { path, why, fix: fix.map(Box::new) },
            other => other,
        }
    }

    /// What certainly puts it right, if anything does.
    pub(crate) fn fix(&self) -> Option<&ModeFix> {
        if let Self::Unsafe { fix, .. } = self { fix.as_deref() } else { None }
    }
}

/// A feature that not every file system has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystemFeature {
    /// `flock`: one daemon at a time.
    Lock,
    /// `fsync`: what was written outlives a power failure.
    Sync,
}

impl std::fmt::Display for FileSystemFeature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lock => "to lock files (flock)",
            Self::Sync => "to make files durable (fsync)",
        })
    }
}
