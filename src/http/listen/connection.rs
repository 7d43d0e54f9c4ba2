//! One connection, from its first request to its end or the daemon's.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;
use tower::Service as _;

use super::connection_cap::{GRACE, OpenConnection};
use super::lazy_timer::LazyTimer;
use super::shutdown::{ShutdownStage, reached};
use crate::http::activity::{CountedBody, Evictable};
use crate::http::log_limit::LogLimit;
use crate::http::peer::Connection;

/// hyper's read buffer, and so about the largest request head it takes (431 beyond, without a page). Twice the header
/// lines that are let in (`http::head`), so that the provider's answer has room in the target.
pub(super) const HEAD_BYTES: usize = 64 * 1024;
/// Browsers send about 20.
pub(super) const HEAD_FIELDS: usize = 64;

/// What answers the requests of a connection.
pub trait Answers: Clone + Send + Sync + 'static {
    /// The reply to one request.
    fn answer(&self, request: Request, connection: &Connection) -> impl Future<Output = Response> + Send;
}

/// For tests, and for listeners without a gate: the connection is among the request's extensions.
impl Answers for Router {
    async fn answer(&self, mut request: Request, connection: &Connection) -> Response {
        request.extensions_mut().insert(connection.clone());
        self.clone().call(request).await.unwrap_or_else(|never| match never {})
    }
}

/// Serves `stream` until the peer leaves, `head` has passed without a request, the shutdown is over, or the connection is
/// evicted.
pub(super) async fn one_connection<S>(
    stream: S,
    connection: Connection,
    app: impl Answers,
    head: Duration,
    (mut stage, open): (watch::Receiver<ShutdownStage>, OpenConnection),
    log: &LogLimit,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = &open.activity;
    let shared = Arc::new((app, Connection { evictable: Some(Evictable::new(activity)), ..connection }));
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (counted, shared) = (activity.begin(), Arc::clone(&shared));
        async move {
            let (app, connection) = &*shared;
            let reply = app.answer(request.map(|body| received(body, connection)), connection).await;
            Ok::<_, Infallible>(reply.map(|body| CountedBody::new(body, counted)))
        }
    });
    let http = http1::Builder::new()
        .timer(LazyTimer::default())
        .header_read_timeout(head)
        .max_headers(HEAD_FIELDS)
        .max_buf_size(HEAD_BYTES)
        // A peer that closes its side has left: its request is dropped and its place is free. `nc -N`, which closes once
        // it has asked, is the price; a `wait` of ten minutes would keep the place otherwise.
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut http = std::pin::pin!(http);
    let ended = tokio::select! {
        ended = http.as_mut() => ended,
        () = reached(&mut stage, ShutdownStage::Draining) => {
            let untouched = activity.is_untouched();
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
        () = activity.evicted() => Ok(()),
        () = activity.homeless() => {
            http.as_mut().graceful_shutdown();
            tokio::select! {
                ended = http.as_mut() => ended,
                () = reached(&mut stage, ShutdownStage::Cut) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        if error.is_parse_too_large() {
            log.head_too_large();
        }
        tracing::trace!(%error, "a connection ended early");
    }
}

/// A request's body. As long as the peer still owes some of it, the connection may be evicted.
fn received(body: Incoming, connection: &Connection) -> Body {
    match &connection.evictable {
        Some(evictable) if !body.is_end_stream() => evictable.until_received(body),
        _ => Body::empty(),
    }
}
