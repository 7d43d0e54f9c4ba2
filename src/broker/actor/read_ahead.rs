//! What the store holds of an account, and reading it ahead for many at a start.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::account::record::Record;
use crate::store::{Store, StoreError};

/// Threads that read ahead. The disk answers each of them at a time.
const READERS: usize = 4;

/// What the store holds of an account.
pub(in crate::broker) struct StoredAccount {
    pub(super) record: Result<Option<Record>, StoreError>,
    pub(super) mark: u64,
}

impl StoredAccount {
    pub(super) fn read(store: &dyn Store, name: &str) -> Self {
        Self { record: store.load(name), mark: store.high_water_mark(name) }
    }
}

/// Reads what the store holds of these accounts, by name: at a start, a thread's work for each account would take
/// longer than the reading. What could not be read is missing.
pub(in crate::broker) async fn read_ahead(
    store: &Arc<dyn Store>,
    names: Vec<String>,
) -> BTreeMap<String, Box<StoredAccount>> {
    let share = names.len().div_ceil(READERS).max(1);
    let mut readers = Vec::new();
    for names in names.chunks(share) {
        let (store, names) = (Arc::clone(store), names.to_vec());
        readers.push(tokio::task::spawn_blocking(move || {
            let read = |name: String| {
                let stored = Box::new(StoredAccount::read(&*store, &name));
                (name, stored)
            };
            names.into_iter().map(read).collect::<Vec<_>>()
        }));
    }
    let mut all = BTreeMap::new();
    for reader in readers {
        all.extend(reader.await.unwrap_or_default());
    }
    all
}
