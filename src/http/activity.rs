//! Counts the requests in progress on a connection. While there are none, it can be evicted.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt as _;
use tokio::sync::watch;

/// The requests of a connection.
#[derive(Debug, Default)]
pub(super) struct RequestCount {
    /// Heads that came.
    pub(super) begun: usize,
    /// Requests without an answer so far.
    pub(super) in_progress: usize,
    /// Those of them whose body the peer still owes, or which are [`Evictable`].
    pub(super) owed: usize,
}

impl RequestCount {
    /// Whether it is the peer's turn: to send a request, or the rest of one, or to read an answer.
    pub(super) fn is_peers_turn(&self) -> bool {
        self.in_progress <= self.owed
    }
}

/// Counts for as long as it lives.
pub(super) struct RequestGuard(Arc<watch::Sender<RequestCount>>, fn(&mut RequestCount) -> &mut usize);

impl RequestGuard {
    pub(super) fn new(talk: &Arc<watch::Sender<RequestCount>>, of: fn(&mut RequestCount) -> &mut usize) -> Self {
        talk.send_modify(|talk| *of(talk) += 1);
        Self(Arc::clone(talk), of)
    }

    /// A body that holds this until it has ended or is dropped.
    pub(super) fn held_by(
        self,
        body: impl HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
    ) -> Body {
        Body::new(body.map_err(move |error| {
            let _held = &self;
            error
        }))
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.send_modify(|talk| *self.1(talk) -= 1);
    }
}

/// A request's way to say that its connection may go: what it waits for is no answer.
#[derive(Debug, Clone)]
pub(in crate::http) struct Evictable(pub(super) Arc<watch::Sender<RequestCount>>);

impl Evictable {
    /// For as long as what this gives lives.
    pub(in crate::http) fn now(&self) -> impl Send + use<> {
        RequestGuard::new(&self.0, |talk| &mut talk.owed)
    }
}
