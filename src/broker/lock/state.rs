//! Lock state: whether tokens are served, and when somebody last asked for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use crate::broker::passphrase_backoff::PassphraseBackoff;
use crate::clock::{Boot, Moment};
use crate::contract::StoreState;
use crate::error::Error;

/// Whether tokens are served.
pub(in crate::broker) struct LockState {
    /// Set from the begin of a lock until the key is back: callers are refused, and accounts begin nothing.
    pub(in crate::broker) locked: Arc<AtomicBool>,
    /// When somebody last asked for a token, in milliseconds since boot.
    asked: AtomicU64,
    /// Notified when the store was locked or unlocked.
    pub(super) changed: watch::Sender<()>,
    /// Serializes changes of the set of accounts and of the lock.
    pub(in crate::broker) transition: Mutex<()>,
    /// Serializes passphrase attempts.
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

    /// Fails while the store is locked.
    pub(in crate::broker) fn check_unlocked(&self) -> Result<(), Error> {
        if self.is_locked() { Err(Error::StoreLocked) } else { Ok(()) }
    }

    /// Somebody asked for a token.
    pub(in crate::broker) fn asked_at(&self, now: Moment) {
        self.asked.store(u64::try_from(now.boot.0.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long nobody has asked for one.
    pub(super) fn idle(&self, now: Moment) -> Duration {
        Boot(Duration::from_millis(self.asked.load(Ordering::Relaxed))).until(now.boot)
    }
}
