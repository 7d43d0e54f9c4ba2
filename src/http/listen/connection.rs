//! One connection, from its first request to its end or the daemon's.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http_body_util::BodyExt as _;
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
/// How long a connection without a request may go on being so when the daemon stops or others wait for its place. One
/// that was accepted a moment before would have its request on the way.
const GRACE: Duration = Duration::from_millis(100);

/// What goes on in a connection.
#[derive(Default)]
struct Talk {
    /// Heads that came.
    begun: AtomicUsize,
    /// Requests without an answer so far.
    in_progress: AtomicUsize,
    /// Those of them whose body the peer still owes.
    owed: AtomicUsize,
}

impl Talk {
    fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// Whether it is the peer's turn: to send a request, or the rest of one, or to read an answer.
    fn is_peers_turn(&self) -> bool {
        self.in_progress.load(Ordering::Relaxed) == self.owed.load(Ordering::Relaxed)
    }
}

/// Counts for as long as it lives.
struct Counted(Arc<Talk>, fn(&Talk) -> &AtomicUsize);

impl Counted {
    fn new(talk: &Arc<Talk>, of: fn(&Talk) -> &AtomicUsize) -> Self {
        of(talk).fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(talk), of)
    }

    /// A body that holds this until it has ended or is dropped.
    fn held_by(self, body: impl HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static) -> Body {
        Body::new(body.map_err(move |error| {
            let _held = &self;
            error
        }))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1(&self.0).fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves `stream` until the peer leaves, `head` has passed without a request, the shutdown is over, or its place is
/// scarce and it makes no use of it.
pub(super) async fn one_connection<S>(
    stream: S,
    connection: Connection,
    router: Router,
    head: Duration,
    (mut stage, mut scarce): (watch::Receiver<Stage>, watch::Receiver<usize>),
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let talk = Arc::new(Talk::default());
    let counted = Arc::clone(&talk);
    let service = service_fn(move |request| answer(request, &router, &connection, &counted));
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
    let ended = loop {
        tokio::select! {
            ended = http.as_mut() => break ended,
            () = reached(&mut stage, Stage::Draining) => {
                let rest = async {
                    if talk.begun() == 0 && let Ok(ended) = timeout(GRACE, http.as_mut()).await {
                        return ended;
                    }
                    http.as_mut().graceful_shutdown();
                    http.await
                };
                tokio::select! {
                    ended = rest => break ended,
                    () = reached(&mut stage, Stage::Cut) => break Ok(()),
                }
            }
            () = asked_for(&mut scarce) => {
                let before = talk.begun();
                match timeout(GRACE, http.as_mut()).await {
                    Ok(ended) => break ended,
                    Err(_) if talk.begun() == before && talk.is_peers_turn() && *scarce.borrow() > 0 => break Ok(()),
                    Err(_) => {}
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended early");
    }
}

/// The router's answer. It counts from now on, until all of it is in hyper's hands.
fn answer(
    request: hyper::Request<Incoming>,
    router: &Router,
    connection: &Connection,
    talk: &Arc<Talk>,
) -> impl Future<Output = Result<Response, Infallible>> + Send + use<> {
    talk.begun.fetch_add(1, Ordering::Relaxed);
    let in_progress = Counted::new(talk, |talk| &talk.in_progress);
    let mut request = request.map(|body| {
        if body.is_end_stream() { Body::empty() } else { Counted::new(talk, |talk| &talk.owed).held_by(body) }
    });
    request.extensions_mut().insert(connection.clone());
    let reply = router.clone().call(request);
    async move {
        let reply = reply.await.unwrap_or_else(|never| match never {});
        Ok(reply.map(|body| in_progress.held_by(body)))
    }
}

/// Ready while somebody waits for a place like this connection's.
async fn asked_for(scarce: &mut watch::Receiver<usize>) {
    if scarce.wait_for(|waiting| *waiting > 0).await.is_err() {
        // The server is gone, and nobody waits any more.
        std::future::pending::<()>().await;
    }
}
