//! Cancellation token of an account's task. A lock or a stop waits for requests that were sent and for the disk, but
//! not for a host that does not answer: what was not sent yet, or spends nothing, is cancelled at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::broker::snapshot::SnapshotChanges;

/// Why nothing was sent. One clause.
pub(super) const CANCELLED: &str = "the store is being locked, or the daemon is stopping";

/// Cancels work when the account's task has to drain.
#[derive(Clone)]
pub(super) struct CancellationToken {
    pub(super) locked: Arc<AtomicBool>,
    pub(super) stopping: Arc<AtomicBool>,
    /// Notified after either of them was set.
    pub(super) changes: SnapshotChanges,
}

impl CancellationToken {
    /// The result of `work`; `None` if it was cancelled.
    pub(super) async fn run_until_cancelled<T>(mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.wait() => None,
            done = work => Some(done),
        }
    }

    async fn wait(&mut self) {
        loop {
            self.changes.mark_seen();
            if self.locked.load(Ordering::Acquire) || self.stopping.load(Ordering::Acquire) {
                return;
            }
            self.changes.changed().await;
        }
    }
}
