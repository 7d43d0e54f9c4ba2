//! The queue before the audit log's thread: whole lines, as bytes.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::file::Series;
use super::request::WriterRequest;
use crate::contract::AuditLine;

/// How many bytes may wait, at most; one line more than that.
const CAPACITY: usize = 1 << 20;
/// Between two writes. The first line after a pause is written at once; those that follow it are written together, since to
/// wake the thread for each would cost more than all the rest of a request.
const INTERVAL: Duration = Duration::from_millis(10);
/// Room for a usual line, and for one that is nearly as long as they get.
const LINE: usize = 512;
const LONGEST_LINE: usize = 64 << 10;

/// What waits to be written. One thread takes it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Something waits, or the queue was closed.
    filled: Condvar,
    /// The thread has taken all that waited.
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    batch: QueuedBatch,
    closed: bool,
    /// The thread has ended, which only a panic can cause while the queue is open: nothing is written any more, and nothing
    /// waits for it.
    ended: bool,
    /// The thread sleeps until it is woken.
    asleep: bool,
}

/// Held by the thread: the queue learns when it ends, whatever the reason.
pub(super) struct QueueReader<'a>(&'a Queue);

impl Drop for QueueReader<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.ended = true;
        // Who asked something is told by the end of its channel.
        waiting.batch = QueuedBatch::default();
        drop(waiting);
        self.0.emptied.notify_waiters();
    }
}

/// What is written together.
#[derive(Debug, Default)]
pub(super) struct QueuedBatch {
    pub(super) main: LineBatch,
    pub(super) denied: LineBatch,
    /// Carried out after the lines.
    pub(super) requests: Vec<WriterRequest>,
}

/// Lines for one write.
#[derive(Debug, Default)]
pub(super) struct LineBatch {
    pub(super) lines: Vec<u8>,
    pub(super) count: u64,
}

impl LineBatch {
    /// Makes room for the next lines.
    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.count = 0;
    }
}

impl QueuedBatch {
    /// With room for a full queue. A page of it takes memory once it is written to; grown in steps, the pieces that it has
    /// outgrown would stay with the allocator.
    pub(super) fn with_room() -> Self {
        let main = LineBatch { lines: Vec::with_capacity(CAPACITY + LONGEST_LINE), count: 0 };
        Self { main, ..Self::default() }
    }

    fn is_empty(&self) -> bool {
        self.main.count == 0 && self.denied.count == 0 && self.requests.is_empty()
    }
}

impl Queue {
    pub(super) fn new() -> Self {
        let waiting = Waiting { batch: QueuedBatch::with_room(), ..Waiting::default() };
        Self { waiting: Mutex::new(waiting), ..Self::default() }
    }

    /// For the thread, for as long as it runs.
    pub(super) fn reader(&self) -> QueueReader<'_> {
        QueueReader(self)
    }

    /// Waits for something to write and swaps it for `batch`, which has to be empty. False: the queue was closed, and there
    /// is nothing left.
    pub(super) fn take(&self, batch: &mut QueuedBatch) -> bool {
        let mut waiting = self.waiting();
        while waiting.batch.is_empty() {
            if waiting.closed {
                return false;
            }
            waiting.asleep = true;
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.asleep = false;
        std::mem::swap(&mut waiting.batch, batch);
        drop(waiting);
        self.emptied.notify_waiters();
        true
    }

    /// Waits until lines may be written again, or somebody asks for it.
    pub(super) fn pause(&self) {
        let waiting = self.waiting();
        let goes_on = |waiting: &mut Waiting| waiting.batch.requests.is_empty() && !waiting.closed;
        drop(self.filled.wait_timeout_while(waiting, INTERVAL, goes_on).unwrap_or_else(PoisonError::into_inner));
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Whole lines are added in one step: a panic while it was held left none half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, change: impl FnOnce(&mut QueuedBatch)) {
        let mut waiting = self.waiting();
        if waiting.ended {
            return;
        }
        change(&mut waiting.batch);
        let urgent = !waiting.batch.requests.is_empty();
        if std::mem::take(&mut waiting.asleep) || urgent {
            self.filled.notify_one();
        }
    }
}

/// The end of a queue where lines are added. The queue closes when it is dropped.
#[derive(Debug)]
pub(super) struct QueueEnd(Arc<Queue>);

impl QueueEnd {
    pub(super) fn of(queue: &Arc<Queue>) -> Self {
        Self(Arc::clone(queue))
    }

    /// Adds a line; waits while the queue is full.
    pub(super) async fn push(&self, series: Series, line: &AuditLine) {
        loop {
            let emptied = self.0.emptied.notified();
            if self.try_push(series, line) {
                return;
            }
            emptied.await;
        }
    }

    /// Adds a line, unless the queue is full.
    pub(super) fn try_push(&self, series: Series, line: &AuditLine) -> bool {
        let mut text = Vec::with_capacity(LINE);
        if line.write_json(&mut text).is_err() {
            return true;
        }
        text.push(b'\n');
        // A thread that has ended takes nothing, and withholds nothing.
        let mut fits = true;
        self.0.add(|batch| {
            fits = batch.main.lines.len() + batch.denied.lines.len() <= CAPACITY;
            if fits {
                let lines = match series {
                    Series::Main => &mut batch.main,
                    Series::Denied => &mut batch.denied,
                };
                lines.lines.extend_from_slice(&text);
                lines.count += 1;
            }
        });
        fits
    }

    /// Asks the thread for something, which it does after all lines so far, and without delay.
    pub(super) fn ask(&self, request: WriterRequest) {
        self.0.add(|batch| batch.requests.push(request));
    }
}

impl Drop for QueueEnd {
    fn drop(&mut self) {
        self.0.waiting().closed = true;
        self.0.filled.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::contract::AuditEvent;

    fn line() -> AuditLine {
        AuditLine {
            reason: Some("x".repeat(1000)),
            ..AuditLine::new(AuditEvent::Token, "2026-11-29T00:00:00.000Z".into())
        }
    }

    fn full() -> (Arc<Queue>, QueueEnd) {
        let queue = Arc::<Queue>::default();
        let end = QueueEnd::of(&queue);
        while end.try_push(Series::Main, &line()) {}
        (queue, end)
    }

    #[tokio::test]
    async fn a_full_queue_takes_no_line_until_its_thread_has_taken_all() {
        let (queue, end) = full();
        let waiting = tokio::spawn(async move {
            end.push(Series::Denied, &line()).await;
            end
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let mut batch = QueuedBatch::default();
        assert!(queue.take(&mut batch) && batch.main.lines.len() > CAPACITY && batch.denied.count == 0);
        drop(waiting.await.unwrap());
        let (before, mut batch) = (batch.main.count, QueuedBatch::default());
        assert!(
            queue.take(&mut batch) && batch.denied.count == 1 && before > 900,
            "the rest, after the end is dropped"
        );
        batch.denied.clear();
        assert!(!queue.take(&mut batch), "nothing is left");
    }

    #[tokio::test]
    async fn nobody_waits_for_a_thread_that_has_ended() {
        let (queue, end) = full();
        let (done, answer) = oneshot::channel();
        end.ask(WriterRequest::Flush(done));
        drop(queue.reader());
        assert!(answer.await.is_err(), "the request is dropped");
        end.push(Series::Main, &line()).await;
        let (done, answer) = oneshot::channel();
        end.ask(WriterRequest::Flush(done));
        assert!(answer.await.is_err(), "as is a later one");
    }
}
