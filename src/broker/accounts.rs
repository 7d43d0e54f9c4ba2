//! Registry of the configured accounts: finds an account, asks its task, and stops tasks gracefully.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::actor::command::{AccountCommand, AccountHandle};
use crate::config::nearest;
use crate::config::{AccountConfig, Config};
use crate::contract::DEFAULT_ACCOUNT;
use crate::error::{Error, Obstacle};
use crate::oauth::reply::clean;

/// The config, and its accounts.
pub(super) struct Accounts {
    pub(super) config: Arc<Config>,
    pub(super) members: BTreeMap<String, Member>,
    /// Accounts that were removed from the config and whose tasks are still finishing.
    pub(super) draining: BTreeMap<String, Arc<AccountHandle>>,
}

#[derive(Clone)]
pub(super) struct Member {
    pub(super) config: Arc<AccountConfig>,
    pub(super) handle: Arc<AccountHandle>,
}

impl Accounts {
    pub(super) fn find(&self, asked: &str) -> Result<(&str, &Member), Error> {
        let name = match (asked, &self.config.default_account) {
            (DEFAULT_ACCOUNT, Some(name)) => name,
            (DEFAULT_ACCOUNT, None) => {
                return Err(Error::Obstacle(Obstacle::NoDefaultAccount));
            }
            (name, _) => name,
        };
        if let Some((name, member)) = self.members.get_key_value(name) {
            Ok((name, member))
        } else if let Some(why) = self.config.broken.get(name) {
            Err(Error::Misconfigured { account: name.to_owned(), why: why.clone() })
        } else {
            let nearest =
                nearest(name, self.members.keys().map(String::as_str)).map(str::to_owned).into_iter().collect();
            Err(Error::UnknownAccount { name: clean(name), nearest })
        }
    }
}

pub(super) async fn ask<T>(
    member: &Member,
    command: impl FnOnce(oneshot::Sender<T>) -> AccountCommand,
) -> Result<T, Error> {
    let gone = || Error::Internal { what: "the account was removed, or the daemon is shutting down".into() };
    let (done, answer) = oneshot::channel();
    member.handle.inbox.send(command(done)).await.map_err(|_| gone())?;
    answer.await.map_err(|_| gone())
}

/// Waits until the account's task has read the store, or failed to.
pub(super) async fn wait_until_loaded(handle: &AccountHandle) {
    let mut changes = handle.published.subscribe();
    loop {
        changes.mark_seen();
        let unread = { handle.published.load().is_unread() };
        if !unread {
            return;
        }
        changes.changed().await;
    }
}

/// Tells all tasks to stop and waits for at most `patience` until each has finished.
pub(super) async fn stop(handles: impl Iterator<Item = &Arc<AccountHandle>>, patience: Duration) {
    let handles: Vec<_> = handles.collect();
    for handle in &handles {
        handle.begin_stop();
    }
    let all = async {
        // All are told before the first is waited for, so that every refresh in flight gets the whole time.
        for handle in &handles {
            _ = handle.inbox.send(AccountCommand::Stop).await;
        }
        for handle in &handles {
            handle.inbox.closed().await;
        }
    };
    if tokio::time::timeout(patience, all).await.is_err() {
        tracing::warn!("a refresh is still in flight; the next start will find out its result");
    }
}
