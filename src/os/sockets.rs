//! What the system knows of a socket beyond its addresses.

use std::io;
use std::os::fd::AsFd;

/// Whether it is a listening socket; `None` if the system does not tell.
pub(crate) fn is_listening(socket: impl AsFd) -> io::Result<Option<bool>> {
    system::is_listening(socket)
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::net::sockopt::socket_acceptconn;
    use std::io;
    use std::os::fd::AsFd;

    pub(super) fn is_listening(socket: impl AsFd) -> io::Result<Option<bool>> {
        Ok(Some(socket_acceptconn(socket)?))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::os::fd::AsFd;
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    pub(super) fn is_listening(_: impl AsFd) -> io::Result<Option<bool>> {
        Ok(None)
    }
}
