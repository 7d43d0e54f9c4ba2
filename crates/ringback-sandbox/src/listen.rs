//! The accept loop. It is our own so that a fault can cut the connection it came on.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tower::ServiceExt;

/// The address of the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Lets a handler cut its own connection.
#[derive(Clone, Default)]
pub(crate) struct Hangup(Arc<Notify>);

impl Hangup {
    /// Ends the connection without a reply. The caller is dropped with it.
    pub(crate) async fn cut<T>(&self) -> T {
        // The request gets no log line of its own: this one replaces it.
        tracing::info!("sandbox: connection cut by a fault");
        self.0.notify_one();
        std::future::pending().await
    }
}

/// Pause after a failed accept (usually because no file descriptors are left), so as not to spin.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` is ready; then cuts what is still open.
pub(crate) async fn serve(listener: TcpListener, routes: Router, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let mut shutdown = pin!(shutdown);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, Peer(peer.ip()), routes.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "sandbox: accept failed");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            },
        }
    }
    connections.shutdown().await;
    Ok(())
}

async fn connection(stream: TcpStream, peer: Peer, routes: Router) {
    // Small replies should not wait for an acknowledgement; if it cannot be set they do.
    let _ = stream.set_nodelay(true);
    let hangup = Hangup::default();
    let for_handlers = hangup.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(for_handlers.clone());
        request.extensions_mut().insert(peer);
        let routes = routes.clone();
        async move { routes.oneshot(request).await }
    });
    let serving = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        served = serving => if let Err(error) = served {
            tracing::debug!(%error, "sandbox: connection ended");
        },
        () = hangup.0.notified() => {}
    }
}
