//! Auto-lock after sleep or idleness, and auto-unlock once the key can be had (with backoff).

use std::time::Duration;

use crate::broker::handle::Broker;
use crate::broker::timer::sleep;
use crate::contract::{StoreState, UnlockRequest};

/// Shorter differences come from reading two clocks one after the other.
const A_SLEEP: Duration = Duration::from_millis(500);

/// The first and the longest pause between attempts to get the store's key.
const KEY_FIRST: Duration = Duration::from_secs(5);

const KEY_LONGEST: Duration = Duration::from_secs(300);

impl Broker {
    /// Retries to unlock with growing pauses: at the start a keyring may be locked, or its session not have begun.
    pub(crate) async fn unlock_when_it_can_be(self) {
        let mut pause = KEY_FIRST;
        while self.store_state() != StoreState::Unlocked {
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(KEY_LONGEST);
            if let Err(error) = self.unlock(UnlockRequest::default()).await {
                tracing::info!("the store stays locked: {error}");
            }
        }
    }

    /// Locks after the machine has slept, in case that nothing locked before. Never ends.
    pub(crate) async fn lock_after_sleep(self) {
        let clock = &self.inner.world.clock;
        let (mut jumps, mut slept) = (self.inner.common.jumps.clone(), clock.slept());
        while jumps.changed().await.is_ok() {
            let before = std::mem::replace(&mut slept, clock.slept());
            if slept.saturating_sub(before) >= A_SLEEP {
                tracing::info!("the machine has slept");
                // The failure was logged.
                _ = self.lock().await;
            }
        }
        std::future::pending::<()>().await;
    }

    /// Locks when nobody has asked for a token for `span`. Never ends. Wakes up once per span at most, and not at all
    /// while the store is locked.
    pub(crate) async fn lock_after_idle(self, span: Duration) {
        let (lock, clock) = (&self.inner.lock, &self.inner.world.clock);
        let (mut changed, mut jumps) = (lock.changed.subscribe(), self.inner.common.jumps.clone());
        loop {
            changed.borrow_and_update();
            let left = (!lock.is_locked()).then(|| span.saturating_sub(lock.idle(clock.now())));
            if left.is_some_and(|left| left.is_zero()) {
                tracing::info!("no token was requested for {} s", span.as_secs());
                if self.lock().await.is_err() {
                    // The failure was logged; try again after another span.
                    lock.asked_at(clock.now());
                }
                continue;
            }
            tokio::select! {
                () = sleep(left) => {}
                _ = changed.changed() => {}
                Ok(()) = jumps.changed() => {}
            }
        }
    }
}
