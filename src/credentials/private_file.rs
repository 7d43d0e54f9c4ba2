//! Files that hold a secret.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::error::{CredentialError, MOST_BYTES};
use crate::os::mode_fix::ModeFix;
use crate::os::private_file::{self, NotPrivate, OTHERS, Owners, own_uid};

/// The content of a regular file that belongs to this user or root and that nobody else can read. A symbolic link is
/// followed; what counts is its target.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let (file, meta) = private_file::open_regular(path).map_err(|error| CredentialError::file(path, error))?;
    match private_file::check(meta.uid(), meta.mode(), Owners::UserOrRoot, OTHERS) {
        Ok(()) => contents(file, path),
        Err(NotPrivate::Foreign { uid }) => {
            Err(CredentialError::file(path, format!("it belongs to uid {uid}, not to you (uid {}) or root", own_uid())))
        }
        Err(NotPrivate::Open { mode }) => {
            let why = format!("others can read or change it (mode {mode:04o}); chmod 600 it");
            let fix = ModeFix::new(path, &file).map(Box::new);
            Err(CredentialError::File { path: path.to_owned(), why, fix })
        }
    }
}

/// The content of a regular file in a folder that was created only for this process. The mode is not checked: systemd
/// may grant access by an access control list, which shows as group permission.
pub(super) fn read_granted(path: &Path) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let (file, _) = private_file::open_regular(path).map_err(|error| CredentialError::file(path, error))?;
    contents(file, path)
}

fn contents(file: File, path: &Path) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let bytes =
        private_file::read_wiped(file, MOST_BYTES, MOST_BYTES).map_err(|error| CredentialError::file(path, error))?;
    if bytes.len() > MOST_BYTES {
        return Err(CredentialError::file(path, format!("it is longer than {MOST_BYTES} bytes")));
    }
    Ok(bytes)
}
