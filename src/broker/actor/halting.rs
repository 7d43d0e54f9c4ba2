//! A lock or a stop waits for what was sent and for the disk, and never for a host that does not answer: whatever has
//! not been sent yet, or spends nothing, ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::{Actor, Handle};

/// Why nothing was sent. One clause.
pub(super) const HALTED: &str = "the store is being locked, or the daemon is stopping";

/// Tells when an account's task is to begin nothing more.
#[derive(Clone)]
pub(super) struct Halted {
    shut: Arc<AtomicBool>,
    stopping: Arc<AtomicBool>,
    /// Rings after either of them was set.
    bell: watch::Receiver<()>,
}

impl Halted {
    /// The work's result; `None` if it was cut off.
    pub(super) async fn cuts<T>(mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.wait() => None,
            done = work => Some(done),
        }
    }

    async fn wait(&mut self) {
        loop {
            self.bell.borrow_and_update();
            if self.shut.load(Ordering::Acquire) || self.stopping.load(Ordering::Acquire) {
                return;
            }
            if self.bell.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

impl Actor {
    pub(super) fn halted(&self) -> Halted {
        let (shut, stopping) = (Arc::clone(&self.common.shut), Arc::clone(&self.stopping));
        Halted { shut, stopping, bell: self.published.listen() }
    }
}

impl Handle {
    /// From now on nothing is begun, and what was not sent yet is not sent.
    pub(in crate::broker) fn stop_soon(&self) {
        self.stopping.store(true, Ordering::Release);
        self.published.ring();
    }

    /// Whether it was told so.
    pub(in crate::broker) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
