//! Messages of the task that owns the pending logins, and its published overview.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use crate::account::attempts::{Accepted, LoginPlan, ProviderRedirect, Rejected};
use crate::broker::login::callback::CallbackRequest;
use crate::broker::login::question::{Answerer, PageCookie, QuestionOutcome};
use crate::broker::login::result::Unconfirmed;
use crate::broker::world::ListenerGuard;
use crate::contract::{Confirm, DevicePrompt, LoginReply};
use crate::error::Error;
use crate::oauth::authorize::ResponseType;
use crate::secret::Nonce256;

/// Overview of the pending logins, readable without asking the task.
#[derive(Debug, Default)]
pub(in crate::broker) struct Overview {
    /// Account name to login id.
    pub(in crate::broker) by_account: BTreeMap<String, String>,
    /// Redirect URIs that an answer is expected at, and its kind.
    pub(in crate::broker) awaited: Vec<(String, ResponseType)>,
    /// Redirect URIs of browsers that were sent to the provider recently.
    pub(in crate::broker) remembered: BTreeSet<String>,
    /// Account name to the question of its login.
    pub(in crate::broker) questions: BTreeMap<String, Confirm>,
}

pub(super) enum LoginsRequest {
    Start { plan: Box<LoginPlan>, life: Duration, replace: bool, done: oneshot::Sender<Result<PendingLogin, Error>> },
    Ticket { id: String, done: oneshot::Sender<Option<String>> },
    Pasted { id: String, done: oneshot::Sender<Option<ProviderRedirect>> },
    HoldListener { id: String, listener: ListenerGuard },
    Redirect { ticket: String, done: oneshot::Sender<Result<ProviderRedirect, Rejected>> },
    Callback { request: CallbackRequest, via: Via, done: oneshot::Sender<Result<Accepted, Rejected>> },
    Notify { redirect_uri: String, notice: &'static str },
    Fail { id: String, error: Error },
    Cancel { account: String, why: &'static str, done: oneshot::Sender<()> },
    Prompt { id: String, prompt: DevicePrompt },
    Finish { reply: Box<LoginReply> },
    ReplaceQuestion { id: String, brought: Box<Unconfirmed>, life: Duration, done: oneshot::Sender<QuestionOutcome> },
    Answer { id: String, replace: bool, answerer: Answerer, done: oneshot::Sender<Result<Option<Unconfirmed>, Error>> },
    JoinQuestion { account: String, done: oneshot::Sender<Option<(PendingLogin, Confirm)>> },
    PageCookie { id: String, done: oneshot::Sender<Option<PageCookie>> },
    FormToken { id: String, cookies: Vec<String>, done: oneshot::Sender<Option<Nonce256>> },
    Watch { id: String, done: oneshot::Sender<Option<watch::Receiver<LoginReply>>> },
}

/// How a callback arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::broker) enum Via {
    /// In the browser, which is identified by its cookies.
    Browser,
    /// Pasted by a person, for the login with this id.
    Pasted(String),
}

/// A login that was started or joined.
pub(in crate::broker) struct PendingLogin {
    pub(in crate::broker) id: String,
    pub(in crate::broker) joined: bool,
    /// When it expires, in seconds since the Unix epoch by the current wall clock.
    pub(in crate::broker) expires_at: i64,
}
