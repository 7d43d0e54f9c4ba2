//! Binds a listener: TCP, on loopback unless the config names another address for it, or a unix socket, or a clear
//! reason why not.
//!
//! Nothing here ever moves to another port by itself: redirect URIs are registered by hand, and a
//! program that sends its key to whoever holds the port would be the loser (docs/security.md, rule 1).

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixSocket as UnixSocketBuilder, UnixStream};

use crate::os::ports;
use crate::os::private_file;

/// The accept backlog. A client that finds the queue of a port full is not refused: its system tries again after a second,
/// and then with growing pauses.
const QUEUE: u32 = 1024;

/// An address that is ours.
#[derive(Debug)]
pub(crate) enum BoundListener {
    /// An address of this machine.
    Tcp(TcpListener),
    /// A unix socket; if it was bound here, its file is removed when this is dropped.
    Unix(UnixSocket),
}

/// A bound unix socket and its file.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    pub(super) listener: UnixListener,
    pub(super) callers: SocketCallers,
    file: SocketFile,
}

/// Whom a unix socket serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SocketCallers {
    /// Processes of our own user.
    OwnUser,
    /// Whoever can reach it, as the app that it belongs to: its place and its mode decide.
    OfApp,
}

/// The socket's file; dropping it removes the file if it is ours, unless somebody has put another in its place.
#[derive(Debug)]
struct SocketFile(SocketId);

/// Where a socket's file was put, and which it is.
#[derive(Debug, Clone)]
pub(crate) struct SocketId {
    path: PathBuf,
    /// Device and inode, to recognise it; `None` where whoever passed the socket goes on listening on it.
    ours: Option<(u64, u64)>,
}

impl SocketId {
    /// The socket's file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether we bound it.
    pub(crate) fn is_ours(&self) -> bool {
        self.ours.is_some()
    }

    /// Whether the file that we bound is where it was put: else nobody who looks for it gets to us.
    pub(crate) fn is_in_place(&self) -> bool {
        let found = std::fs::symlink_metadata(&self.path).ok().map(|found| (found.dev(), found.ino()));
        self.is_ours() && found == self.ours
    }
}

/// Why an address can't be ours. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    /// Other machines could connect.
    #[error(
        "{address} is not a loopback address: tokens are served to this machine only. Listen on 127.0.0.1 or [::1]"
    )]
    NotLoopback {
        /// What was asked for.
        address: SocketAddr,
    },
    /// Somebody else listens there.
    #[error("port {} of {} is taken {holder}", address.port(), address.ip())]
    PortTaken {
        /// What was asked for.
        address: SocketAddr,
        /// Who seems to have it.
        holder: Holder,
    },
    /// A process answers on the unix socket.
    #[error("another process answers on {}: `ringback status` shows a running daemon; stop it first", path.display())]
    SocketTaken {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket is in the way; it is left alone.
    #[error("{} exists and is not a socket: move it away, or set another path in the config", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// Others could reach the socket through its folder.
    #[error("the folder {} of the socket must belong to you and be closed to everybody else (mode 0700)", folder.display())]
    FolderNotPrivate {
        /// The folder.
        folder: PathBuf,
    },
    /// The system refused.
    #[error("can't listen on {place}: {source}")]
    Io {
        /// Address or path.
        place: String,
        /// Its reason.
        source: io::Error,
    },
}

/// Who has the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    /// It answers `GET /healthz` as this program does.
    LooksLikeRingback(String),
    /// It does not.
    Another(String),
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, who) = match self {
            Self::LooksLikeRingback(who) => ("by what looks like another ringback", who),
            Self::Another(who) => ("by another program", who),
        };
        write!(
            f,
            "{what} ({who}): stop it, or set another port in `listen.tcp` and in the redirect URI registered at the provider"
        )
    }
}

/// How long the present holder of a port may take to show whether it is a ringback.
const HOLDER_DEADLINE: Duration = Duration::from_millis(300);

/// Listens on a loopback address; port 0 lets the system choose.
pub(crate) async fn bind_tcp(address: SocketAddr) -> Result<BoundListener, BindError> {
    // An IPv4-mapped IPv6 address is not loopback to `is_loopback`, and that is right: a listener on
    // it would be of the other family than it looks.
    if !address.ip().is_loopback() {
        return Err(BindError::NotLoopback { address });
    }
    match listening(address) {
        Ok(listener) => Ok(BoundListener::Tcp(listener)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Err(BindError::PortTaken { address, holder: holder_of(address).await })
        }
        Err(source) => Err(BindError::Io { place: address.to_string(), source }),
    }
}

/// Listens on an address that the config names for an additional listener, whether other machines can reach it or not.
pub(crate) fn bind_extra_tcp(address: SocketAddr) -> io::Result<BoundListener> {
    listening(address).map(BoundListener::Tcp)
}

fn listening(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port whose last connections still linger is free: a restart has to get it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)
}

async fn holder_of(address: SocketAddr) -> Holder {
    let who = ports::listening_at(address).and_then(|all| all.first().map(ToString::to_string));
    let who = who.unwrap_or_else(|| "the system does not tell by which user".into());
    match tokio::time::timeout(HOLDER_DEADLINE, healthz(address)).await {
        Ok(Ok(reply)) if reply.contains(r#"{"status":"ok"}"#) => Holder::LooksLikeRingback(who),
        _ => Holder::Another(who),
    }
}

/// What the holder of `address` answers to `GET /healthz`; a kibibyte of it is enough.
async fn healthz(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut reply = Vec::new();
    stream.take(1024).read_to_end(&mut reply).await?;
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

/// Listens on a unix socket of mode 0600 in a folder that has to be 0700 and ours already.
///
/// A socket file that nobody answers on is removed. Two daemons that start at once are kept apart by
/// the lock on the state folder, which is taken before.
pub(crate) async fn bind_unix(path: &Path) -> Result<BoundListener, BindError> {
    require_private_folder(path)?;
    bind_socket(path, 0o600, SocketCallers::OwnUser).await
}

/// Listens on the unix socket of an app, with this mode. Nobody else may be able to replace what is in its folder, which
/// the caller has checked.
///
/// A socket file that nobody answers on is removed.
pub(crate) async fn bind_app_socket(path: &Path, mode: u32) -> Result<BoundListener, BindError> {
    bind_socket(path, mode, SocketCallers::OfApp).await
}

async fn bind_socket(path: &Path, mode: u32, callers: SocketCallers) -> Result<BoundListener, BindError> {
    let failed = |source| BindError::Io { place: path.display().to_string(), source };
    let mut socket = UnixSocketBuilder::new_stream().map_err(failed)?;
    if let Err(error) = socket.bind(path) {
        if error.kind() != io::ErrorKind::AddrInUse {
            return Err(failed(error));
        }
        remove_stale(path).await?;
        socket = UnixSocketBuilder::new_stream().map_err(failed)?;
        socket.bind(path).map_err(failed)?;
    }
    // Before it listens, so that nobody connects while it has the mode that the umask gave it.
    let file = SocketFile::own(path, mode).map_err(failed)?;
    let listener = socket.listen(QUEUE).map_err(failed)?;
    Ok(BoundListener::Unix(UnixSocket { listener, callers, file }))
}

fn require_private_folder(path: &Path) -> Result<(), BindError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let metadata = std::fs::symlink_metadata(folder)
        .map_err(|source| BindError::Io { place: folder.display().to_string(), source })?;
    if metadata.is_dir() && private_file::is_private(&metadata) {
        return Ok(());
    }
    Err(BindError::FolderNotPrivate { folder: folder.to_owned() })
}

/// Removes a socket file that a dead process left behind.
async fn remove_stale(path: &Path) -> Result<(), BindError> {
    let failed = |source| BindError::Io { place: path.display().to_string(), source };
    if !std::fs::symlink_metadata(path).map_err(failed)?.file_type().is_socket() {
        return Err(BindError::NotASocket { path: path.to_owned() });
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(failed),
        Ok(_) => Err(BindError::SocketTaken { path: path.to_owned() }),
        // A full backlog (`EAGAIN`) is a living process too.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(BindError::SocketTaken { path: path.to_owned() })
        }
        Err(source) => Err(failed(source)),
    }
}

impl BoundListener {
    /// A unix socket that somebody else bound at `path`, and whose file is theirs to remove.
    pub(super) fn passed(listener: UnixListener, path: PathBuf) -> Self {
        let file = SocketFile(SocketId { path, ours: None });
        Self::Unix(UnixSocket { listener, callers: SocketCallers::OwnUser, file })
    }

    /// Where it listens; `None` for a unix socket.
    pub(crate) fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// The socket's file; `None` for TCP.
    pub(crate) fn socket_path(&self) -> Option<&Path> {
        self.socket().map(SocketId::path)
    }

    /// Which socket it is; `None` for TCP.
    pub(crate) fn socket(&self) -> Option<&SocketId> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(socket) => Some(&socket.file.0),
        }
    }
}

impl SocketFile {
    /// Gives the file its mode and remembers which one it is.
    fn own(path: &Path, mode: u32) -> io::Result<Self> {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        let metadata = std::fs::symlink_metadata(path)?;
        Ok(Self(SocketId { path: path.to_owned(), ours: Some((metadata.dev(), metadata.ino())) }))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.0.is_in_place()
            && let Err(error) = std::fs::remove_file(self.0.path())
        {
            tracing::debug!(%error, "the socket file could not be removed");
        }
    }
}
