//! One connection, from its first request to its end or the daemon's.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;
use tower::Service as _;

use super::{Connection, Stage, reached};

/// hyper's read buffer, and so the largest request head it takes (431 beyond).
pub(super) const HEAD_BYTES: usize = 16 * 1024;
/// Browsers send about 20.
pub(super) const HEAD_FIELDS: usize = 64;
/// How long a connection may take to its first request once the shutdown began. It was accepted a moment before, and
/// hyper would close it at once, without an answer; had it not been accepted, the next daemon would answer it.
const FIRST_WORDS: Duration = Duration::from_millis(100);

/// Serves `stream` until the peer leaves, `head` has passed without a request, or the shutdown is over.
pub(super) async fn one_connection<S>(
    stream: S,
    connection: Connection,
    router: Router,
    head: Duration,
    mut stage: watch::Receiver<Stage>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let asked = Arc::new(AtomicBool::new(false));
    let has_asked = Arc::clone(&asked);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connection.clone());
        let reply = router.clone().call(request);
        async move { Ok::<_, Infallible>(reply.await.unwrap_or_else(|never| match never {})) }
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_headers(HEAD_FIELDS)
        .max_buf_size(HEAD_BYTES)
        // Who closes its side has left: its request is dropped and its place is free. `nc -N`, which
        // closes once it has asked, is the price; a `wait` of ten minutes would keep the place otherwise.
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut http = std::pin::pin!(http);
    let ended = tokio::select! {
        ended = http.as_mut() => ended,
        () = reached(&mut stage, Stage::Draining) => {
            let rest = async {
                if !has_asked.load(Ordering::Relaxed) && let Ok(ended) = timeout(FIRST_WORDS, http.as_mut()).await {
                    return ended;
                }
                http.as_mut().graceful_shutdown();
                http.await
            };
            tokio::select! {
                ended = rest => ended,
                () = reached(&mut stage, Stage::Cut) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended early");
    }
}
