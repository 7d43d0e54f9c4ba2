//! Pending logins: handle to the task that owns them (actor model).

mod audit;
pub(super) mod message;
mod notices;
mod questions;
mod task;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot, watch};

use self::message::{LoginsRequest, Overview, PendingLogin, Via};
use self::task::Task;
use super::callback::CallbackRequest;
use super::question::{Answerer, PageCookie, QuestionOutcome};
use super::result::Unconfirmed;
use crate::account::attempts::{Accepted, Attempts, LoginPlan, ProviderRedirect, Rejected};
use crate::audit::AuditLog;
use crate::broker::world::ListenerGuard;
use crate::clock::Clock;
use crate::contract::{Confirm, DevicePrompt, LoginReply};
use crate::error::Error;
use crate::secret::Nonce256;

/// Requests that may wait for the task.
const INBOX: usize = 64;

/// Handle to the task, which ends with its last clone.
#[derive(Clone)]
pub(in crate::broker) struct Logins {
    inbox: mpsc::Sender<LoginsRequest>,
    overview: Arc<ArcSwap<Overview>>,
}

impl Logins {
    /// `jumps` is notified after the machine slept: timers stood still meanwhile, but logins expired.
    pub(in crate::broker) fn spawn(clock: Clock, jumps: watch::Receiver<()>, audit: AuditLog) -> Self {
        let overview = Arc::<ArcSwap<Overview>>::default();
        let (inbox, requests) = mpsc::channel(INBOX);
        let task = Task {
            attempts: Attempts::default(),
            clock,
            views: BTreeMap::new(),
            overview: Arc::clone(&overview),
            audit,
            notes: Vec::new(),
        };
        tokio::spawn(task.run(requests, jumps));
        Self { inbox, overview }
    }

    pub(in crate::broker) fn overview(&self) -> arc_swap::Guard<Arc<Overview>> {
        self.overview.load()
    }

    /// `replace`: another person's tokens may be replaced without confirmation.
    pub(super) async fn start(&self, plan: LoginPlan, life: Duration, replace: bool) -> Result<PendingLogin, Error> {
        self.ask(|done| LoginsRequest::Start { plan: Box::new(plan), life, replace, done })
            .await
            .unwrap_or_else(|| Err(gone()))
    }

    /// A one-time ticket for the start URL.
    pub(super) async fn ticket(&self, id: &str) -> Option<String> {
        self.ask(|done| LoginsRequest::Ticket { id: id.to_owned(), done }).await?
    }

    /// The redirect for a browser on another machine.
    pub(super) async fn redirect_by_hand(&self, id: &str) -> Option<ProviderRedirect> {
        self.ask(|done| LoginsRequest::Pasted { id: id.to_owned(), done }).await?
    }

    /// Keeps the callback listener open until the login ends.
    pub(super) async fn hold_listener(&self, id: &str, listener: ListenerGuard) {
        _ = self.inbox.send(LoginsRequest::HoldListener { id: id.to_owned(), listener }).await;
    }

    pub(super) async fn redirect(&self, ticket: &str) -> Result<ProviderRedirect, Rejected> {
        self.ask(|done| LoginsRequest::Redirect { ticket: ticket.to_owned(), done })
            .await
            .unwrap_or(Err(Rejected::BadTicket))
    }

    pub(super) async fn callback(&self, request: CallbackRequest, via: Via) -> Result<Accepted, Rejected> {
        self.ask(|done| LoginsRequest::Callback { request, via, done }).await.unwrap_or(Err(Rejected::UnknownState))
    }

    /// Ends a login as failed.
    pub(super) async fn fail(&self, id: &str, error: Error) {
        _ = self.inbox.send(LoginsRequest::Fail { id: id.to_owned(), error }).await;
    }

    /// Cancels the account's pending login, if there is one.
    pub(in crate::broker) async fn cancel(&self, account: &str, why: &'static str) {
        _ = self.ask(|done| LoginsRequest::Cancel { account: account.to_owned(), why, done }).await;
    }

    /// Adds what the user has to do on another device.
    pub(super) async fn prompt(&self, id: &str, prompt: DevicePrompt) {
        _ = self.inbox.send(LoginsRequest::Prompt { id: id.to_owned(), prompt }).await;
    }

    pub(super) async fn finish(&self, reply: LoginReply) {
        _ = self.inbox.send(LoginsRequest::Finish { reply: Box::new(reply) }).await;
    }

    /// The state of a login, and its changes.
    pub(super) async fn watch(&self, id: &str) -> Option<watch::Receiver<LoginReply>> {
        self.ask(|done| LoginsRequest::Watch { id: id.to_owned(), done }).await?
    }

    /// Adds a notice to logins with this redirect URI.
    pub(super) async fn notify(&self, redirect_uri: &str, notice: &'static str) {
        _ = self.inbox.send(LoginsRequest::Notify { redirect_uri: redirect_uri.to_owned(), notice }).await;
    }

    /// Keeps the login until somebody confirms, for `life` at most.
    pub(super) async fn question(&self, id: &str, brought: Unconfirmed, life: Duration) -> QuestionOutcome {
        let ask = |done| LoginsRequest::ReplaceQuestion { id: id.to_owned(), brought: Box::new(brought), life, done };
        self.ask(ask).await.unwrap_or(QuestionOutcome::Waits)
    }

    /// Takes the answer, once. Returns the login if it was confirmed.
    pub(super) async fn answer(
        &self,
        id: &str,
        replace: bool,
        answerer: Answerer,
    ) -> Result<Option<Unconfirmed>, Error> {
        let ask = |done| LoginsRequest::Answer { id: id.to_owned(), replace, answerer, done };
        self.ask(ask).await.unwrap_or_else(|| Err(gone()))
    }

    /// Joins the account's login if that waits for confirmation.
    pub(super) async fn join_question(&self, account: &str) -> Option<(PendingLogin, Confirm)> {
        // Usually there is no question, and the task is not asked.
        self.overview().questions.get(account)?;
        self.ask(|done| LoginsRequest::JoinQuestion { account: account.to_owned(), done }).await?
    }

    /// The cookie for the browser that logged in, once.
    pub(super) async fn page_cookie(&self, id: &str) -> Option<PageCookie> {
        self.ask(|done| LoginsRequest::PageCookie { id: id.to_owned(), done }).await?
    }

    /// The form token, for the browser that has the cookie.
    pub(super) async fn form_token(&self, id: &str, cookies: Vec<String>) -> Option<Nonce256> {
        self.ask(|done| LoginsRequest::FormToken { id: id.to_owned(), cookies, done }).await?
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> LoginsRequest) -> Option<T> {
        let (done, answer) = oneshot::channel();
        self.inbox.send(ask(done)).await.ok()?;
        answer.await.ok()
    }
}

fn gone() -> Error {
    Error::Internal { what: "the daemon is shutting down".into() }
}
