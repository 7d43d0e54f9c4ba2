//! What the system knows of a socket beyond its addresses.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

/// Whether it waits for connections, and is none itself; `None` where the system does not tell.
pub(crate) fn is_listening(socket: impl AsFd) -> io::Result<Option<bool>> {
    system::is_listening(socket)
}

/// The user at the other end of a unix socket; `None` where this is not asked on this system.
pub(crate) fn peer_uid(stream: &UnixStream) -> io::Result<Option<u32>> {
    system::peer_uid(stream)
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use rustix::net::sockopt::{socket_acceptconn, socket_peercred};

    pub(super) fn is_listening(socket: impl AsFd) -> io::Result<Option<bool>> {
        Ok(Some(socket_acceptconn(socket)?))
    }

    pub(super) fn peer_uid(stream: &UnixStream) -> io::Result<Option<u32>> {
        Ok(Some(socket_peercred(stream)?.uid.as_raw()))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub(super) fn is_listening(_: impl AsFd) -> io::Result<Option<bool>> {
        Ok(None)
    }

    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub(super) fn peer_uid(_: &UnixStream) -> io::Result<Option<u32>> {
        Ok(None)
    }
}
