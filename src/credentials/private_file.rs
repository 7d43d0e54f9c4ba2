//! Files that hold a secret.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use super::error::{CredentialError, MOST_BYTES};

/// The content of a regular file that is ours or root's and that nobody else can read. A symbolic link
/// is followed; what counts is the file it leads to.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let file = open(path)?;
    // Of the open file, not of the path: nobody can swap it in between.
    let meta = file.metadata().map_err(|error| unusable(path, error))?;
    let own = rustix::process::geteuid().as_raw();
    if meta.uid() != own && meta.uid() != 0 {
        return Err(unusable(path, format!("it belongs to uid {}, not to you (uid {own}) or root", meta.uid())));
    }
    let mode = meta.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(unusable(path, format!("others can read or change it (mode {mode:04o}); chmod 600 it")));
    }
    contents(file, path)
}

/// The content of a regular file in a folder that was made for this process alone. Not its mode: systemd
/// may grant access by an access control list, which shows as group permission.
pub(super) fn read_granted(path: &Path) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    contents(open(path)?, path)
}

fn open(path: &Path) -> Result<File, CredentialError> {
    // NONBLOCK: opening a pipe that nobody writes to must not hang.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| unusable(path, error))?;
    let file = File::from(file);
    let meta = file.metadata().map_err(|error| unusable(path, error))?;
    if meta.is_file() { Ok(file) } else { Err(unusable(path, "it is not a regular file")) }
}

fn contents(file: File, path: &Path) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    // Room for all of it, so that it does not grow and leave unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_BYTES + 64));
    file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| unusable(path, error))?;
    if bytes.len() > MOST_BYTES {
        return Err(unusable(path, format!("it is longer than {MOST_BYTES} bytes")));
    }
    Ok(bytes)
}

fn unusable(path: &Path, why: impl std::fmt::Display) -> CredentialError {
    CredentialError::File { path: path.to_owned(), why: why.to_string() }
}
