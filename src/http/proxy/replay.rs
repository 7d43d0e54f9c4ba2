//! The body of a forwarded request: passed on as it comes, and kept meanwhile for one replay, if it is small enough and
//! not too many are kept already. If rules have to see it first, it is kept as a whole before any of it is passed on.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::provider::upstream::Progress;

/// The largest body that is kept, in bytes.
const LARGEST: usize = 1024 * 1024;
/// How many bytes are kept of all requests together.
const ALL: usize = 16 * 1024 * 1024;

/// How many bytes are kept. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct ReplayBudget(Arc<AtomicUsize>);

impl ReplayBudget {
    fn take(&self, count: usize) -> bool {
        let more = |kept: usize| kept.checked_add(count).filter(|sum| *sum <= ALL);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    fn give_back(&self, count: usize) {
        self.0.fetch_sub(count, Ordering::AcqRel);
    }
}

/// What is known of a request's body while it is sent, and after.
#[derive(Debug)]
pub(super) struct SentBody {
    kept: Mutex<Kept>,
    budget: ReplayBudget,
    steps: AtomicU64,
    bytes: AtomicU64,
    /// The client broke off.
    broken: AtomicBool,
    /// What was not taken of a body that is kept: the upstream answered before it had read all of it.
    rest: Mutex<Option<Body>>,
    /// Told once all of it was taken, or the rest is there.
    left: Notify,
}

/// The bytes so far; `None`: they are not kept.
#[derive(Debug)]
struct Kept {
    bytes: Option<Zeroizing<Vec<u8>>>,
    whole: bool,
}

impl SentBody {
    /// Of a request without a body.
    pub(super) fn none(budget: &ReplayBudget) -> Arc<Self> {
        Self::new(budget, Some(Zeroizing::default()), true)
    }

    fn new(budget: &ReplayBudget, bytes: Option<Zeroizing<Vec<u8>>>, whole: bool) -> Arc<Self> {
        Arc::new(Self {
            kept: Mutex::new(Kept { bytes, whole }),
            budget: budget.clone(),
            steps: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            broken: AtomicBool::new(false),
            rest: Mutex::default(),
            left: Notify::new(),
        })
    }

    /// How many bytes were sent.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the client broke off before its end.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// All of it, if it was all sent and kept. Nothing is kept after that.
    pub(super) fn take_whole(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut kept = self.kept();
        let bytes = kept.bytes.take();
        self.budget.give_back(bytes.as_ref().map_or(0, |bytes| bytes.len()));
        bytes.filter(|_| kept.whole)
    }

    /// The same, once what the client still sends has arrived, within `deadline`.
    pub(super) async fn arrived(self: &Arc<Self>, deadline: Duration) -> Option<Zeroizing<Vec<u8>>> {
        let arriving = async {
            while self.is_incomplete() {
                let rest = self.rest().take();
                match rest {
                    // Nobody sends it, so it is read here.
                    Some(body) => {
                        let mut body = KeptBody { body, sent: Arc::clone(self) };
                        while self.is_incomplete() && body.frame().await.is_some() {}
                    }
                    None => self.left.notified().await,
                }
            }
        };
        // What has not arrived by then is missing, which `take_whole` notices.
        _ = timeout(deadline, arriving).await;
        self.take_whole()
    }

    /// Whether it is kept, and not whole yet.
    fn is_incomplete(&self) -> bool {
        let kept = self.kept();
        kept.bytes.is_some() && !kept.whole && !self.is_broken()
    }

    fn rest(&self) -> MutexGuard<'_, Option<Body>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of all of it, for sending; `None` if it is not kept.
    pub(super) fn copy(&self) -> Option<Bytes> {
        self.kept().bytes.clone().map(Bytes::from_owner)
    }

    /// What is kept, for whoever looks at it.
    pub(super) fn look<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        look(self.kept().bytes.as_ref().map_or(&[], |bytes| bytes))
    }

    /// Keeps nothing any more.
    pub(super) fn forget(&self) {
        drop(self.take_whole());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, data: &[u8]) {
        self.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        self.steps.fetch_add(1, Ordering::Release);
        let mut kept = self.kept();
        let Some(bytes) = &mut kept.bytes else { return };
        if bytes.len() + data.len() <= LARGEST && self.budget.take(data.len()) {
            bytes.extend_from_slice(data);
        } else {
            self.budget.give_back(bytes.len());
            kept.bytes = None;
        }
    }

    fn end(&self) {
        self.steps.fetch_add(1, Ordering::Release);
        self.kept().whole = true;
        self.left.notify_one();
    }
}

/// Why a body is not kept as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotKept {
    /// It is larger than 1 MiB.
    TooLarge,
    /// So many are kept that there is no room for it.
    NoRoom,
    /// It took too long.
    TooSlow,
    /// The client broke off.
    BrokenOff,
}

/// Reads a body and keeps it as a whole, within `deadline`.
pub(super) async fn keep(body: Body, budget: &ReplayBudget, deadline: Duration) -> Result<Arc<SentBody>, NotKept> {
    let announced = body.size_hint().lower();
    let (mut body, sent) = KeptBody::new(body, budget);
    let reading = async {
        // Asked first: a body that can't be kept is not read, and not asked for by `100 Continue`.
        while sent.kept().bytes.is_some() {
            match body.frame().await {
                Some(Ok(_)) => {}
                Some(Err(_)) => return Err(NotKept::BrokenOff),
                None => return Ok(()),
            }
        }
        Err(if announced.max(sent.bytes()) > LARGEST as u64 { NotKept::TooLarge } else { NotKept::NoRoom })
    };
    timeout(deadline, reading).await.unwrap_or(Err(NotKept::TooSlow))?;
    Ok(sent)
}

impl Drop for SentBody {
    fn drop(&mut self) {
        self.forget();
    }
}

impl Progress for SentBody {
    fn steps(&self) -> &AtomicU64 {
        &self.steps
    }
}

/// The body on its way to the upstream. Trailers are dropped: they could hold any header line.
pub(super) struct KeptBody {
    body: Body,
    sent: Arc<SentBody>,
}

impl KeptBody {
    /// The body, and what is known of it. It is kept unless its announced length is too large.
    pub(super) fn new(body: Body, budget: &ReplayBudget) -> (Self, Arc<SentBody>) {
        let fits = body.size_hint().lower() <= LARGEST as u64;
        let sent = SentBody::new(budget, fits.then(Zeroizing::default), false);
        (Self { body, sent: Arc::clone(&sent) }, sent)
    }
}

/// Whoever sent it wants no more of it.
impl Drop for KeptBody {
    fn drop(&mut self) {
        if self.sent.is_incomplete() {
            let body = std::mem::take(&mut self.body);
            *self.sent.rest() = Some(body);
        }
        self.sent.left.notify_one();
    }
}

impl HttpBody for KeptBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.sent.add(&data);
                    // hyper does not ask for an end that it knows of.
                    if self.body.is_end_stream() {
                        self.sent.end();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => {
                    self.sent.broken.store(true, Ordering::Relaxed);
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.sent.end();
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
