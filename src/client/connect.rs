//! Opens a connection to the daemon: the socket with a look at who listens, or loopback TCP with a key.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::discover::{read_endpoint, read_key};
use super::exchange::TimedStream;
use super::{Failure, message};
use crate::contract::Endpoint;
use crate::error::Error;
use crate::os::holder;
use crate::os::paths::Paths;
use crate::os::ports;
use crate::os::sockets;
use crate::secret::AppKey;

/// Loopback answers in microseconds or not at all.
const CONNECT: Duration = Duration::from_secs(2);
/// How often, and how many times, a daemon that is just starting is tried again: 2 s together.
const STEP: Duration = Duration::from_millis(250);
const STEPS: usize = 8;

/// Where the daemon is asked.
#[derive(Debug)]
pub(super) struct DaemonAddress {
    pub(super) way: Transport,
    /// Where the daemon was looked for; `None`: the user said where it is.
    pub(super) paths: Option<Paths>,
}

/// One of the two kinds of listener.
#[derive(Debug)]
pub(super) enum Transport {
    /// The unix socket; the uid at both ends is the credential.
    Socket(PathBuf),
    /// Loopback TCP.
    Tcp {
        address: SocketAddr,
        /// Value of `Host`: the authority as the URL had it.
        host: String,
        /// Read anew for each request, so that it lives shortly and may be replaced.
        key_file: PathBuf,
    },
}

impl DaemonAddress {
    /// Value of `Host`.
    pub(super) fn host(&self) -> &str {
        match &self.way {
            Transport::Socket(_) => "localhost",
            Transport::Tcp { host, .. } => host,
        }
    }

    /// A connection, and the key to send with it. A daemon that is just starting gets 2 s.
    pub(super) fn open(&self) -> Result<(Box<dyn TimedStream>, Option<AppKey>), Failure> {
        for _ in 0..STEPS {
            match self.way.open() {
                Err(Closed::Absent(_)) if self.starting() => sleep(STEP),
                done => return done.map_err(|closed| self.absent(closed)),
            }
        }
        self.way.open().map_err(|closed| self.absent(closed))
    }

    /// Whether `endpoint.json` names a process that lives, or a daemon holds the state folder.
    fn starting(&self) -> bool {
        let Some(paths) = &self.paths else { return false };
        let endpoint = read_endpoint(&paths.endpoint_file()).ok().flatten();
        endpoint.is_some_and(|endpoint| is_alive(&endpoint)) || holder::daemon(&paths.state).is_some()
    }

    fn absent(&self, closed: Closed) -> Failure {
        let error = match closed {
            Closed::Failed(failure) => return failure,
            Closed::Absent(error) => error,
        };
        let tried = match &self.way {
            Transport::Socket(path) => path.display().to_string(),
            Transport::Tcp { address, .. } => address.to_string(),
        };
        let why = match error.kind() {
            io::ErrorKind::NotFound => format!("there is no socket {tried}"),
            io::ErrorKind::ConnectionRefused => format!("nobody listens at {tried}"),
            _ => format!("{tried}: {error}"),
        };
        match self.paths.as_ref().and_then(|paths| holder::daemon(&paths.state)) {
            Some(pid) => Error::DaemonUnreachable { pid, why }.into(),
            None => Error::NoDaemon { why }.into(),
        }
    }
}

/// Whether the process that announced itself lives.
pub(super) fn is_alive(endpoint: &Endpoint) -> bool {
    let pid = i32::try_from(endpoint.pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

/// Why there is no connection.
enum Closed {
    /// Nobody is there, or not yet.
    Absent(io::Error),
    /// Somebody is there, and trying again would not help.
    Failed(Failure),
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
        return Closed::Failed(message::foreign_socket());
    }
    Closed::Absent(error)
}

/// Whoever listens gets what is typed into `login --paste`, and what it answers is used as a token: it
/// has to be this user's own daemon.
fn check_peer(stream: &UnixStream, path: &Path) -> Result<(), Failure> {
    let peer = sockets::peer_uid(stream).map_err(|error| message::unknown_peer(path.display(), error))?;
    // Where the system does not tell, the socket's owner has to do: only the owner can have bound it.
    let uid = peer.or_else(|| std::fs::metadata(path).map(|meta| meta.uid()).ok());
    if uid == Some(rustix::process::geteuid().as_raw()) { Ok(()) } else { Err(stranger(path)) }
}

/// A port is anybody's who takes it first, also between two runs of the daemon: the key is not for them.
fn check_listener(address: SocketAddr) -> Result<(), Failure> {
    let me = rustix::process::geteuid().as_raw();
    let Some(stranger) = ports::listening_at(address).and_then(|all| all.into_iter().find(|who| who.uid != me)) else {
        return Ok(());
    };
    Err(message::foreign_port(address, stranger))
}

fn stranger(path: &Path) -> Failure {
    message::foreign_listener(path.display())
}
