//! `endpoint.json` and key files. A file that another user could have written is refused, and so is a key that one can
//! read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::contract::Endpoint;
use crate::error::Error;
use crate::os::process;
use crate::secret::AppKey;

/// The daemon's files are far smaller; a larger one is not its own.
const FILE_CAP: u64 = 16 * 1024;

/// Reads `endpoint.json`; `None` if there is none.
///
/// # Errors
/// It can't be read, is not what the daemon writes, or another user could have written it.
pub fn read_endpoint(path: &Path) -> Result<Option<Endpoint>, Error> {
    let unreadable = |error: io::Error| Error::EndpointUnreadable { path: path.to_owned(), error };
    // The daemon makes no symlink in the runtime folder, so none is followed.
    let opened = OpenOptions::new().read(true).custom_flags(no_follow()).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    check_private(&file, path, 0o022, "write")?;
    let text = read_capped(file).map_err(unreadable)?;
    let endpoint = serde_json::from_slice(&text);
    let endpoint =
        endpoint.map_err(|error| Error::EndpointMalformed { path: path.to_owned(), why: error.to_string() })?;
    Ok(Some(endpoint))
}

/// Reads a program's key for the TCP listener.
///
/// # Errors
/// The file can't be read, holds no key, or other users than this one (and root) can read or write it.
pub fn read_key(path: &Path) -> Result<AppKey, Error> {
    let unreadable = |error: io::Error| Error::KeyUnreadable { path: path.to_owned(), error };
    let file = File::open(path).map_err(unreadable)?;
    check_private(&file, path, 0o077, "read")?;
    let bytes = read_capped(file).map_err(unreadable)?;
    let key = bytes.trim_ascii();
    let key = std::str::from_utf8(key).ok().filter(|key| !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic()));
    key.map(AppKey::new).ok_or_else(|| Error::NoKey { path: path.to_owned() })
}

/// Refuses a file that another user owns, or that has one of the mode bits `open`, with which others could `act`.
fn check_private(file: &File, path: &Path, open: u32, act: &'static str) -> Result<(), Error> {
    let meta = file.metadata().map_err(|error| Error::FileUnreadable { path: path.to_owned(), error })?;
    let ours = [process::own_uid(), 0].contains(&meta.uid());
    if !meta.is_file() {
        return Err(Error::NotAFile { path: path.to_owned() });
    }
    if !ours {
        return Err(Error::ForeignFile { path: path.to_owned() });
    }
    if meta.mode() & open != 0 {
        return Err(Error::OpenToOthers { act, path: path.to_owned(), mode: meta.mode() & 0o777 });
    }
    Ok(())
}

fn read_capped(file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    let length = usize::try_from(file.metadata()?.len().min(FILE_CAP)).unwrap_or_default();
    // Everything is reserved at once: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 64));
    file.take(FILE_CAP).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn no_follow() -> i32 {
    // Non-blocking too: a pipe in the place of the file must not hang the program.
    i32::try_from((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits()).unwrap_or_default()
}
