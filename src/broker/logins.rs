//! The task that owns the pending logins, and what everybody may know of them.

mod notices;
mod questions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot, watch};

use self::questions::ReplaceQuestion;
pub use self::questions::{Answerer, PageCookie};
pub(super) use self::questions::{Brought, QuestionOutcome};
use super::Guard;
use super::browser_login::CallbackRequest;
use crate::account::attempts::{Accepted, Attempts, Departure, LoginPlan, Rejected};
use crate::audit::AuditLog;
use crate::clock::{Boot, Clock, Moment};
use crate::contract::{AuditLine, Confirm, DevicePrompt, LoginReply, LoginStatus};
use crate::error::{Error, Obstacle};
use crate::oauth::authorize::ResponseType;
use crate::secret::Nonce256;

/// How long the outcome of a login can be asked for.
const OUTCOME_LIFE: Duration = Duration::from_secs(600);
/// Requests that wait for the task.
const INBOX: usize = 64;

/// What can be read of the pending logins without asking the task.
#[derive(Debug, Default)]
pub(super) struct Overview {
    /// Account name to login id.
    pub(super) by_account: BTreeMap<String, String>,
    /// Redirect URIs that an answer is awaited on, and of which kind.
    pub(super) awaited: Vec<(String, ResponseType)>,
    /// Redirect URIs that a browser was sent to the provider with, and not long ago.
    pub(super) remembered: BTreeSet<String>,
    /// Account name to what its login asks.
    pub(super) questions: BTreeMap<String, Confirm>,
}

enum LoginsRequest {
    Start { plan: Box<LoginPlan>, life: Duration, replace: bool, done: oneshot::Sender<Result<PendingLogin, Error>> },
    Ticket { id: String, done: oneshot::Sender<Option<String>> },
    ByHand { id: String, done: oneshot::Sender<Option<Departure>> },
    Keep { id: String, guard: Guard },
    Depart { ticket: String, done: oneshot::Sender<Result<Departure, Rejected>> },
    Arrive { request: CallbackRequest, came: Via, done: oneshot::Sender<Result<Accepted, Rejected>> },
    Notify { redirect_uri: String, notice: &'static str },
    Fail { id: String, error: Error },
    CallOff { account: String, why: &'static str, done: oneshot::Sender<()> },
    Prompt { id: String, prompt: DevicePrompt },
    Over { reply: Box<LoginReply> },
    ReplaceQuestion { id: String, brought: Box<Brought>, life: Duration, done: oneshot::Sender<QuestionOutcome> },
    Answer { id: String, replace: bool, answerer: Answerer, done: oneshot::Sender<Result<Option<Brought>, Error>> },
    JoinQuestion { account: String, done: oneshot::Sender<Option<(PendingLogin, Confirm)>> },
    PageCookie { id: String, done: oneshot::Sender<Option<PageCookie>> },
    FormToken { id: String, cookies: Vec<String>, done: oneshot::Sender<Option<Nonce256>> },
    Watch { id: String, done: oneshot::Sender<Option<watch::Receiver<LoginReply>>> },
}

/// How an answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Via {
    /// By a browser, which is known by its cookies.
    ByBrowser,
    /// A person pasted it, for this login.
    ByHand(String),
}

/// A login that was started or joined.
pub(super) struct PendingLogin {
    pub(super) id: String,
    pub(super) joined: bool,
    /// When it ends by itself, in seconds since the Unix epoch by the wall clock of now.
    pub(super) expires_at: i64,
}

/// How the others reach the task. Ends when the last clone is gone.
#[derive(Clone)]
pub(super) struct Logins {
    inbox: mpsc::Sender<LoginsRequest>,
    overview: Arc<ArcSwap<Overview>>,
}

struct Task {
    attempts: Attempts,
    clock: Clock,
    views: BTreeMap<String, View>,
    overview: Arc<ArcSwap<Overview>>,
    audit: AuditLog,
    /// Lines that are about to be written into it.
    notes: Vec<AuditLine>,
}

/// What is known of a login, pending or over.
struct View {
    reply: watch::Sender<LoginReply>,
    /// Keeps the door for the browser's answer open.
    guard: Option<Guard>,
    /// Whether another person's tokens may be replaced, unasked: who began or joined the login said so.
    replaces: bool,
    /// What it brought, while it waits for an answer.
    question: Option<ReplaceQuestion>,
    /// When it is forgotten; `None` while it is pending.
    forget_at: Option<Boot>,
}

impl Logins {
    /// `jumps` rings when the machine has slept: timers stood still meanwhile, and logins did not.
    pub(super) fn spawn(clock: Clock, jumps: watch::Receiver<()>, audit: AuditLog) -> Self {
        let overview = Arc::<ArcSwap<Overview>>::default();
        let (inbox, asks) = mpsc::channel(INBOX);
        let task = Task {
            attempts: Attempts::default(),
            clock,
            views: BTreeMap::new(),
            overview: Arc::clone(&overview),
            audit,
            notes: Vec::new(),
        };
        tokio::spawn(task.run(asks, jumps));
        Self { inbox, overview }
    }

    pub(super) fn overview(&self) -> arc_swap::Guard<Arc<Overview>> {
        self.overview.load()
    }

    /// `replace`: another person's tokens may be replaced, unasked.
    pub(super) async fn start(&self, plan: LoginPlan, life: Duration, replace: bool) -> Result<PendingLogin, Error> {
        self.ask(|done| LoginsRequest::Start { plan: Box::new(plan), life, replace, done })
            .await
            .unwrap_or_else(|| Err(gone()))
    }

    /// A one-time ticket for the start URL.
    pub(super) async fn ticket(&self, id: &str) -> Option<String> {
        self.ask(|done| LoginsRequest::Ticket { id: id.to_owned(), done }).await?
    }

    /// For a browser on another machine.
    pub(super) async fn by_hand(&self, id: &str) -> Option<Departure> {
        self.ask(|done| LoginsRequest::ByHand { id: id.to_owned(), done }).await?
    }

    /// Holds `guard` until the login is over.
    pub(super) async fn keep(&self, id: &str, guard: Guard) {
        _ = self.inbox.send(LoginsRequest::Keep { id: id.to_owned(), guard }).await;
    }

    pub(super) async fn depart(&self, ticket: &str) -> Result<Departure, Rejected> {
        self.ask(|done| LoginsRequest::Depart { ticket: ticket.to_owned(), done })
            .await
            .unwrap_or(Err(Rejected::BadTicket))
    }

    pub(super) async fn arrive(&self, request: CallbackRequest, came: Via) -> Result<Accepted, Rejected> {
        self.ask(|done| LoginsRequest::Arrive { request, came, done }).await.unwrap_or(Err(Rejected::UnknownState))
    }

    /// Ends a login that nobody else will end.
    pub(super) async fn fail(&self, id: &str, error: Error) {
        _ = self.inbox.send(LoginsRequest::Fail { id: id.to_owned(), error }).await;
    }

    /// Ends the account's pending login, if there is one.
    pub(super) async fn call_off(&self, account: &str, why: &'static str) {
        _ = self.ask(|done| LoginsRequest::CallOff { account: account.to_owned(), why, done }).await;
    }

    /// What the user has to do on another device.
    pub(super) async fn prompt(&self, id: &str, prompt: DevicePrompt) {
        _ = self.inbox.send(LoginsRequest::Prompt { id: id.to_owned(), prompt }).await;
    }

    pub(super) async fn over(&self, reply: LoginReply) {
        _ = self.inbox.send(LoginsRequest::Over { reply: Box::new(reply) }).await;
    }

    /// How a login stands, and how that changes.
    pub(super) async fn watch(&self, id: &str) -> Option<watch::Receiver<LoginReply>> {
        self.ask(|done| LoginsRequest::Watch { id: id.to_owned(), done }).await?
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> LoginsRequest) -> Option<T> {
        let (done, answer) = oneshot::channel();
        self.inbox.send(ask(done)).await.ok()?;
        answer.await.ok()
    }
}

impl Task {
    async fn run(mut self, mut asks: mpsc::Receiver<LoginsRequest>, mut jumps: watch::Receiver<()>) {
        loop {
            let now = self.clock.now();
            let next =
                self.attempts.next_end().into_iter().chain(self.views.values().filter_map(|view| view.forget_at));
            let nap = next.map(|at| now.boot.until(at)).min();
            tokio::select! {
                ask = asks.recv() => match ask {
                    None => return,
                    Some(ask) => {
                        // What has run out meanwhile has to be over before anything is done with it.
                        self.expire();
                        self.answer(ask).await;
                    }
                },
                () = super::actor::sleep(nap) => {}
                Ok(()) = jumps.changed() => {}
            }
            self.expire();
            self.show();
            self.write_notes().await;
        }
    }

    async fn answer(&mut self, ask: LoginsRequest) {
        let now = self.clock.now();
        // Whoever asked may be gone by now: that changes nothing.
        match ask {
            LoginsRequest::Start { plan, life, replace, done } => _ = done.send(self.start(*plan, life, replace, now)),
            LoginsRequest::Ticket { id, done } => {
                _ = done
                    .send(self.attempts.ticket(&id, now, &mut rand::rng()).map(|ticket| ticket.expose().to_owned()));
            }
            LoginsRequest::ByHand { id, done } => {
                _ = done.send(self.attempts.depart_by_hand(&id, now, &mut rand::rng()));
            }
            LoginsRequest::Keep { id, guard } => {
                if let Some(view) = self.views.get_mut(&id).filter(|view| view.forget_at.is_none()) {
                    view.guard = Some(guard);
                }
            }
            LoginsRequest::Depart { ticket, done } => {
                _ = done.send(self.attempts.depart(&ticket, now, &mut rand::rng()));
            }
            LoginsRequest::Arrive { request, came, done } => {
                _ = done.send(self.arrive(&request, &came, now));
            }
            LoginsRequest::Notify { redirect_uri, notice } => self.notify(&redirect_uri, notice),
            LoginsRequest::Fail { id, error } => self.fail(&id, &error, now),
            LoginsRequest::Prompt { id, prompt } => {
                if let Some(view) = self.views.get(&id) {
                    view.reply.send_modify(|reply| reply.device = Some(prompt));
                }
            }
            LoginsRequest::CallOff { account, why, done } => {
                let pending = self.attempts.pending().find(|(_, plan)| plan.account == account);
                if let Some(id) = pending.map(|(id, _)| id.to_owned()) {
                    self.fail(&id, &Error::login_failed(&account, why.into()), now);
                }
                self.write_notes().await;
                _ = done.send(());
            }
            LoginsRequest::Over { reply } => self.over(&reply, now),
            LoginsRequest::ReplaceQuestion { id, brought, life, done } => {
                _ = done.send(self.question(&id, *brought, life, now));
            }
            LoginsRequest::Answer { id, replace, answerer, done } => {
                _ = done.send(self.answer_question(&id, replace, &answerer, now));
            }
            LoginsRequest::JoinQuestion { account, done } => _ = done.send(self.join_question(&account, now)),
            LoginsRequest::PageCookie { id, done } => _ = done.send(self.page_cookie(&id, now)),
            LoginsRequest::FormToken { id, cookies, done } => _ = done.send(self.form_token(&id, &cookies)),
            LoginsRequest::Watch { id, done } => _ = done.send(self.views.get(&id).map(|view| view.reply.subscribe())),
        }
    }

    fn start(&mut self, plan: LoginPlan, life: Duration, replace: bool, now: Moment) -> Result<PendingLogin, Error> {
        let account = plan.account.clone();
        let too_many = || Error::Obstacle(Obstacle::TooManyLogins);
        let started = self.attempts.start(plan, life, now, &mut rand::rng()).ok_or_else(too_many)?;
        if let Some(old) = &started.replaced {
            let why = "the config changed, and a new login replaced it".into();
            self.fail(old, &Error::login_failed(&account, why), now);
        }
        let expires_at = now.wall.plus(now.boot.until(started.ends)).unix_seconds();
        if !started.joined {
            let reply = LoginReply::pending(started.id.clone(), account, expires_at);
            let reply = watch::Sender::new(reply);
            let view = View { reply, guard: None, replaces: false, question: None, forget_at: None };
            self.views.insert(started.id.clone(), view);
        }
        if let Some(view) = self.views.get_mut(&started.id) {
            view.replaces |= replace;
        }
        Ok(PendingLogin { id: started.id, joined: started.joined, expires_at })
    }

    fn over(&mut self, reply: &LoginReply, now: Moment) {
        self.attempts.over(&reply.login_id);
        // What has ended has ended: a login that was called off can't succeed later.
        if let Some(view) = self.views.get_mut(&reply.login_id).filter(|view| view.forget_at.is_none()) {
            view.forget_at = Some(now.boot.plus(OUTCOME_LIFE));
            view.guard = None;
            // Revoked by that.
            view.question = None;
            view.reply.send_replace(reply.clone());
            self.note_end(reply, now);
        }
    }

    fn fail(&mut self, id: &str, error: &Error, now: Moment) {
        let Some(reply) = self.views.get(id).map(|view| view.reply.borrow().clone()) else { return };
        let failure = Some(self.unanswered(id, error.clone()).reply());
        self.over(&LoginReply { status: LoginStatus::Failed, confirm: None, failure, ..reply }, now);
    }

    /// Ends what is past its time.
    fn expire(&mut self) {
        let now = self.clock.now();
        for id in self.attempts.expire(now) {
            let Some(account) = self.views.get(&id).map(|view| view.reply.borrow().account.clone()) else { continue };
            tracing::info!(%account, "a login was not finished in time");
            let asked = self.views.get(&id).is_some_and(|view| view.question.is_some());
            let why = if asked { "nobody answered in time" } else { "nobody finished it in time" }.into();
            self.fail(&id, &Error::login_failed(&account, why), now);
        }
        self.views.retain(|_, view| view.forget_at.is_none_or(|at| !now.boot.reached(at)));
    }

    /// Shows what is pending.
    fn show(&self) {
        let pending = self.attempts.pending();
        let (by_account, awaited) = pending
            .map(|(id, plan)| ((plan.account.clone(), id.to_owned()), (plan.redirect_uri.clone(), plan.response_type)))
            .unzip();
        let question = |(account, id): (&String, &String)| {
            Some((account.clone(), self.views.get(id)?.question.as_ref()?.confirm().clone()))
        };
        let by_account: BTreeMap<String, String> = by_account;
        let questions = by_account.iter().filter_map(question).collect();
        let remembered = self.attempts.remembered().map(str::to_owned).collect();
        self.overview.store(Arc::new(Overview { by_account, awaited, remembered, questions }));
    }
}

fn gone() -> Error {
    Error::Internal { what: "the daemon is shutting down".into() }
}
