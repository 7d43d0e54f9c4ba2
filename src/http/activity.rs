//! Activity of a connection: counts its requests, and tells since when it is idle. An idle connection can be evicted.
//!
//! Every request passes here, so nothing takes a lock or wakes a task.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What a connection does.
#[derive(Debug)]
pub(super) struct Activity {
    /// When it was accepted.
    accepted: Instant,
    /// Requests whose head was read.
    begun: AtomicUsize,
    /// Requests that are not answered yet.
    in_progress: AtomicUsize,
    /// Those of them whose body the peer has not sent yet, or which are [`Evictable`].
    owed: AtomicUsize,
    /// When it became idle last: nanoseconds after `accepted`. Of a connection that is not idle it says nothing.
    idle_since: AtomicU64,
    /// Somebody needs its place.
    chosen: AtomicBool,
    evicted: Notify,
}

impl Activity {
    /// Of a connection that was just accepted.
    pub(super) fn new() -> Self {
        Self {
            accepted: now(),
            begun: AtomicUsize::new(0),
            in_progress: AtomicUsize::new(0),
            owed: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            chosen: AtomicBool::new(false),
            evicted: Notify::new(),
        }
    }

    /// Whether no request has begun.
    pub(super) fn is_untouched(&self) -> bool {
        self.begun.load(Ordering::Relaxed) == 0
    }

    /// Since when the connection has been idle, if it is: the peer has to send a request, or the rest of one, or to read a
    /// reply.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let is_idle = self.in_progress.load(Ordering::Acquire) <= self.owed.load(Ordering::Acquire);
        is_idle.then(|| self.accepted + Duration::from_nanos(self.idle_since.load(Ordering::Relaxed)))
    }

    /// Whether it was told to go, and has not refused.
    pub(super) fn is_chosen(&self) -> bool {
        self.chosen.load(Ordering::Acquire)
    }

    /// Says that it has gone: whoever chose it and did not get its place looks for another.
    pub(super) fn gone(&self) {
        self.chosen.store(false, Ordering::Release);
    }

    /// Tells it to go. It refuses if a request has come meanwhile.
    pub(super) fn evict(&self) {
        self.chosen.store(true, Ordering::Release);
        self.evicted.notify_one();
    }

    /// Ready when the connection has to go.
    pub(super) async fn evicted(&self) {
        loop {
            self.evicted.notified().await;
            if self.idle_since().is_some() {
                return;
            }
            self.chosen.store(false, Ordering::Release);
        }
    }

    /// Counts a request whose head was read.
    pub(super) fn begin(self: &Arc<Self>) -> Counted {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.in_progress.fetch_add(1, Ordering::AcqRel);
        Counted { activity: Arc::clone(self), ends: |activity| activity.ends(&activity.in_progress) }
    }

    /// Counts what the peer still owes of a request.
    fn owe(self: &Arc<Self>) -> Counted {
        self.touch();
        self.owed.fetch_add(1, Ordering::AcqRel);
        Counted { activity: Arc::clone(self), ends: |activity| _ = activity.owed.fetch_sub(1, Ordering::AcqRel) }
    }

    /// The time before the count: who sees the connection idle must not read an older time.
    fn ends(&self, count: &AtomicUsize) {
        self.touch();
        count.fetch_sub(1, Ordering::AcqRel);
    }

    fn touch(&self) {
        let since = u64::try_from(self.accepted.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.idle_since.store(since, Ordering::Relaxed);
    }
}

/// Idleness is measured as the timers that end it are.
#[expect(
    clippy::disallowed_methods,
    reason = "tokio's clock, which a paused test moves; no decision about a token goes by it"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Counts for as long as it lives.
#[derive(Debug)]
pub(super) struct Counted {
    activity: Arc<Activity>,
    ends: fn(&Activity),
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.ends)(&self.activity);
    }
}

/// The body of a reply: its request is in progress until all of it is in hyper's hands.
pub(super) struct CountedBody {
    body: Body,
    _counted: Counted,
}

impl CountedBody {
    pub(super) fn new(body: Body, counted: Counted) -> Self {
        Self { body, _counted: counted }
    }
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request's way to say that its connection may be evicted: the peer waits for nothing that matters.
#[derive(Debug, Clone)]
pub(super) struct Evictable(Arc<Activity>);

impl Evictable {
    pub(super) fn new(activity: &Arc<Activity>) -> Self {
        Self(Arc::clone(activity))
    }

    /// For as long as what this returns lives.
    pub(super) fn now(&self) -> impl Send + use<> {
        self.0.owe()
    }

    /// The body of a request, whose connection may be evicted until all of it has come.
    pub(super) fn until_received(
        &self,
        body: impl HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
    ) -> Body {
        let owed = self.0.owe();
        Body::new(body.map_err(move |error| {
            let _held = &owed;
            error
        }))
    }
}
