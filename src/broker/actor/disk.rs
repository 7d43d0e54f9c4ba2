//! Blocking store access of an account's task: load, prepare, commit and remove.

use std::sync::Arc;

use super::Actor;
use super::read_ahead::StoredAccount;
use crate::account::record::Record;
use crate::account::state::{Event, StoreTrouble};
use crate::store::{Store, StoreError};

impl Actor {
    pub(super) async fn load(&mut self) -> Event {
        let stored = match self.stored.take() {
            Some(stored) => Ok(*stored),
            None => self.blocking(|store, name| Ok(StoredAccount::read(store, name))).await,
        };
        let (loaded, mark) = match stored {
            Ok(StoredAccount { record, mark }) => (record, mark),
            Err(error) => (Err(error), 0),
        };
        match loaded {
            Ok(record) => Event::Loaded(record.map(Box::new), mark),
            Err(error) => {
                tracing::error!(account = %self.config.name, "{error}");
                Event::NotLoaded(match error {
                    StoreError::SetAside { .. } => StoreTrouble::Damaged(mark),
                    StoreError::Locked => StoreTrouble::Locked,
                    _ => StoreTrouble::Unavailable(error.to_string()),
                })
            }
        }
    }

    pub(super) async fn commit(&self, record: Box<Record>) -> Event {
        let (generation, needs_login) = (record.generation, record.needs_login.clone());
        let result = self.on_disk(move |store, name| store.commit(name, &record)).await;
        match (&result, needs_login) {
            (Ok(()), None) => {
                tracing::info!(account = %self.config.name, generation, "a new token set is stored and served");
            }
            (Ok(()), Some(reason)) => tracing::warn!(account = %self.config.name, "needs a login: {reason}"),
            (Err(_), _) => {}
        }
        Event::Committed(result)
    }

    pub(super) async fn on_disk(
        &self,
        work: impl FnOnce(&dyn Store, &str) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), String> {
        self.blocking(work).await.map_err(|error| {
            tracing::error!(account = %self.config.name, "{error}");
            error.to_string()
        })
    }

    /// Disk I/O blocks: it runs on the blocking pool.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (store, name) = (Arc::clone(&self.world.store), self.config.name.clone());
        let done = tokio::task::spawn_blocking(move || work(&*store, &name)).await;
        done.unwrap_or_else(|_| Err(StoreError::Io { path: "the store".into(), why: "its thread crashed".into() }))
    }
}
