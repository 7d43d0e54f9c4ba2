//! Actor mailbox: the commands of an account's task, and the handle by which the others reach it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::account::replace::Agreed;
use crate::broker::login::fresh_grant::FreshGrant;
use crate::broker::login::result::LoginResult;
use crate::broker::snapshot::SnapshotCell;
use crate::clock::Moment;
use crate::config::AccountConfig;
use crate::contract::{LoginReply, LogoutReply};
use crate::error::Error;
use crate::oauth::exchange::Target;

/// What the task is asked to do.
pub(in crate::broker) enum AccountCommand {
    /// Somebody has no use for the published token: it wants this much validity. Told once that was looked at.
    Wanted(Duration, Option<oneshot::Sender<()>>),
    /// Somebody wants a token for this target, with this much validity.
    Narrow(Box<Target>, Duration),
    /// A person wants a newer token than that of this generation, and said so at this moment.
    Refresh(u64, Moment, oneshot::Sender<()>),
    /// A caller's API answered 401. Told how long that leads to nothing, since the token is new.
    Rejected(oneshot::Sender<Duration>),
    /// A login brought a grant. Taken only while that login still stands: a logout may have called it off; and of another
    /// person only if that was agreed to.
    LoggedIn(FreshGrant, Agreed, Option<watch::Receiver<LoginReply>>, oneshot::Sender<Result<LoginResult, Error>>),
    /// Revoke where possible, delete always.
    LogOut(oneshot::Sender<Result<LogoutReply, Error>>),
    /// Keep what has to be kept, forget everything. The error is one clause: something could not be kept, and
    /// nothing was forgotten.
    Lock(oneshot::Sender<Result<(), String>>),
    /// The store's key is there again.
    Unlock(oneshot::Sender<Result<(), String>>),
    /// Write what could not be written yet, and end.
    Stop,
}

/// How the others reach the task.
pub(in crate::broker) struct AccountHandle {
    pub(in crate::broker) inbox: mpsc::Sender<AccountCommand>,
    pub(in crate::broker) published: Arc<SnapshotCell>,
    /// The config to go by, taken over before the next command.
    pub(in crate::broker) config: watch::Sender<Arc<AccountConfig>>,
    /// Set before [`AccountCommand::Stop`] is sent: from then on no refresh is begun.
    pub(in crate::broker) stopping: Arc<AtomicBool>,
}

impl AccountHandle {
    /// From now on nothing is begun, and what was not sent yet is not sent.
    pub(in crate::broker) fn begin_stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.published.notify();
    }

    /// Whether it was told so.
    pub(in crate::broker) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
