//! The accept loops: who may connect, how long they may take, and how it all ends.
//!
//! `axum::serve` sets no timer, so a silent connection would stay for ever (`security.md` §0, 1).
//! This file knows connections and nothing of routes.

mod bind;
mod connection;
mod connection_cap;
mod passed;
#[cfg(test)]
mod tests;
mod write_timeout;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use connection::one_connection;
use connection_cap::{ConnectionCap, ListenerKind};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::AbortHandle;
use write_timeout::WriteTimeout;

use super::log_limit::LogLimit;
use crate::os::ports::{PeerLookup, PeerUser};

pub use bind::{BindError, BoundListener, Holder, SocketId, UnixSocket, bind_tcp, bind_unix};
pub(super) use connection::Evictable;
pub use passed::{Passed, PassedError};

/// Who is at the other end, as the kernel tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A process of this machine.
    Tcp {
        /// Theirs.
        address: SocketAddr,
        /// Our port that they connected to.
        port: u16,
        /// Whose it was when it connected.
        user: PeerUser,
    },
    /// A process whose user is known.
    Unix {
        /// Its effective user when it connected.
        uid: u32,
        /// Its process id, where the system tells.
        pid: Option<i32>,
    },
}

impl Peer {
    /// The address that a TCP peer comes from.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Tcp { address, .. } => Some(address.ip()),
            Self::Unix { .. } => None,
        }
    }
}

/// What every request carries in its extensions. The gate refuses a request without it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Who asks.
    pub peer: Peer,
    /// What the peer ran when it connected, where the system tells: a hint and no proof, since it may be an
    /// interpreter, or run something else by now.
    pub executable: Option<Executable>,
    /// What a body may cost.
    pub body: BodyLimits,
}

/// What a process ran when it connected.
#[derive(Debug, Clone)]
pub struct Executable {
    /// Its path.
    pub path: Arc<str>,
    /// If that is our own command line: the path of what started it, whose hands it is.
    pub parent: Option<Arc<str>>,
}

/// What a request's body may cost.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes.
    pub size: usize,
    /// From the moment a handler wants the body to its last byte.
    pub deadline: Duration,
}

/// What a connection may cost.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// How long a connection may be without a complete request head. One timer bounds the silent, the
    /// slow and the idle alike, since hyper has one; to connect anew on loopback costs 0.1 ms.
    pub head: Duration,
    /// See [`BodyLimits`].
    pub body: BodyLimits,
    /// How long a peer may keep a reply waiting by not reading.
    pub reply: Duration,
    /// Connections at once, over all listeners. TCP gets at most three quarters of them: every user of
    /// the machine can fill the port, and must not shut out the owner, who has the socket. When all are taken,
    /// those without a request in progress give way.
    pub connections: usize,
    /// How long requests in flight may go on after the shutdown began.
    pub drain: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(5),
            body: BodyLimits { size: 192 * 1024, deadline: Duration::from_secs(5) },
            // What the kernel buffers counts as read, which is more than any reply of ours.
            reply: Duration::from_secs(5),
            connections: 512,
            // SIGTERM has to end within 2 s, and the store wants its share of them.
            drain: Duration::from_millis(1500),
        }
    }
}

/// More than the file descriptors of a process, as a rule.
const MOST_CONNECTIONS: usize = 65_536;
/// After a failed accept (no file descriptors left, as a rule), so as not to spin.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(50);

/// All accept loops and connections of the daemon. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Server {
    limits: ConnectionLimits,
    places: Arc<ConnectionCap>,
    stage: Arc<watch::Sender<ShutdownStage>>,
    peers: Arc<PeerLookup>,
    log: LogLimit,
}

/// How far the shutdown is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ShutdownStage {
    Serving,
    /// Accept nothing, end what is in flight.
    Draining,
    /// Drop everything.
    Cut,
}

/// A listener that is being served. It closes when this is dropped; its connections end by themselves.
#[derive(Debug)]
pub struct ServedListener {
    accepting: AbortHandle,
}

impl Drop for ServedListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl ServedListener {
    /// Closes after `span`, so that a browser that was just redirected can still load the next page.
    pub fn close_after(self, span: Duration) {
        tokio::spawn(async move {
            tokio::time::sleep(span).await;
            drop(self);
        });
    }
}

/// Serves `listeners` until `shutdown` is ready and what was in flight has ended, or was cut.
pub async fn serve(
    listeners: Vec<BoundListener>,
    router: Router,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) {
    let server = Server::new(limits);
    let open: Vec<ServedListener> =
        listeners.into_iter().map(|listener| server.spawn(listener, router.clone())).collect();
    shutdown.await;
    drop(open);
    server.shut_down().await;
}

impl Server {
    /// A server without listeners.
    pub fn new(limits: ConnectionLimits) -> Self {
        let connections = limits.connections.clamp(1, MOST_CONNECTIONS);
        let (places, stage) =
            (Arc::new(ConnectionCap::new(connections)), Arc::new(watch::Sender::new(ShutdownStage::Serving)));
        Self { limits, places, stage, peers: Arc::new(PeerLookup::open()), log: LogLimit::default() }
    }

    /// Whether the system tells which local user is behind a TCP connection.
    pub fn tells_users(&self) -> bool {
        self.peers.is_supported()
    }

    /// The same, with a limit on log lines that others share.
    #[must_use]
    pub fn with_log(self, log: LogLimit) -> Self {
        Self { log, ..self }
    }

    /// Serves `router` on `listener`, for as long as the handle lives. Needs a running runtime.
    pub fn spawn(&self, listener: BoundListener, router: Router) -> ServedListener {
        let server = self.clone();
        let accepting = match listener {
            BoundListener::Tcp(listener) => tokio::spawn(async move { server.accept_tcp(listener, &router).await }),
            BoundListener::Unix(socket) => tokio::spawn(async move { server.accept_unix(socket, &router).await }),
        };
        ServedListener { accepting: accepting.abort_handle() }
    }

    /// Accepts no more, lets requests in flight end, and cuts what is left after [`ConnectionLimits::drain`].
    pub async fn shut_down(&self) {
        self.stage.send_replace(ShutdownStage::Draining);
        // Accept loops and connections hold a receiver each: none left means that all have ended.
        if tokio::time::timeout(self.limits.drain, self.stage.closed()).await.is_err() {
            tracing::info!("requests still in flight were cut off");
            self.stage.send_replace(ShutdownStage::Cut);
            self.stage.closed().await;
        }
    }

    async fn accept_tcp(&self, listener: TcpListener, router: &Router) {
        let mut stage = self.stage.subscribe();
        let Ok(ours) = listener.local_addr() else { return };
        while let Some(permits) = until_draining(&mut stage, self.places.one(ListenerKind::Tcp)).await {
            match until_draining(&mut stage, listener.accept()).await {
                None => return,
                Some(Err(error)) => self.accept_failed(&error).await,
                Some(Ok((stream, address))) => {
                    // A reply is one small write; Nagle's algorithm could only delay it.
                    let _ = stream.set_nodelay(true);
                    let user = self.peers.user(address, ours).await;
                    // Reset by its peer, whose address may be another user's by now: that was not the one to look up.
                    if stream.peer_addr().is_err() {
                        continue;
                    }
                    self.serve_one(stream, Peer::Tcp { address, port: ours.port(), user }, router, permits);
                }
            }
        }
    }

    /// Takes the whole socket, so that its file stays for as long as this runs.
    async fn accept_unix(&self, socket: UnixSocket, router: &Router) {
        // The socket is declared last, so it is dropped first: once the stage's receivers are gone, the
        // file is too.
        let (mut stage, socket) = (self.stage.subscribe(), socket);
        while let Some(permits) = until_draining(&mut stage, self.places.one(ListenerKind::Unix)).await {
            match until_draining(&mut stage, socket.listener.accept()).await {
                None => return,
                Some(Err(error)) => self.accept_failed(&error).await,
                Some(Ok((stream, _))) => {
                    let Some(peer) = self.own_peer(&stream) else { continue };
                    self.serve_one(stream, peer, router, permits);
                }
            }
        }
    }

    async fn accept_failed(&self, error: &io::Error) {
        self.log.not_accepted(error);
        tokio::time::sleep(AFTER_FAILED_ACCEPT).await;
    }

    /// The peer, if it is a process of our own user.
    fn own_peer(&self, stream: &UnixStream) -> Option<Peer> {
        let credentials = stream.peer_cred().ok()?;
        let (uid, pid) = (credentials.uid(), credentials.pid());
        if uid != rustix::process::geteuid().as_raw() {
            self.log.other_user(uid);
            return None;
        }
        Some(Peer::Unix { uid, pid })
    }

    fn serve_one<S>(&self, stream: S, peer: Peer, router: &Router, permits: Vec<OwnedSemaphorePermit>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let tickets = self.places.tickets(if peer.ip().is_some() { ListenerKind::Tcp } else { ListenerKind::Unix });
        let connection = Connection { peer, executable: executable(peer), body: self.limits.body };
        let (head, router, stage, log) = (self.limits.head, router.clone(), self.stage.subscribe(), self.log.clone());
        let stream = WriteTimeout::new(stream, self.limits.reply);
        tokio::spawn(async move {
            one_connection(stream, connection, router, head, (stage, tickets), &log).await;
            drop(permits);
        });
    }
}

/// Ready once the shutdown is at `at` or beyond, or the server is gone.
async fn reached(stage: &mut watch::Receiver<ShutdownStage>, at: ShutdownStage) {
    let _ = stage.wait_for(|stage| *stage >= at).await;
}

/// The future's output, or `None` once the shutdown has begun.
async fn until_draining<T>(stage: &mut watch::Receiver<ShutdownStage>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = reached(stage, ShutdownStage::Draining) => None,
        done = work => Some(done),
    }
}

/// A few reads in memory: no disk is behind `/proc`.
fn executable(peer: Peer) -> Option<Executable> {
    let Peer::Unix { pid: Some(pid), .. } = peer else { return None };
    let path_of = |pid: i32| std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    let path = path_of(pid)?;
    let ours = path_of(std::process::id().try_into().ok()?).is_some_and(|own| own == path);
    let parent = if ours { parent_of(pid).and_then(path_of) } else { None };
    let text = |path: std::path::PathBuf| Arc::from(path.to_string_lossy());
    Some(Executable { path: text(path), parent: parent.map(text) })
}

/// The fourth field of `/proc/PID/stat` (proc(5)); the second is in brackets and may hold anything.
fn parent_of(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
