//! The commands of an account's task, and the handle to send them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::mailbox::MailboxSender;
use super::refresh_counts::RefreshCounts;
use crate::account::replace::Agreed;
use crate::broker::login::fresh_grant::FreshGrant;
use crate::broker::login::result::LoginResult;
use crate::broker::scope_questions::ScopeQuestions;
use crate::broker::snapshot::SnapshotCell;
use crate::clock::Moment;
use crate::config::AccountConfig;
use crate::contract::{LoginReply, LogoutReply};
use crate::error::Error;
use crate::oauth::exchange::Target;

/// Commands to the task.
pub(in crate::broker) enum AccountCommand {
    /// A caller needs a token with this much validity, which the published one has not. Answered once it was
    /// considered.
    Wanted(Duration, Option<oneshot::Sender<()>>),
    /// A caller needs a token for this target, with this much validity.
    Narrow(Box<Target>, Duration),
    /// A person wants a newer token than the one of this generation. The moment is when they asked.
    Refresh(u64, Moment, oneshot::Sender<()>),
    /// A caller's API answered 401. Answered with how long such reports have no effect, since the token is that new.
    Rejected(oneshot::Sender<Duration>),
    /// Stores the grant of a login, unless that login was cancelled meanwhile. Another person's only if that was
    /// agreed to.
    LoggedIn(FreshGrant, Agreed, Option<watch::Receiver<LoginReply>>, oneshot::Sender<Result<LoginResult, Error>>),
    /// Logout: revokes the tokens where possible, and always deletes them.
    LogOut(oneshot::Sender<Result<LogoutReply, Error>>),
    /// Writes what was not written yet, then drops everything from memory. The error is one clause: something could
    /// not be written, and nothing was dropped.
    Lock(oneshot::Sender<Result<(), String>>),
    /// The store's key is back.
    Unlock(oneshot::Sender<Result<(), String>>),
    /// Writes what was not written yet, and ends.
    Stop,
}

/// Handle to an account's task.
pub(in crate::broker) struct AccountHandle {
    /// The task adopts a new config before the next command.
    pub(in crate::broker) inbox: MailboxSender<AccountCommand, Arc<AccountConfig>>,
    pub(in crate::broker) published: Arc<SnapshotCell>,
    /// How its requests for new tokens ended.
    pub(in crate::broker) refreshes: Arc<RefreshCounts>,
    /// What its user is asked about scope.
    pub(in crate::broker) scopes: ScopeQuestions,
    /// Set before [`AccountCommand::Stop`] is sent: from then on no refresh is begun.
    pub(super) stopping: Arc<AtomicBool>,
}

impl AccountHandle {
    /// From now on no request is begun, and what was not sent yet is cancelled.
    pub(in crate::broker) fn begin_stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.published.notify();
    }

    /// Whether [`Self::begin_stop`] was called.
    pub(in crate::broker) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
