//! The listeners' accept loops: who may connect, deadlines, and the graceful shutdown.
//!
//! `axum::serve` sets no timer, so a silent connection would stay open for ever (docs/security.md, rule 9).
//! Knows connections and no routes.

pub(super) mod bind;
mod connection;
mod connection_cap;
mod executable;
mod lazy_timer;
mod passed;
mod shutdown;
#[cfg(test)]
mod tests;
mod tls;
mod write_timeout;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use connection::one_connection;
use connection_cap::{ConnectionCap, Permits};
use executable::executable;
use rustix::net::sockopt;
use shutdown::{ShutdownStage, until_draining};
use tls::{BegunConnection, begun};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use write_timeout::WriteTimeout;

use super::log_limit::LogLimit;
use super::peer::{BodyLimits, Connection, Peer, Scheme, Transport};
use crate::os::ports::PeerLookup;
use crate::os::private_file;

#[cfg(test)]
pub(crate) use bind::Holder;
use bind::SocketCallers;
pub(super) use bind::UnixSocket;
pub(crate) use bind::{BindError, BoundListener, SocketId, bind_app_socket, bind_extra_tcp, bind_tcp, bind_unix};
pub use connection::Answers;
pub(crate) use passed::{Passed, PassedError};
pub(crate) use tls::TlsIdentity;

/// What a connection may cost.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// How long a connection may be without a complete request head. One timer bounds the silent, the
    /// slow and the idle alike, since hyper has one; to reconnect on loopback costs 0.1 ms.
    pub head: Duration,
    /// See [`BodyLimits`].
    pub body: BodyLimits,
    /// How long a peer may keep a reply waiting by not reading.
    pub reply: Duration,
    /// Connections at once, over all listeners. TCP gets at most three quarters of them: every user of
    /// the machine can fill the port, and must not shut out the owner, who has the socket. When all are taken,
    /// those without a request in progress are evicted.
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
pub(crate) struct Server {
    limits: ConnectionLimits,
    places: Arc<ConnectionCap>,
    stage: Arc<watch::Sender<ShutdownStage>>,
    peers: Arc<PeerLookup>,
    log: LogLimit,
}

/// A listener that is being served. It closes when this is dropped; its connections end by themselves.
#[derive(Debug)]
pub(crate) struct ServedListener {
    accepting: AbortHandle,
}

impl Drop for ServedListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    /// A server without listeners.
    pub(crate) fn new(limits: ConnectionLimits) -> Self {
        let connections = limits.connections.clamp(1, MOST_CONNECTIONS);
        let (places, stage) =
            (Arc::new(ConnectionCap::new(connections)), Arc::new(watch::Sender::new(ShutdownStage::Serving)));
        Self { limits, places, stage, peers: Arc::new(PeerLookup::open()), log: LogLimit::default() }
    }

    /// The same limits and places, for listeners that are shut down apart from the others.
    pub(crate) fn apart(&self) -> Self {
        Self { stage: Arc::new(watch::Sender::new(ShutdownStage::Serving)), ..self.clone() }
    }

    /// Whether the system tells which local user is behind a TCP connection.
    pub(crate) fn tells_users(&self) -> bool {
        self.peers.is_supported()
    }

    /// The same, with a limit on log lines that others share.
    #[must_use]
    pub(crate) fn with_log(self, log: LogLimit) -> Self {
        Self { log, ..self }
    }

    /// Serves `app` on `listener`, for as long as the handle lives. Needs a running runtime.
    pub(crate) fn spawn(&self, listener: BoundListener, app: impl Answers) -> ServedListener {
        let server = self.clone();
        let accepting = match listener {
            BoundListener::Tcp(listener) => tokio::spawn(async move {
                let serve = |stream, peer, permits| server.serve_one(stream, peer, &app, permits);
                server.accept_tcp(listener, serve).await;
            }),
            BoundListener::Unix(socket) => tokio::spawn(async move { server.accept_unix(socket, &app).await }),
        };
        ServedListener { accepting: accepting.abort_handle() }
    }

    /// The same over TLS. A browser that comes without gets to `app` as [`Scheme::BeforeTls`].
    pub(crate) fn spawn_tls(&self, listener: TcpListener, identity: TlsIdentity, app: impl Answers) -> ServedListener {
        let server = self.clone();
        let accepting = tokio::spawn(async move {
            let serve = |stream, peer, permits| server.serve_tls(stream, peer, &identity, &app, permits);
            server.accept_tcp(listener, serve).await;
        });
        ServedListener { accepting: accepting.abort_handle() }
    }

    /// Accepts no more, lets requests in flight end, and cuts what is left after [`ConnectionLimits::drain`].
    pub(crate) async fn shut_down(&self) {
        self.stage.send_replace(ShutdownStage::Draining);
        // Accept loops and connections hold a receiver each: none left means that all have ended.
        if tokio::time::timeout(self.limits.drain, self.stage.closed()).await.is_err() {
            tracing::info!("requests still in flight were cut off");
            self.stage.send_replace(ShutdownStage::Cut);
            self.stage.closed().await;
        }
    }

    async fn accept_tcp(&self, listener: TcpListener, serve: impl Fn(TcpStream, Peer, Permits)) {
        let mut stage = self.stage.subscribe();
        let Ok(ours) = listener.local_addr() else { return };
        // A reply is one small write, which Nagle's algorithm could only delay. Connections inherit it from the listener.
        let _ = sockopt::set_tcp_nodelay(&listener, true);
        while let Some(permits) = until_draining(&mut stage, self.places.one(Transport::Tcp)).await {
            match until_draining(&mut stage, listener.accept()).await {
                None => return,
                Some(Err(error)) => self.accept_failed(&error).await,
                Some(Ok((stream, address))) => {
                    let user = self.peers.user(address, ours).await;
                    // Reset by its peer, whose address may be another user's by now: that was not the one to look up.
                    if stream.peer_addr().is_err() {
                        continue;
                    }
                    let port = ours.port();
                    serve(stream, Peer::Tcp { address, port, user, scheme: Scheme::Http }, permits);
                }
            }
        }
    }

    /// Takes the whole socket, so that its file stays for as long as this runs.
    async fn accept_unix(&self, socket: UnixSocket, app: &impl Answers) {
        // The socket is declared last, so it is dropped first: once the stage's receivers are gone, the
        // file is too.
        let (mut stage, socket) = (self.stage.subscribe(), socket);
        let transport = match socket.callers {
            SocketCallers::OwnUser => Transport::Unix,
            SocketCallers::OfApp => Transport::Tcp,
        };
        while let Some(permits) = until_draining(&mut stage, self.places.one(transport)).await {
            match until_draining(&mut stage, socket.listener.accept()).await {
                None => return,
                Some(Err(error)) => self.accept_failed(&error).await,
                Some(Ok((stream, _))) => {
                    let Some(peer) = self.socket_peer(&stream, socket.callers) else { continue };
                    self.serve_one(stream, peer, app, permits);
                }
            }
        }
    }

    async fn accept_failed(&self, error: &io::Error) {
        self.log.not_accepted(error);
        tokio::time::sleep(AFTER_FAILED_ACCEPT).await;
    }

    /// The peer, if the socket is for it.
    fn socket_peer(&self, stream: &UnixStream, callers: SocketCallers) -> Option<Peer> {
        let credentials = stream.peer_cred().ok()?;
        let (uid, pid) = (credentials.uid(), credentials.pid());
        if callers == SocketCallers::OfApp {
            return Some(Peer::AppSocket { uid, pid });
        }
        if uid != private_file::own_uid() {
            self.log.other_user(uid);
            return None;
        }
        Some(Peer::Unix { uid, pid })
    }

    fn serve_one<S>(&self, stream: S, peer: Peer, app: &impl Answers, permits: Permits)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let open = self.places.enter(permits);
        let connection = Connection::new(peer, executable(peer), self.limits.body);
        let (head, app, stage, log) = (self.limits.head, app.clone(), self.stage.subscribe(), self.log.clone());
        let stream = WriteTimeout::new(stream, self.limits.reply).longer_for(&open.activity);
        tokio::spawn(async move {
            one_connection(stream, connection, app, head, (stage, open), &log).await;
        });
    }

    fn serve_tls(&self, stream: TcpStream, peer: Peer, identity: &TlsIdentity, app: &impl Answers, permits: Permits) {
        let open = self.places.enter(permits);
        let connection = Connection::new(peer, executable(peer), self.limits.body);
        let (limits, app, mut stage, log) = (self.limits, app.clone(), self.stage.subscribe(), self.log.clone());
        let identity = identity.clone();
        tokio::spawn(async move {
            let handshake = tokio::time::timeout(limits.head, begun(stream, connection, &identity, limits.reply));
            let begun = tokio::select! {
                begun = until_draining(&mut stage, handshake) => begun,
                () = open.activity.evicted() => None,
            };
            match begun {
                Some(Ok(Ok(BegunConnection::Tls(stream, connection)))) => {
                    one_connection(*stream, connection, app, limits.head, (stage, open), &log).await;
                }
                Some(Ok(Ok(BegunConnection::Plain(stream, connection)))) => {
                    one_connection(stream, connection, app, limits.head, (stage, open), &log).await;
                }
                // A browser that does not trust the certificate yet, as a rule.
                Some(Ok(Err(error))) => tracing::trace!(%error, "a TLS handshake failed"),
                Some(Err(_)) | None => {}
            }
        });
    }
}
