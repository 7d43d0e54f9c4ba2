//! Opens a connection to the daemon: its unix socket, or loopback TCP with a key. Either way, the listener's user is
//! checked before anything is sent.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use crate::error::Error;
use crate::exchange::TimedStream;
use crate::files::{read_endpoint, read_key};
use crate::os::ports::listening::listening_at;
use crate::os::{holder, peer, process};
use crate::paths::Paths;
use crate::secret::AppKey;

/// Loopback answers in microseconds or not at all.
const CONNECT: Duration = Duration::from_secs(2);
/// The pause between attempts, and their number, while a daemon is starting: 2 s in total.
const STEP: Duration = Duration::from_millis(250);
const STEPS: usize = 8;

/// Where to reach the daemon.
#[derive(Debug)]
pub(crate) struct DaemonAddress {
    pub(crate) transport: Transport,
    /// Where the daemon was looked for; `None`: the user said where it is.
    pub(crate) paths: Option<Paths>,
}

/// How to reach it: one of its two kinds of listener.
#[derive(Debug)]
pub(crate) enum Transport {
    /// The unix socket; the uid at both ends is the credential.
    Socket(PathBuf),
    /// Loopback TCP.
    Tcp {
        address: SocketAddr,
        /// Value of `Host`: the authority as the URL had it.
        host: String,
        /// Read for each request, so that the key stays in memory for a short time only and can be replaced.
        key_file: PathBuf,
    },
}

impl DaemonAddress {
    /// Value of `Host`.
    pub(crate) fn host(&self) -> &str {
        match &self.transport {
            Transport::Socket(_) => "localhost",
            Transport::Tcp { host, .. } => host,
        }
    }

    /// A connection, and the key to send with it. A daemon that is just starting gets 2 s.
    pub(crate) fn open(&self) -> Result<(Box<dyn TimedStream>, Option<AppKey>), Error> {
        for _ in 0..STEPS {
            match self.transport.open() {
                Err(Closed::Absent(_)) if self.starting() => sleep(STEP),
                done => return done.map_err(|closed| self.absent(closed)),
            }
        }
        self.transport.open().map_err(|closed| self.absent(closed))
    }

    /// Whether `endpoint.json` names a process that lives, or a daemon holds the state folder.
    fn starting(&self) -> bool {
        let Some(paths) = &self.paths else { return false };
        let endpoint = read_endpoint(&paths.endpoint_file()).ok().flatten();
        endpoint.is_some_and(|endpoint| process::is_alive(endpoint.pid)) || holder::daemon(&paths.state).is_some()
    }

    fn absent(&self, closed: Closed) -> Error {
        let error = match closed {
            Closed::Failed(failure) => return failure,
            Closed::Absent(error) => error,
        };
        let tried = match &self.transport {
            Transport::Socket(path) => path.display().to_string(),
            Transport::Tcp { address, .. } => address.to_string(),
        };
        let why = match error.kind() {
            io::ErrorKind::NotFound => format!("there is no socket {tried}"),
            io::ErrorKind::ConnectionRefused => format!("nobody listens at {tried}"),
            _ => format!("{tried}: {error}"),
        };
        match self.paths.as_ref().and_then(|paths| holder::daemon(&paths.state)) {
            Some(pid) => Error::DaemonUnreachable { pid, why },
            None => Error::NoDaemon { why },
        }
    }
}

/// Why there is no connection.
enum Closed {
    /// Nothing listens, or not yet.
    Absent(io::Error),
    /// Something is there, but another attempt would not help.
    Failed(Error),
}

impl Transport {
    fn open(&self) -> Result<(Box<dyn TimedStream>, Option<AppKey>), Closed> {
        match self {
            Self::Socket(path) => {
                let stream = UnixStream::connect(path).map_err(closed)?;
                check_peer(&stream, path).map_err(Closed::Failed)?;
                Ok((Box::new(stream), None))
            }
            Self::Tcp { address, key_file, .. } => {
                let stream = TcpStream::connect_timeout(address, CONNECT).map_err(closed)?;
                check_listener(*address).map_err(Closed::Failed)?;
                // After connecting: the daemon makes the key at its first start.
                let key = read_key(key_file).map_err(Closed::Failed)?;
                Ok((Box::new(stream), Some(key)))
            }
        }
    }
}

fn closed(error: io::Error) -> Closed {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Closed::Failed(Error::SocketDenied);
    }
    Closed::Absent(error)
}

/// The listener gets pasted codes and passphrases, and its answers are used as tokens, so it has to be this user's
/// own daemon.
fn check_peer(stream: &UnixStream, path: &Path) -> Result<(), Error> {
    match peer::is_own_user(stream, path) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::ForeignListener { path: path.to_owned() }),
        Err(error) => Err(Error::UnknownListener { path: path.to_owned(), error }),
    }
}

/// Any user can take the port while no daemon runs, and must not get the key.
fn check_listener(address: SocketAddr) -> Result<(), Error> {
    let me = process::own_uid();
    let Some(stranger) = listening_at(address).and_then(|all| all.into_iter().find(|who| who.uid != me)) else {
        return Ok(());
    };
    Err(Error::ForeignPort { address, who: stranger.to_string() })
}
