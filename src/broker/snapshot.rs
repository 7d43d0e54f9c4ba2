//! What an account's task shows to everybody: one snapshot, read without a lock, and a bell.

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

    /// The newest snapshot: nanoseconds, and nobody waits for anybody.
    pub(super) fn load(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Rings after every [`Self::show`] and [`Self::ring`]. Listen before you look, or you miss one.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Has everybody look again.
    pub(super) fn notify(&self) {
        self.changed.send_replace(());
    }

    pub(super) fn publish(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
        self.notify();
    }
}
