//! Lock and unlock: the store's key and all tokens leave memory, and come back.

mod auto;
pub(super) mod state;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{OwnedMutexGuard, oneshot};

use super::accounts::{Accounts, stop};
use super::actor::command::AccountCommand;
use super::handle::{Broker, DRAIN_PATIENCE};
use super::passphrase_backoff::PassphraseBackoff;
use crate::contract::{LockReply, StoreState, UnlockRequest, VERSION};
use crate::error::{Error, Obstacle};
use crate::secret::Passphrase;
use crate::store::{Opening, StoreError};

impl Broker {
    /// Drops the store's key and every token and secret from memory. Requests in flight are finished and stored
    /// first; callers are refused at once. Continues when the caller disconnects.
    pub async fn lock(&self) -> Result<LockReply, Error> {
        let broker = self.clone();
        tokio::spawn(async move { broker.lock_now().await }).await.unwrap_or_else(|_| Err(crashed()))
    }

    async fn lock_now(&self) -> Result<LockReply, Error> {
        let lock = &self.inner.lock;
        let _transition = lock.transition.lock().await;
        if self.store_state() != StoreState::Unlocked {
            return Ok(self.lock_reply(false));
        }
        lock.locked.store(true, Ordering::SeqCst);
        let accounts = self.inner.accounts.load_full();
        accounts.members.values().for_each(|member| member.handle.published.notify());
        self.cancel_logins("the token store was locked meanwhile").await;
        if let Err(why) = tell(&accounts, AccountCommand::Lock).await {
            self.reopen(&accounts).await;
            tracing::error!("the store was not locked: {why}");
            return Err(Error::StoreUnavailable { why });
        }
        self.drain_removed(accounts).await;
        let store = Arc::clone(&self.inner.world.store);
        tokio::task::spawn_blocking(move || store.lock()).await.map_err(|_| crashed())?;
        lock.changed.send_replace(());
        tracing::info!("the store is locked");
        Ok(self.lock_reply(true))
    }

    /// Accounts that were removed from the config may still have tokens in memory.
    async fn drain_removed(&self, accounts: Arc<Accounts>) {
        stop(accounts.draining.values(), DRAIN_PATIENCE).await;
        let mut draining = accounts.draining.clone();
        draining.retain(|_, handle| !handle.inbox.is_closed());
        let (config, accounts) = (Arc::clone(&accounts.config), accounts.members.clone());
        self.inner.accounts.store(Arc::new(Accounts { config, members: accounts, draining }));
    }

    /// Reads the store's key again, and every account its tokens. Wrong passphrases delay the next one, longer each
    /// time (backoff). Continues when the caller disconnects, once it has begun.
    pub async fn unlock(&self, request: UnlockRequest) -> Result<LockReply, Error> {
        let opening = match request.passphrase.map(Passphrase::taken) {
            Some(passphrase) if request.new => Opening::First(passphrase),
            Some(passphrase) => Opening::Passphrase(passphrase),
            None => Opening::Source,
        };
        let passphrase_backoff = match opening {
            Opening::Source => None,
            Opening::Passphrase(_) | Opening::First(_) => Some(self.wait_to_guess().await?),
        };
        let broker = self.clone();
        let unlocking = async move {
            match passphrase_backoff {
                None => broker.open_with(opening).await.map_err(|error| refused(&error)),
                Some(passphrase_backoff) => broker.guess(opening, passphrase_backoff).await,
            }
        };
        tokio::spawn(unlocking).await.unwrap_or_else(|_| Err(crashed()))
    }

    /// A caller that disconnects while it waits makes room for the next.
    async fn wait_to_guess(&self) -> Result<OwnedMutexGuard<PassphraseBackoff>, Error> {
        let busy = |_| Error::Obstacle(Obstacle::PassphraseBusy);
        let passphrase_backoff = Arc::clone(&self.inner.lock.passphrase_backoff).try_lock_owned().map_err(busy)?;
        // Outside of the transition lock: locking need not wait for this.
        tokio::time::sleep(passphrase_backoff.pause(self.inner.world.clock.now())).await;
        Ok(passphrase_backoff)
    }

    async fn guess(
        &self,
        opening: Opening,
        mut passphrase_backoff: OwnedMutexGuard<PassphraseBackoff>,
    ) -> Result<LockReply, Error> {
        match self.open_with(opening).await {
            Err(StoreError::WrongPassphrase) => {
                let (failures, pause) = passphrase_backoff.wrong(self.inner.world.clock.now());
                tracing::warn!(failures, "wrong passphrase: the next attempt is delayed by {} s", pause.as_secs());
                Err(Error::WrongPassphrase { failures, pause })
            }
            Err(error) => Err(refused(&error)),
            Ok(reply) => {
                *passphrase_backoff = PassphraseBackoff::default();
                Ok(reply)
            }
        }
    }

    async fn open_with(&self, opening: Opening) -> Result<LockReply, StoreError> {
        let _transition = self.inner.lock.transition.lock().await;
        if self.store_state() == StoreState::Unlocked {
            return Ok(self.lock_reply(false));
        }
        let store = Arc::clone(&self.inner.world.store);
        let died = |_| StoreError::Io { path: "the store".into(), why: "its thread crashed".into() };
        // On the blocking pool: keyrings may prompt, and stretching a passphrase takes a second.
        tokio::task::spawn_blocking(move || store.unlock(&opening)).await.map_err(died)??;
        self.reopen(&self.inner.accounts.load_full()).await;
        self.inner.lock.changed.send_replace(());
        tracing::info!("the store is unlocked");
        Ok(self.lock_reply(true))
    }

    async fn reopen(&self, accounts: &Accounts) {
        let lock = &self.inner.lock;
        lock.asked_at(self.inner.world.clock.now());
        // Before the accounts are told: a refresh may be due at once.
        lock.locked.store(false, Ordering::SeqCst);
        _ = tell(accounts, AccountCommand::Unlock).await;
    }

    /// Whether the store's key is in memory, and what it takes to get it there.
    pub(crate) fn store_state(&self) -> StoreState {
        self.inner.world.store.state()
    }

    fn lock_reply(&self, changed: bool) -> LockReply {
        LockReply { version: VERSION, store: self.store_state(), changed }
    }
}

/// Sends the command to every account and waits for all answers. The error is one clause: that of the first account
/// that failed.
async fn tell(
    accounts: &Accounts,
    command: fn(oneshot::Sender<Result<(), String>>) -> AccountCommand,
) -> Result<(), String> {
    let mut answers = Vec::new();
    for member in accounts.members.values() {
        let (done, answer) = oneshot::channel();
        // A task that has ended has nothing in memory.
        if member.handle.inbox.send(command(done)).await.is_ok() {
            answers.push(answer);
        }
    }
    let mut result = Ok(());
    for answer in answers {
        result = result.and(answer.await.unwrap_or(Ok(())));
    }
    result
}

/// A store error, as callers get it.
fn refused(error: &StoreError) -> Error {
    match error {
        StoreError::Passphrase { why } => Error::Obstacle(Obstacle::Passphrase { why: why.clone() }),
        StoreError::Locked => Error::StoreLocked,
        other => Error::StoreUnavailable { why: other.to_string() },
    }
}

fn crashed() -> Error {
    Error::Internal { what: "locking or unlocking the store crashed".into() }
}
