//! Socket activation: listeners that a service manager bound and passed (`sd_listen_fds(3)`). It holds them while no
//! daemon runs, so that clients wait and are not refused. A unit file can say anything, so each one is checked.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;

use super::bind::BoundListener;
use crate::os::private_file;
use crate::os::sockets;

/// Sockets that were passed and are not served yet.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    tcp: Vec<(SocketAddr, TcpListener)>,
    unix: Vec<UnixListener>,
}

/// Why a socket that was passed can't be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassedError {
    /// Other machines could connect.
    #[error("the passed socket on {address} is not on a loopback address: tokens are served to this machine only")]
    NotLoopback {
        /// Where it is bound.
        address: SocketAddr,
    },
    /// A file, a datagram socket, or a connection that was accepted already.
    #[error(
        "passed socket {number} does not listen on TCP or on a unix socket: use `ListenStream=`, without `Accept=yes`"
    )]
    NotListening {
        /// Counted from 1, in the order of the unit.
        number: usize,
    },
    /// Programs would look elsewhere.
    #[error("the passed unix socket is at {path}, but the config says {}", wanted.display())]
    Elsewhere {
        /// Where it is bound.
        path: String,
        /// Where it should be.
        wanted: PathBuf,
    },
    /// Its file is gone or another's, or others may connect.
    #[error("the file of the passed unix socket, {}, must exist, belong to you, and be closed to everybody else (`SocketMode=0600`)", path.display())]
    NotPrivate {
        /// The socket.
        path: PathBuf,
    },
    /// The system refused.
    #[error("a passed socket can't be used: {0}")]
    Io(#[from] io::Error),
}

impl Passed {
    /// Takes what was passed to this process, close-on-exec, and removes `LISTEN_PID` and `LISTEN_FDS` from the
    /// environment. To be called first of all: once, and before there is a second thread.
    pub(crate) fn take() -> Result<Self, PassedError> {
        // `listenfd` doesn't mind if it is missing; then they could be meant for anybody.
        let for_someone = std::env::var_os("LISTEN_PID").is_some_and(|pid| !pid.is_empty());
        let mut given = if for_someone { ListenFd::from_env() } else { ListenFd::empty() };
        let mut passed = Self::default();
        for at in 0..given.len() {
            passed.add(&mut given, at)?;
        }
        Ok(passed)
    }

    fn add(&mut self, given: &mut ListenFd, at: usize) -> Result<(), PassedError> {
        let not_listening = PassedError::NotListening { number: at + 1 };
        if let Ok(Some(listener)) = given.take_unix_listener(at) {
            if !listens(&listener)? {
                return Err(not_listening);
            }
            self.unix.push(listener);
            return Ok(());
        }
        let Ok(Some(listener)) = given.take_tcp_listener(at) else { return Err(not_listening) };
        let address = listener.local_addr()?;
        if !listens(&listener)? {
            return Err(not_listening);
        }
        // As where we bind ourselves, an IPv4-mapped address is none.
        if !address.ip().is_loopback() {
            return Err(PassedError::NotLoopback { address });
        }
        self.tcp.push((address, listener));
        Ok(())
    }

    /// The one on `wanted`, if it was passed; any port will do where that is 0. Needs a running runtime.
    pub(crate) fn tcp(&mut self, wanted: SocketAddr) -> Result<Option<BoundListener>, PassedError> {
        let fits = |at: &SocketAddr| *at == wanted || (wanted.port() == 0 && at.ip() == wanted.ip());
        match self.tcp.iter().position(|(address, _)| fits(address)) {
            Some(at) => served(self.tcp.remove(at).1).map(Some),
            None => Ok(None),
        }
    }

    /// The unix socket, if one was passed; only the one at `wanted` will do. Needs a running runtime.
    pub(crate) fn unix(&mut self, wanted: &Path) -> Result<Option<BoundListener>, PassedError> {
        let Some(listener) = self.unix.pop() else { return Ok(None) };
        for other in self.unix.iter().chain([&listener]) {
            at(other, wanted)?;
        }
        listener.set_nonblocking(true)?;
        let listener = tokio::net::UnixListener::from_std(listener)?;
        Ok(Some(BoundListener::passed(listener, wanted.to_owned())))
    }

    /// Those on TCP that nobody asked for.
    pub(crate) fn rest(self) -> Result<Vec<BoundListener>, PassedError> {
        self.tcp.into_iter().map(|(_, listener)| served(listener)).collect()
    }
}

fn served(listener: TcpListener) -> Result<BoundListener, PassedError> {
    listener.set_nonblocking(true)?;
    Ok(BoundListener::Tcp(tokio::net::TcpListener::from_std(listener)?))
}

/// Whether it waits for connections, and is none itself. Where the system does not tell, the service manager is believed.
fn listens(socket: impl AsFd) -> io::Result<bool> {
    Ok(sockets::is_listening(socket)?.unwrap_or(true))
}

/// Whether it is bound at `wanted`, where nobody else may connect.
fn at(listener: &UnixListener, wanted: &Path) -> Result<(), PassedError> {
    let address = listener.local_addr()?;
    if address.as_pathname() != Some(wanted) {
        let path = address.as_pathname().map_or("a place without a file".into(), |path| path.display().to_string());
        return Err(PassedError::Elsewhere { path, wanted: wanted.to_owned() });
    }
    let ours = |file: &std::fs::Metadata| file.file_type().is_socket() && private_file::is_private(file);
    if std::fs::symlink_metadata(wanted).is_ok_and(|file| ours(&file)) {
        return Ok(());
    }
    Err(PassedError::NotPrivate { path: wanted.to_owned() })
}
