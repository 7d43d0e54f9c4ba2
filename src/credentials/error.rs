//! Why a secret can't be obtained.

use std::path::PathBuf;

use crate::os::keyring::KeyringError;
use crate::os::mode_fix::ModeFix;

/// Longest secret, in bytes.
pub(crate) const MOST_BYTES: usize = 64 * 1024;

/// Why there is no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialError {
    /// The file can't be read or is not safe to use.
    #[error("the secret file {} can't be used: {why}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
        /// What certainly puts it right.
        fix: Option<Box<ModeFix>>,
    },
    /// The program did not provide a secret.
    #[error("the command `{program}` {why}; run it by hand to see more")]
    Command {
        /// Its name or path; the arguments may be secret.
        program: String,
        /// A predicate.
        why: String,
    },
    /// The daemon was not started by systemd with credentials.
    #[error(
        "there is no systemd credential `{name}`: CREDENTIALS_DIRECTORY is not set; add LoadCredential={name}:PATH to the service"
    )]
    NoCredentials {
        /// The requested name.
        name: String,
    },
    /// The keyring did not provide a secret.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The content can't be a secret.
    #[error("the text from {from} {why}")]
    Unfit {
        /// The source, in words.
        from: String,
        /// A predicate.
        why: String,
    },
}

impl CredentialError {
    /// A file that can't be used, and nothing is certain to help.
    pub(super) fn file(path: impl Into<PathBuf>, why: impl std::fmt::Display) -> Self {
        Self::File { path: path.into(), why: why.to_string(), fix: None }
    }

    /// What certainly puts it right, if anything does.
    pub(crate) fn fix(&self) -> Option<&ModeFix> {
        if let Self::File { fix, .. } = self { fix.as_deref() } else { None }
    }
}
