//! The task that owns the pending logins (actor): expires them, and keeps their outcomes for a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};

use super::message::{LoginsRequest, Overview, PendingLogin};
use crate::account::attempts::{Attempts, LoginPlan};
use crate::audit::AuditLog;
use crate::broker::login::question::ReplaceQuestion;
use crate::broker::timer::sleep;
use crate::broker::world::ListenerGuard;
use crate::clock::{Boot, Clock, Moment};
use crate::contract::{AuditLine, LoginReply, LoginStatus};
use crate::error::{Error, Obstacle};

/// How long the outcome of a login can be asked for.
const OUTCOME_LIFE: Duration = Duration::from_secs(600);

pub(super) struct Task {
    pub(super) attempts: Attempts,
    pub(super) clock: Clock,
    pub(super) views: BTreeMap<String, View>,
    pub(super) overview: Arc<ArcSwap<Overview>>,
    pub(super) audit: AuditLog,
    /// Audit lines that are to be written.
    pub(super) notes: Vec<AuditLine>,
}

/// A login, pending or ended.
pub(super) struct View {
    pub(super) reply: watch::Sender<LoginReply>,
    /// Keeps the callback listener open.
    pub(super) listener: Option<ListenerGuard>,
    /// Whether another person's tokens may be replaced without confirmation, as a caller said.
    pub(super) replaces: bool,
    /// What waits for confirmation.
    pub(super) question: Option<ReplaceQuestion>,
    /// When it is forgotten; `None` while it is pending.
    pub(super) forget_at: Option<Boot>,
}

impl Task {
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<LoginsRequest>, mut jumps: watch::Receiver<()>) {
        loop {
            let now = self.clock.now();
            let next =
                self.attempts.next_end().into_iter().chain(self.views.values().filter_map(|view| view.forget_at));
            let sleep_for = next.map(|at| now.boot.until(at)).min();
            tokio::select! {
                ask = requests.recv() => match ask {
                    None => return,
                    Some(ask) => {
                        // What has expired must not be used by the request.
                        self.expire();
                        self.answer(ask).await;
                    }
                },
                () = sleep(sleep_for) => {}
                Ok(()) = jumps.changed() => {}
            }
            self.expire();
            self.show();
            self.write_notes().await;
        }
    }

    async fn answer(&mut self, ask: LoginsRequest) {
        let now = self.clock.now();
        // The caller may be gone by now: that changes nothing.
        match ask {
            LoginsRequest::Start { plan, life, replace, done } => _ = done.send(self.start(*plan, life, replace, now)),
            LoginsRequest::Ticket { id, done } => {
                _ = done
                    .send(self.attempts.ticket(&id, now, &mut rand::rng()).map(|ticket| ticket.expose().to_owned()));
            }
            LoginsRequest::Pasted { id, done } => {
                _ = done.send(self.attempts.redirect_by_hand(&id, now, &mut rand::rng()));
            }
            LoginsRequest::HoldListener { id, listener } => {
                if let Some(view) = self.views.get_mut(&id).filter(|view| view.forget_at.is_none()) {
                    view.listener = Some(listener);
                }
            }
            LoginsRequest::Redirect { ticket, done } => {
                _ = done.send(self.attempts.redirect(&ticket, now, &mut rand::rng()));
            }
            LoginsRequest::Callback { request, via, done } => {
                _ = done.send(self.callback(&request, &via, now));
            }
            LoginsRequest::Notify { redirect_uri, notice } => self.notify(&redirect_uri, notice),
            LoginsRequest::Fail { id, error } => self.fail(&id, &error, now),
            LoginsRequest::Prompt { id, prompt } => {
                if let Some(view) = self.views.get(&id) {
                    view.reply.send_modify(|reply| reply.device = Some(prompt));
                }
            }
            LoginsRequest::Cancel { account, why, done } => {
                let pending = self.attempts.pending().find(|(_, plan)| plan.account == account);
                if let Some(id) = pending.map(|(id, _)| id.to_owned()) {
                    self.fail(&id, &Error::login_failed(&account, why.into()), now);
                }
                self.write_notes().await;
                _ = done.send(());
            }
            LoginsRequest::Finish { reply } => self.finish(&reply, now),
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
            let view = View { reply, listener: None, replaces: false, question: None, forget_at: None };
            self.views.insert(started.id.clone(), view);
        }
        if let Some(view) = self.views.get_mut(&started.id) {
            view.replaces |= replace;
        }
        Ok(PendingLogin { id: started.id, joined: started.joined, expires_at })
    }

    pub(super) fn finish(&mut self, reply: &LoginReply, now: Moment) {
        self.attempts.finish(&reply.login_id);
        // A login that has ended, or was cancelled, can't succeed later.
        if let Some(view) = self.views.get_mut(&reply.login_id).filter(|view| view.forget_at.is_none()) {
            view.forget_at = Some(now.boot.plus(OUTCOME_LIFE));
            view.listener = None;
            // Dropped, and thereby revoked.
            view.question = None;
            view.reply.send_replace(reply.clone());
            self.note_end(reply, now);
        }
    }

    pub(super) fn fail(&mut self, id: &str, error: &Error, now: Moment) {
        let Some(reply) = self.views.get(id).map(|view| view.reply.borrow().clone()) else { return };
        let failure = Some(self.unanswered(id, error.clone()).reply());
        self.finish(&LoginReply { status: LoginStatus::Failed, confirm: None, failure, ..reply }, now);
    }

    /// Ends what has expired.
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

    /// Publishes the overview.
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
