//! Which user listens on a unix socket.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::process::own_uid;

/// Whether this process's own user listens at the other end.
#[cfg(target_os = "linux")]
pub(crate) fn is_own_user(stream: &UnixStream, _: &Path) -> io::Result<bool> {
    let peer = rustix::net::sockopt::socket_peercred(stream)?;
    Ok(peer.uid.as_raw() == own_uid())
}

/// Whether the socket file is this user's. Without peer credentials that has to suffice: only the owner of the file can
/// have bound it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_own_user(_: &UnixStream, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = std::fs::metadata(path).map(|meta| meta.uid()).ok();
    Ok(owner == Some(own_uid()))
}
