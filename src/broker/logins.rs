//! The task that owns the pending logins, and what everybody may know of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot, watch};

use super::Guard;
use super::login::CallbackRequest;
use crate::account::attempts::{Accepted, Arrival, Attempts, Departure, Plan, Turned};
use crate::clock::{Clock, Moment};
use crate::contract::{LoginReply, LoginStatus};
use crate::error::Error;

/// How long the outcome of a login can be asked for.
const OUTCOME_LIFE: Duration = Duration::from_secs(600);
/// Requests that wait for the task.
const INBOX: usize = 64;

/// What can be read of the pending logins without asking the task.
#[derive(Debug, Default)]
pub(super) struct Overview {
    /// Account name to login id.
    pub(super) by_account: BTreeMap<String, String>,
    /// Redirect URIs that an answer is awaited on.
    pub(super) redirect_uris: Vec<String>,
}

enum Ask {
    Start { plan: Box<Plan>, life: Duration, done: oneshot::Sender<Result<Pending, Error>> },
    Ticket { id: String, done: oneshot::Sender<Option<String>> },
    ByHand { id: String, done: oneshot::Sender<Option<String>> },
    Keep { id: String, guard: Guard },
    Depart { ticket: String, done: oneshot::Sender<Result<Departure, Turned>> },
    Arrive { request: CallbackRequest, cookies: Cookies, done: oneshot::Sender<Result<Accepted, Turned>> },
    Over { reply: Box<LoginReply> },
    Watch { id: String, done: oneshot::Sender<Option<watch::Receiver<LoginReply>>> },
}

/// How an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookies {
    /// By a browser, which sent these.
    OfRequest,
    /// A person pasted it.
    ByHand,
}

/// A login that was started or joined.
pub(super) struct Pending {
    pub(super) id: String,
    pub(super) joined: bool,
    pub(super) ends: Moment,
}

/// How the others reach the task. Ends when the last clone is gone.
#[derive(Clone)]
pub(super) struct Logins {
    inbox: mpsc::Sender<Ask>,
    overview: Arc<ArcSwap<Overview>>,
}

struct Task {
    attempts: Attempts,
    clock: Clock,
    views: BTreeMap<String, View>,
    overview: Arc<ArcSwap<Overview>>,
}

/// What is known of a login, pending or over.
struct View {
    reply: watch::Sender<LoginReply>,
    /// Keeps the door for the browser's answer open.
    guard: Option<Guard>,
    /// When it is forgotten; `None` while it is pending.
    forget_at: Option<Moment>,
}

impl Logins {
    pub(super) fn spawn(clock: Clock) -> Self {
        let overview = Arc::<ArcSwap<Overview>>::default();
        let (inbox, asks) = mpsc::channel(INBOX);
        let task =
            Task { attempts: Attempts::default(), clock, views: BTreeMap::new(), overview: Arc::clone(&overview) };
        tokio::spawn(task.run(asks));
        Self { inbox, overview }
    }

    pub(super) fn overview(&self) -> arc_swap::Guard<Arc<Overview>> {
        self.overview.load()
    }

    pub(super) async fn start(&self, plan: Plan, life: Duration) -> Result<Pending, Error> {
        self.ask(|done| Ask::Start { plan: Box::new(plan), life, done }).await.unwrap_or_else(|| Err(gone()))
    }

    /// A one-time ticket for the start URL.
    pub(super) async fn ticket(&self, id: &str) -> Option<String> {
        self.ask(|done| Ask::Ticket { id: id.to_owned(), done }).await?
    }

    /// The provider's own URL, for a browser on another machine.
    pub(super) async fn by_hand(&self, id: &str) -> Option<String> {
        self.ask(|done| Ask::ByHand { id: id.to_owned(), done }).await?
    }

    /// Holds `guard` until the login is over.
    pub(super) async fn keep(&self, id: &str, guard: Guard) {
        _ = self.inbox.send(Ask::Keep { id: id.to_owned(), guard }).await;
    }

    pub(super) async fn depart(&self, ticket: &str) -> Result<Departure, Turned> {
        self.ask(|done| Ask::Depart { ticket: ticket.to_owned(), done }).await.unwrap_or(Err(Turned::BadTicket))
    }

    pub(super) async fn arrive(&self, request: CallbackRequest, cookies: Cookies) -> Result<Accepted, Turned> {
        self.ask(|done| Ask::Arrive { request, cookies, done }).await.unwrap_or(Err(Turned::NotOurs))
    }

    pub(super) async fn over(&self, reply: LoginReply) {
        _ = self.inbox.send(Ask::Over { reply: Box::new(reply) }).await;
    }

    /// How a login stands, and how that changes.
    pub(super) async fn watch(&self, id: &str) -> Option<watch::Receiver<LoginReply>> {
        self.ask(|done| Ask::Watch { id: id.to_owned(), done }).await?
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (done, answer) = oneshot::channel();
        self.inbox.send(ask(done)).await.ok()?;
        answer.await.ok()
    }
}

impl Task {
    async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        loop {
            let now = self.clock.now();
            let next =
                self.attempts.next_end().into_iter().chain(self.views.values().filter_map(|view| view.forget_at));
            let nap = next.map(|at| now.until(at)).min();
            tokio::select! {
                ask = asks.recv() => match ask {
                    None => return,
                    Some(ask) => self.answer(ask),
                },
                () = super::actor::sleep(nap) => {}
            }
            self.tidy();
        }
    }

    fn answer(&mut self, ask: Ask) {
        let now = self.clock.now();
        let rng = &mut rand::rng();
        // Whoever asked may be gone by now: that changes nothing.
        match ask {
            Ask::Start { plan, life, done } => _ = done.send(self.start(*plan, life, now)),
            Ask::Ticket { id, done } => {
                _ = done.send(self.attempts.ticket(&id, now, rng).map(|ticket| ticket.expose().to_owned()));
            }
            Ask::ByHand { id, done } => {
                _ = done.send(self.attempts.depart_by_hand(&id, now, rng).map(|departure| departure.authorize_url));
            }
            Ask::Keep { id, guard } => {
                if let Some(view) = self.views.get_mut(&id).filter(|view| view.forget_at.is_none()) {
                    view.guard = Some(guard);
                }
            }
            Ask::Depart { ticket, done } => _ = done.send(self.attempts.depart(&ticket, now, rng)),
            Ask::Arrive { request, cookies, done } => {
                let arrival = Arrival {
                    arrived_on: &request.arrived_on,
                    parameters: &request.parameters,
                    cookies: (cookies == Cookies::OfRequest).then_some(&request.cookies),
                };
                _ = done.send(self.attempts.arrive(&arrival, now));
            }
            Ask::Over { reply } => self.over(*reply, now),
            Ask::Watch { id, done } => _ = done.send(self.views.get(&id).map(|view| view.reply.subscribe())),
        }
    }

    fn start(&mut self, plan: Plan, life: Duration, now: Moment) -> Result<Pending, Error> {
        let account = plan.account.clone();
        let too_many = || Error::Usage { what: "too many logins are pending; finish or wait for one of them".into() };
        let started = self.attempts.start(plan, life, now, &mut rand::rng()).ok_or_else(too_many)?;
        if !started.joined {
            let reply = LoginReply {
                login_id: started.id.clone(),
                account,
                status: LoginStatus::Pending,
                expires_at: started.ends.wall.unix_seconds(),
                failure: None,
                scope: None,
                token_expires_at: None,
                refreshable: None,
            };
            self.views
                .insert(started.id.clone(), View { reply: watch::Sender::new(reply), guard: None, forget_at: None });
        }
        Ok(Pending { id: started.id, joined: started.joined, ends: started.ends })
    }

    fn over(&mut self, reply: LoginReply, now: Moment) {
        self.attempts.over(&reply.login_id);
        if let Some(view) = self.views.get_mut(&reply.login_id) {
            view.forget_at = Some(now.plus(OUTCOME_LIFE));
            view.guard = None;
            view.reply.send_replace(reply);
        }
    }

    /// Ends what is past its time, and shows what is left.
    fn tidy(&mut self) {
        let now = self.clock.now();
        for id in self.attempts.expire(now) {
            let Some(reply) = self.views.get(&id).map(|view| view.reply.borrow().clone()) else { continue };
            let timed_out = Error::LoginFailed {
                account: reply.account.clone(),
                why: "nobody finished it in time".into(),
                provider_error: None,
            };
            tracing::info!(account = %reply.account, "a login was not finished in time");
            self.over(LoginReply { status: LoginStatus::Failed, failure: Some(timed_out.reply()), ..reply }, now);
        }
        self.views.retain(|_, view| view.forget_at.is_none_or(|at| !now.reached(at)));
        let pending = self.attempts.pending();
        let (by_account, redirect_uris) =
            pending.map(|(id, plan)| ((plan.account.clone(), id.to_owned()), plan.redirect_uri.clone())).unzip();
        self.overview.store(Arc::new(Overview { by_account, redirect_uris }));
    }
}

fn gone() -> Error {
    Error::Internal { what: "the daemon is shutting down".into() }
}
