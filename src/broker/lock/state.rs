//! Lock state: whether tokens are served, and when somebody last asked for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, watch};

use crate::broker::passphrase_backoff::PassphraseBackoff;
use crate::clock::{Boot, Moment};
use crate::contract::StoreState;
use crate::error::Error;

/// Whether the broker has anything to give.
pub(in crate::broker) struct LockState {
    /// From the moment that somebody locks until the key is there again: nobody is served, and no account
    /// begins anything.
    pub(in crate::broker) locked: Arc<AtomicBool>,
    /// When somebody last asked for a token, in milliseconds since boot.
    asked: AtomicU64,
    /// Rings when the store was locked or unlocked.
    pub(super) changed: watch::Sender<()>,
    /// Held by who changes which accounts there are or whether they are locked.
    pub(in crate::broker) transition: Mutex<()>,
    /// Held by the one whose passphrase is looked at.
    pub(super) passphrase_backoff: Arc<Mutex<PassphraseBackoff>>,
}

impl LockState {
    pub(in crate::broker) fn new(store: StoreState, now: Moment) -> Self {
        let lock = Self {
            locked: Arc::new(AtomicBool::new(store != StoreState::Unlocked)),
            asked: AtomicU64::default(),
            changed: watch::Sender::new(()),
            transition: Mutex::default(),
            passphrase_backoff: Arc::default(),
        };
        lock.asked_at(now);
        lock
    }

    pub(in crate::broker) fn is_locked(&self) -> bool {
        self.locked.load(Ordering::Acquire)
    }

    /// Refuses while there is nothing to give.
    pub(in crate::broker) fn check_unlocked(&self) -> Result<(), Error> {
        if self.is_locked() { Err(Error::StoreLocked) } else { Ok(()) }
    }

    /// Somebody wants a token.
    pub(in crate::broker) fn asked_at(&self, now: Moment) {
        self.asked.store(u64::try_from(now.boot.0.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long nobody has wanted one.
    pub(super) fn idle(&self, now: Moment) -> Duration {
        Boot(Duration::from_millis(self.asked.load(Ordering::Relaxed))).until(now.boot)
    }
}
