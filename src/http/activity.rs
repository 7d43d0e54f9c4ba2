//! Activity of a connection: counts its requests, and tells since when it is idle. An idle connection can be evicted.
//!
//! Every request passes here, so nothing takes a lock or wakes a task.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
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
    /// Its places among all connections.
    places: Mutex<Places>,
    /// It lent its places, and did not get them back.
    homeless: Notify,
    /// It has forwarded a request of somebody with a key, who may take the time to read the reply.
    forwards: AtomicBool,
}

/// A connection's places: of one kind, and of all.
pub(super) type Places = [Option<OwnedSemaphorePermit>; 2];

impl Activity {
    /// Of a connection that was just accepted.
    pub(super) fn new(places: Places) -> Self {
        Self {
            places: Mutex::new(places),
            homeless: Notify::new(),
            forwards: AtomicBool::new(false),
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
        drop(std::mem::take(&mut *self.places()));
    }

    /// Whether it has forwarded a request.
    pub(super) fn forwards(&self) -> bool {
        self.forwards.load(Ordering::Relaxed)
    }

    /// Ready when the connection has to end with the reply that it is at.
    pub(super) async fn homeless(&self) {
        self.homeless.notified().await;
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The places of a connection whose request is forwarded, for which there is a limit of its own: until this is dropped
/// they are others', and the connection is in use, whatever the peer owes.
#[derive(Debug)]
pub(super) struct LentPlaces {
    activity: Arc<Activity>,
    lent: [Option<Arc<Semaphore>>; 2],
}

impl LentPlaces {
    fn of(activity: &Arc<Activity>) -> Self {
        activity.forwards.store(true, Ordering::Relaxed);
        activity.in_progress.fetch_add(1, Ordering::AcqRel);
        let places = std::mem::take(&mut *activity.places());
        let lent = places.each_ref().map(|place| place.as_ref().map(|place| Arc::clone(place.semaphore())));
        Self { activity: Arc::clone(activity), lent }
    }
}

impl Drop for LentPlaces {
    fn drop(&mut self) {
        let lent = std::mem::take(&mut self.lent);
        let owed = lent.iter().flatten().count();
        let back = lent.map(|place| place.and_then(|place| place.try_acquire_owned().ok()));
        if back.iter().flatten().count() == owed {
            *self.activity.places() = back;
        } else {
            self.activity.homeless.notify_one();
        }
        self.activity.ends(&self.activity.in_progress);
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

    /// Lends the connection's places, and keeps it from being evicted.
    pub(super) fn lend(&self) -> LentPlaces {
        LentPlaces::of(&self.0)
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
