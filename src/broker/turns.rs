//! So many accounts at a time ask the same provider for a new token of their own accord. After a night's sleep, or
//! when the network is back, all of them are due at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many. One keeps its turn until its attempt has ended, on the disk too: usually for less than a second, and for
/// 15 s where the provider doesn't answer (`provider/wire.rs`).
const AT_ONCE: usize = 16;

/// The turns of every provider.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<String, Arc<Semaphore>>>);

/// Whose turn it is, until this is dropped; `None` where turns are no longer given.
pub(super) type Turn = Option<OwnedSemaphorePermit>;

impl Turns {
    /// Waits until it is one's turn at the provider of this name, in the order of asking.
    pub(super) async fn take(&self, provider: &str) -> Turn {
        let turns = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match known.get(provider) {
                Some(turns) => Arc::clone(turns),
                None => Arc::clone(known.entry(provider.to_owned()).or_insert(Arc::new(Semaphore::new(AT_ONCE)))),
            }
        };
        turns.acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_provider_has_so_many_turns_and_they_are_given_back() {
        let turns = Turns::default();
        let mut taken = Vec::new();
        for _ in 0..AT_ONCE {
            taken.push(turns.take("a").await);
        }
        let late = tokio::time::timeout(std::time::Duration::from_secs(60), turns.take("a")).await;
        assert!(late.is_err(), "one too many");
        assert!(turns.take("b").await.is_some(), "another provider is not in the way");
        taken.pop();
        assert!(turns.take("a").await.is_some());
    }
}
