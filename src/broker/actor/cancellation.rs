//! A lock or a stop waits for what was sent and for the disk, and never for a host that does not answer: whatever has
//! not been sent yet, or spends nothing, ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// Why nothing was sent. One clause.
pub(in crate::broker) const CANCELLED: &str = "the store is being locked, or the daemon is stopping";

/// Tells when an account's task is to begin nothing more.
#[derive(Clone)]
pub(in crate::broker) struct CancellationToken {
    pub(in crate::broker) locked: Arc<AtomicBool>,
    pub(in crate::broker) stopping: Arc<AtomicBool>,
    /// Rings after either of them was set.
    pub(in crate::broker) changes: watch::Receiver<()>,
}

impl CancellationToken {
    /// The work's result; `None` if it was cut off.
    pub(in crate::broker) async fn run_until_cancelled<T>(mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.wait() => None,
            done = work => Some(done),
        }
    }

    async fn wait(&mut self) {
        loop {
            self.changes.borrow_and_update();
            if self.locked.load(Ordering::Acquire) || self.stopping.load(Ordering::Acquire) {
                return;
            }
            if self.changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}
