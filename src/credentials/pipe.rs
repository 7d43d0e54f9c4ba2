//! A password that a person types in: it is passed through a named pipe that only this user can open, never over HTTP
//! and never as an argument.

use std::path::{Path, PathBuf};

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use zeroize::Zeroizing;

use super::clean::clean;
use super::error::CredentialError;
use crate::os::fifo;
use crate::secret::text::Rule;
use crate::secret::{Nonce256, Password, RandomSecret as _};

/// Longest password, in bytes.
const LONGEST: usize = 4096;

/// A pipe that waits for one password. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct PasswordPipe {
    path: PathBuf,
    pipe: pipe::Receiver,
}

impl PasswordPipe {
    /// Creates a pipe in `folder`, which is the user's own. Needs a tokio runtime.
    pub(crate) fn make(folder: &Path) -> Result<Self, CredentialError> {
        let path = folder.join(format!("password-{}", Nonce256::random(&mut rand::rng()).fingerprint()));
        let pipe = fifo::make(&path).map_err(|error| CredentialError::file(&path, error))?;
        Ok(Self { path, pipe })
    }

    /// The path to write to.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for a line and returns it. `None` for an empty line, by which the user gives up: a writer that closes the
    /// pipe without a line goes unnoticed, since this process holds it open itself.
    pub(crate) async fn read(mut self) -> Result<Option<Password>, CredentialError> {
        // Allocated at its final size, since growing would leave unwiped copies behind.
        let mut line = Zeroizing::new(vec![0; LONGEST + 1]);
        let mut filled = 0;
        while let Some(room) = line.get_mut(filled..).filter(|room| !room.is_empty()) {
            let read = self.pipe.read(room).await;
            filled += read.map_err(|error| CredentialError::file(&self.path, error))?;
            let text = line.get(..filled).unwrap_or_default();
            if let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let typed = text.get(..end).filter(|typed| !typed.trim_ascii().is_empty());
                let password =
                    typed.map(|typed| clean(typed, Rule::Password, || "the terminal".to_owned())).transpose()?;
                return Ok(password.map(|password| Password::new(password.expose())));
            }
        }
        Err(CredentialError::Unfit { from: "the terminal".into(), why: "is too long".into() })
    }
}

impl Drop for PasswordPipe {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    use super::*;

    async fn said(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let pipe = PasswordPipe::make(folder.path()).unwrap();
        let path = pipe.path().to_owned();
        let meta = std::fs::symlink_metadata(&path).unwrap();
        assert!(meta.file_type().is_fifo() && meta.mode() & 0o7777 == 0o600);
        let mut writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        writer.write_all(bytes).unwrap();
        let said = match pipe.read().await {
            Ok(password) => password.map_or("-".to_owned(), |password| password.expose().to_owned()),
            Err(error) => error.to_string(),
        };
        assert!(!path.exists(), "it is there for one password");
        said
    }

    #[tokio::test]
    async fn one_line_is_one_password() {
        assert_eq!(said(b"open sesame\nrest").await, "open sesame");
        assert_eq!(said(b"\n").await, "-");
        assert_eq!(said(&[b'x'; LONGEST + 1]).await, "the text from the terminal is too long");
    }
}
