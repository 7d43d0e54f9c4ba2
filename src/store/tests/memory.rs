//! The store in memory.

use super::*;
use crate::contract::StoreState;
use crate::secret::Passphrase;
use crate::store::Opening;
use crate::store::memory::MemoryStore;

fn opened(state: &Path) -> MemoryStore {
    MemoryStore::new(StateLock::take(state).unwrap())
}

fn stored(store: &MemoryStore) -> Option<u64> {
    store.load("work").unwrap().map(|record| record.generation)
}

#[test]
fn records_are_kept_by_generation_and_nothing_is_written() {
    let folder = tempdir();
    let store = opened(folder.path());
    let before = names(folder.path());
    assert_eq!(stored(&store), None);
    store.begin("work", &record(0)).unwrap();
    store.commit("work", &record(2)).unwrap();
    store.begin("work", &intended(2)).unwrap();
    assert!(store.load("work").unwrap().unwrap().intent.is_some());
    for outdated in [record(1), record(2)] {
        assert!(matches!(store.commit("work", &outdated), Err(StoreError::Conflict { stored: 2, .. })));
    }
    assert!(matches!(store.begin("work", &record(3)), Err(StoreError::Conflict { stored: 2, new: 3, .. })));
    store.commit("work", &record(3)).unwrap();
    store.commit("work", &record(3)).unwrap();
    assert_eq!((stored(&store), store.high_water_mark("work")), (Some(3), 0));
    store.remove("work").unwrap();
    store.remove("work").unwrap();
    assert_eq!((stored(&store), store.high_water_mark("work")), (None, 4), "generations only rise");
    assert_eq!((names(folder.path()), names(&folder.path().join("accounts"))), (before, vec![]));
    assert!(!store.is_durable());
}

#[test]
fn a_lock_drops_every_record_and_an_unlock_needs_no_key() {
    let folder = tempdir();
    let store = opened(folder.path());
    store.commit("work", &record(7)).unwrap();
    store.lock();
    assert_eq!(store.state(), StoreState::Locked);
    assert!(matches!(store.load("work"), Err(StoreError::Locked)));
    assert!(matches!(store.commit("work", &record(8)), Err(StoreError::Locked)));
    let passphrase = Opening::Passphrase(Passphrase::taken("any".to_owned()));
    assert!(matches!(store.unlock(&passphrase), Err(StoreError::Passphrase { .. })));
    store.unlock(&Opening::Source).unwrap();
    assert_eq!((store.state(), stored(&store), store.high_water_mark("work")), (StoreState::Unlocked, None, 8));
}

#[test]
fn the_folder_is_held_and_what_is_in_it_stays() {
    let folder = tempdir();
    open(folder.path()).commit("work", &record(1)).unwrap();
    let store = opened(folder.path());
    assert!(matches!(StateLock::take(folder.path()), Err(StoreError::InUse { .. })));
    assert_eq!((stored(&store), store.left_on_disk().unwrap()), (None, vec!["work".to_owned()]));
    drop(store);
    assert_eq!(generation(&open(folder.path())), Some(1));
}
