//! Why a request to the daemon failed.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::contract::{ErrorCode, ErrorReply};
use crate::paths::NoHome;

/// Why a request to the daemon failed. Messages hold no secrets.
///
/// [`Error::code`] gives the same codes for errors of the daemon and for errors found on this side.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The daemon answered with an error.
    #[error("{}", .0.error_description)]
    Daemon(Box<ErrorReply>),

    /// No running daemon was found.
    #[error("the ringback daemon is not running ({why})")]
    NoDaemon {
        /// What was tried.
        why: String,
    },
    /// A daemon runs, but not where the client looked.
    #[error("the ringback daemon runs (process {pid}) but can't be reached ({why})")]
    DaemonUnreachable {
        /// The process that holds the state folder.
        pid: u32,
        /// What was tried.
        why: String,
    },

    /// The request carries something that must not pass a TCP port, which another user may have taken.
    #[error("{what} on the daemon's unix socket only, and this is its TCP port")]
    SocketOnly {
        /// What is done on the socket only, such as `a token is handed over`.
        what: &'static str,
    },
    /// The daemon took too long.
    #[error("the daemon's reply did not arrive completely in time")]
    Timeout,
    /// The connection ended before the reply was complete.
    #[error("the daemon's reply is not usable: {why}")]
    Disconnected {
        /// How it ended.
        why: String,
    },
    /// What answered does not speak version 1 of the API.
    #[error("the daemon's reply is not usable: {why}")]
    UnexpectedReply {
        /// What is wrong with its reply. The reply itself is not quoted.
        why: String,
    },

    /// The socket can't be opened: it is another user's.
    #[error("the daemon's socket belongs to somebody else")]
    SocketDenied,
    /// The system does not tell which user listens on the socket.
    #[error("can't tell who listens at {}: {error}", path.display())]
    UnknownListener {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another user listens on the socket.
    #[error("another user listens at {}", path.display())]
    ForeignListener {
        /// The socket.
        path: PathBuf,
    },
    /// Another user listens on the port. Nothing was sent there.
    #[error("somebody else listens at {address} ({who}), so your key was not sent there")]
    ForeignPort {
        /// The address of the port.
        address: SocketAddr,
        /// Who listens, as far as the system tells.
        who: String,
    },

    /// The environment names no place where the daemon could be.
    #[error("{0}")]
    NoRuntimeFolder(NoHome),
    /// `endpoint.json` can't be read.
    #[error("{} can't be read: {error}", path.display())]
    EndpointUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// `endpoint.json` is not what the daemon writes.
    #[error("{} can't be understood: {why}", path.display())]
    EndpointMalformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// `RINGBACK_URL` is set without `RINGBACK_KEY_FILE`.
    #[error("`RINGBACK_URL` is set without `RINGBACK_KEY_FILE`")]
    UrlWithoutKey,
    /// A URL that is not `http://` and a port of this machine. It is not quoted: it may hold a password.
    #[error("{from} {why}")]
    UrlUnusable {
        /// Where the URL comes from: `` `RINGBACK_URL` `` or `endpoint.json`.
        from: &'static str,
        /// What is wrong with it.
        why: String,
    },

    /// The key file can't be read.
    #[error("{} can't be read: {error}", path.display())]
    KeyUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The content of the key file is not a key.
    #[error("{} holds no key", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The owner and mode of an open file can't be read.
    #[error("{} can't be read: {error}", path.display())]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// `endpoint.json` or the key file is a folder, a pipe or a device.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// `endpoint.json` or the key file is another user's.
    #[error("{} belongs to another user", path.display())]
    ForeignFile {
        /// The file.
        path: PathBuf,
    },
    /// The mode of `endpoint.json` or the key file gives access to other users.
    #[error("others can {act} {} (mode {mode:03o})", path.display())]
    OpenToOthers {
        /// What others can do: `read` or `write`.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// Its mode bits.
        mode: u32,
    },
}

impl Error {
    /// The code that programs branch on, such as [`ErrorCode::LoginRequired`].
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Daemon(reply) => reply.error,
            Self::NoDaemon { .. } | Self::DaemonUnreachable { .. } => ErrorCode::NoDaemon,
            Self::Timeout | Self::Disconnected { .. } | Self::UnexpectedReply { .. } | Self::UnknownListener { .. } => {
                ErrorCode::Internal
            }
            Self::SocketOnly { .. }
            | Self::SocketDenied
            | Self::ForeignListener { .. }
            | Self::ForeignPort { .. }
            | Self::NotAFile { .. }
            | Self::ForeignFile { .. }
            | Self::OpenToOthers { .. } => ErrorCode::Forbidden,
            Self::NoRuntimeFolder(_)
            | Self::EndpointUnreadable { .. }
            | Self::EndpointMalformed { .. }
            | Self::UrlWithoutKey
            | Self::UrlUnusable { .. }
            | Self::KeyUnreadable { .. }
            | Self::NoKey { .. }
            | Self::FileUnreadable { .. } => ErrorCode::Usage,
        }
    }

    /// The daemon's error reply, if it sent one: with a hint, and the seconds to wait before trying again.
    pub fn reply(&self) -> Option<&ErrorReply> {
        match self {
            Self::Daemon(reply) => Some(reply),
            _ => None,
        }
    }
}

impl From<ErrorReply> for Error {
    fn from(reply: ErrorReply) -> Self {
        Self::Daemon(Box::new(reply))
    }
}
