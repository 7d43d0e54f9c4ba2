//! What the system knows of a socket beyond its addresses.

use std::io;
use std::os::fd::AsFd;

/// Whether it is a listening socket; `None` if the system does not tell.
pub(crate) fn is_listening(socket: impl AsFd) -> io::Result<Option<bool>> {
    system::is_listening(socket)
}

/// Whether listening failed because this machine has no such address, such as `::1` without IPv6.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
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
