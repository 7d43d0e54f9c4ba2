//! Published snapshot: read without a lock, with a notification when it changes.

use std::sync::Arc;

use tokio::sync::watch;

use arc_swap::{ArcSwap, Guard};

use crate::account::snapshot::Snapshot;

/// The newest snapshot of one account.
#[derive(Debug)]
pub(super) struct SnapshotCell {
    snapshot: ArcSwap<Snapshot>,
    changed: watch::Sender<()>,
}

impl SnapshotCell {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self { snapshot: ArcSwap::from_pointee(snapshot), changed: watch::Sender::new(()) }
    }

    /// The newest snapshot, in nanoseconds and without blocking.
    pub(super) fn load(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Notified after every [`Self::publish`] and [`Self::notify`]. Subscribe before you read, or you miss one.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Wakes every subscriber.
    pub(super) fn notify(&self) {
        self.changed.send_replace(());
    }

    pub(super) fn publish(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
        self.notify();
    }
}
