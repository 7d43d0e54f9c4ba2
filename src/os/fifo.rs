//! Named pipes: a way to hand something to the daemon that only this user can open.

use std::io;
use std::path::Path;

use tokio::net::unix::pipe::Receiver;

/// Makes a named pipe (0600) at `path` and opens it. It has no end for as long as the receiver is there. Needs a tokio
/// runtime. [`io::ErrorKind::Unsupported`] where the system has no such pipe.
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
        // For writing, too: otherwise it would be at its end before somebody has begun.
        let opened = OpenOptions::new().read_write(true).open_receiver(path);
        opened.inspect_err(|_| _ = std::fs::remove_file(path))
    }
}

/// POSIX leaves open what it means to open a pipe for reading and writing.
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
