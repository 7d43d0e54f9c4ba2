//! Named pipes, by which only this user can pass something to the daemon.

use std::io;
use std::path::Path;

use tokio::net::unix::pipe::Receiver;

/// Creates a named pipe (0600) at `path` and opens it. It has no end of file while the receiver exists. Needs a tokio
/// runtime. [`io::ErrorKind::Unsupported`] if the system has no such pipe.
pub(crate) fn make(path: &Path) -> io::Result<Receiver> {
    system::make(path)
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::path::Path;

    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use tokio::net::unix::pipe::{OpenOptions, Receiver};

    pub(super) fn make(path: &Path) -> io::Result<Receiver> {
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        // For writing, too: otherwise it would be at its end of file before the first writer opens it.
        let opened = OpenOptions::new().read_write(true).open_receiver(path);
        opened.inspect_err(|_| _ = std::fs::remove_file(path))
    }
}

/// POSIX does not define what opening a pipe for reading and writing does.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::path::Path;

    use tokio::net::unix::pipe::Receiver;

    use crate::os::support::Topic;

    pub(super) fn make(_: &Path) -> io::Result<Receiver> {
        Err(io::Error::new(io::ErrorKind::Unsupported, Topic::TypedPassword.missing_here().unwrap_or_default()))
    }
}
