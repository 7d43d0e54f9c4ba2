//! One operation at a time on each account's file. What nobody uses takes no memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::os::folder::Temp;

/// The accounts whose files are in use, or have space reserved.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<String, Arc<Mutex<FileGuard>>>>);

/// Locked by each operation on an account's file, so that the file does not change between check and write.
#[derive(Debug, Default)]
pub(super) struct FileGuard {
    /// The space that is reserved for the next commit.
    pub(super) reserved: Option<Temp>,
}

impl Turns {
    /// Does `work` once no other operation on the account's file is in progress.
    pub(super) fn take<T>(&self, account: &str, work: impl FnOnce(&mut FileGuard) -> T) -> T {
        let turn = Arc::clone(lock(&self.0).entry(account.to_owned()).or_default());
        let done = work(&mut lock(&turn));
        drop(turn);
        let mut turns = lock(&self.0);
        // Nobody else has it, and nobody gets it while the map is locked.
        let unused = turns.get_mut(account).and_then(Arc::get_mut);
        if unused.is_some_and(|guard| guard.get_mut().unwrap_or_else(PoisonError::into_inner).reserved.is_none()) {
            turns.remove(account);
        }
        done
    }

    /// Releases what is reserved, once the operations in progress have ended.
    pub(super) fn release(&self) {
        let turns: Vec<_> = lock(&self.0).keys().cloned().collect();
        for account in turns {
            self.take(&account, |guard| guard.reserved = None);
        }
    }
}

/// A panic while it was held leaves no half-done state: every write is a rename.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_on_one_file_take_turns_and_leave_nothing_behind() {
        let turns = Turns::default();
        let order = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for n in 0..8 {
                let (turns, order) = (&turns, &order);
                scope.spawn(move || {
                    turns.take("work", |_| {
                        lock(order).push((n, "begins"));
                        std::thread::yield_now();
                        lock(order).push((n, "ends"));
                    });
                });
            }
        });
        let order = lock(&order).clone();
        assert!(order.chunks(2).all(|pair| matches!(pair, [(a, "begins"), (b, "ends")] if a == b)), "{order:?}");
        assert!(lock(&turns.0).is_empty());
    }
}
