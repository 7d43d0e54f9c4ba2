//! One connection, from its first request to its end or the daemon's.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tower::Service as _;

use super::connection_cap::EvictionTickets;
use super::request_count::{Evictable, RequestCount, RequestGuard};
use super::shutdown::{ShutdownStage, reached};
use crate::http::log_limit::LogLimit;
use crate::http::peer::Connection;

/// hyper's read buffer, and so about the largest request head it takes (431 beyond, without a page). Twice the header
/// lines that are let in (`http::head`), so that the provider's answer has room in the target.
pub(super) const HEAD_BYTES: usize = 64 * 1024;
/// Browsers send about 20.
pub(super) const HEAD_FIELDS: usize = 64;
/// How long it may be the peer's turn before the daemon stops or gives the connection's place to others. One that was
/// accepted a moment before would have its request on the way.
const GRACE: Duration = Duration::from_millis(100);

/// Serves `stream` until the peer leaves, `head` has passed without a request, the shutdown is over, or somebody else
/// needs its place and it makes no use of it.
pub(super) async fn one_connection<S>(
    stream: S,
    connection: Connection,
    router: Router,
    head: Duration,
    (mut stage, tickets): (watch::Receiver<ShutdownStage>, EvictionTickets),
    log: &LogLimit,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let talk = Arc::new(watch::Sender::new(RequestCount::default()));
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
    let ended = tokio::select! {
        ended = http.as_mut() => ended,
        () = reached(&mut stage, ShutdownStage::Draining) => {
            let untouched = talk.borrow().begun == 0;
            let rest = async {
                if untouched && let Ok(ended) = timeout(GRACE, http.as_mut()).await {
                    return ended;
                }
                http.as_mut().graceful_shutdown();
                http.await
            };
            tokio::select! {
                ended = rest => ended,
                () = reached(&mut stage, ShutdownStage::Cut) => Ok(()),
            }
        }
        () = gives_way(talk.subscribe(), tickets) => Ok(()),
    };
    if let Err(error) = ended {
        if error.is_parse_too_large() {
            log.head_too_large();
        }
        tracing::trace!(%error, "a connection ended early");
    }
}

/// The router's answer. It counts from now on, until all of it is in hyper's hands.
fn answer(
    request: hyper::Request<Incoming>,
    router: &Router,
    connection: &Connection,
    talk: &Arc<watch::Sender<RequestCount>>,
) -> impl Future<Output = Result<Response, Infallible>> + Send + use<> {
    talk.send_modify(|talk| talk.begun += 1);
    let in_progress = RequestGuard::new(talk, |talk| &mut talk.in_progress);
    let mut request = request.map(|body| {
        if body.is_end_stream() { Body::empty() } else { RequestGuard::new(talk, |talk| &mut talk.owed).held_by(body) }
    });
    request.extensions_mut().insert(connection.clone());
    request.extensions_mut().insert(Evictable(Arc::clone(talk)));
    let reply = router.clone().call(request);
    async move {
        let reply = reply.await.unwrap_or_else(|never| match never {});
        Ok(reply.map(|body| in_progress.held_by(body)))
    }
}

/// Ready once it has been the peer's turn for [`GRACE`] and somebody needs the place.
async fn gives_way(mut talk: watch::Receiver<RequestCount>, tickets: EvictionTickets) {
    while talk.wait_for(RequestCount::is_peers_turn).await.is_ok() {
        let needed = async {
            sleep(GRACE).await;
            tickets.one().await;
        };
        tokio::select! {
            biased;
            changed = talk.changed() => if changed.is_err() { break },
            () = needed => return,
        }
    }
    // It has ended already.
    std::future::pending::<()>().await;
}
