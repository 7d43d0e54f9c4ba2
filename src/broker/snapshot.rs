//! Published snapshot: read without a lock, with a notification when it changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use arc_swap::{ArcSwap, Guard};

use crate::account::snapshot::Snapshot;

/// The newest snapshot of one account. A `watch` channel would do the same, and take five times the memory.
#[derive(Debug)]
pub(super) struct SnapshotCell {
    snapshot: ArcSwap<Snapshot>,
    /// Counts notifications.
    version: AtomicU64,
    changed: Notify,
}

impl SnapshotCell {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self { snapshot: ArcSwap::from_pointee(snapshot), version: AtomicU64::default(), changed: Notify::new() }
    }

    /// The newest snapshot, in nanoseconds and without blocking.
    pub(super) fn load(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Notified after every [`Self::publish`] and [`Self::notify`]. Subscribe before you read, or you miss one.
    pub(super) fn subscribe(self: &Arc<Self>) -> SnapshotChanges {
        SnapshotChanges { seen: self.version.load(Ordering::Acquire), cell: Arc::clone(self) }
    }

    /// Wakes every subscriber.
    pub(super) fn notify(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_waiters();
    }

    pub(super) fn publish(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
        self.notify();
    }
}

/// Notifications of one [`SnapshotCell`].
#[derive(Debug, Clone)]
pub(super) struct SnapshotChanges {
    cell: Arc<SnapshotCell>,
    seen: u64,
}

impl SnapshotChanges {
    /// What was notified until now is known.
    pub(super) fn mark_seen(&mut self) {
        self.seen = self.cell.version.load(Ordering::Acquire);
    }

    /// Waits for a notification that is not known yet. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        loop {
            // Before the look: it receives what is notified from here on.
            let changed = self.cell.changed.notified();
            let version = self.cell.version.load(Ordering::Acquire);
            if version != self.seen {
                self.seen = version;
                return;
            }
            changed.await;
        }
    }
}
