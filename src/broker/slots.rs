//! Concurrency limit per provider for planned refreshes, since after a night's sleep all accounts are due at once;
//! and a notification when a host answers again after an outage.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::clock::Boot;

/// A slot is kept until the attempt has ended, on the disk too: usually for less than a second, and for 15 s where
/// the provider doesn't answer (`provider/wire.rs`).
const MAX_CONCURRENT: usize = 16;

/// Between two notifications of one host: each wakes every account that still waits for the provider.
const NOTIFY_INTERVAL: Duration = Duration::from_secs(1);

/// The slots of every provider, and the recoveries of every host.
#[derive(Debug, Default)]
pub(super) struct RefreshSlots {
    slots: Mutex<HashMap<String, Arc<Semaphore>>>,
    recoveries: Mutex<HashMap<String, Recovery>>,
}

#[derive(Debug, Default)]
struct Recovery {
    notifier: watch::Sender<()>,
    notified_at: Option<Boot>,
}

/// A slot, freed when it is dropped; `None` where there is no limit any more.
pub(super) type RefreshSlot = Option<OwnedSemaphorePermit>;

impl RefreshSlots {
    /// Waits for a slot at the provider of this name, first come, first served.
    pub(super) async fn acquire(&self, provider: &str) -> RefreshSlot {
        let slots = {
            let mut known = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            match known.get(provider) {
                Some(slots) => Arc::clone(slots),
                None => {
                    Arc::clone(known.entry(provider.to_owned()).or_insert(Arc::new(Semaphore::new(MAX_CONCURRENT))))
                }
            }
        };
        slots.acquire_owned().await.ok()
    }

    /// Notified when an account got an answer from this host (an origin) after it had none.
    pub(super) fn recovery(&self, host: &str) -> watch::Receiver<()> {
        self.recoveries(|all| all.entry(host.to_owned()).or_default().notifier.subscribe())
    }

    /// An account got an answer after it had none.
    pub(super) fn recovered(&self, host: &str, now: Boot) {
        self.recoveries(|all| {
            let Some(recovery) = all.get_mut(host) else { return };
            if recovery.notified_at.is_none_or(|notified_at| notified_at.until(now) >= NOTIFY_INTERVAL) {
                recovery.notified_at = Some(now);
                recovery.notifier.send_replace(());
            }
        });
    }

    fn recoveries<T>(&self, with: impl FnOnce(&mut HashMap<String, Recovery>) -> T) -> T {
        with(&mut self.recoveries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_provider_has_so_many_turns_and_they_are_given_back() {
        let slots = RefreshSlots::default();
        let mut permits = Vec::new();
        for _ in 0..MAX_CONCURRENT {
            permits.push(slots.acquire("a").await);
        }
        let late = tokio::time::timeout(Duration::from_secs(60), slots.acquire("a")).await;
        assert!(late.is_err(), "one too many");
        assert!(slots.acquire("b").await.is_some(), "another provider is not in the way");
        permits.pop();
        assert!(slots.acquire("a").await.is_some());
    }
}
