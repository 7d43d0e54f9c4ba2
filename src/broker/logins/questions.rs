//! Logins as another person than the account's tokens are of. What such a login brought is kept here, in memory only,
//! until somebody answers. Whatever ends the login before that drops it.

use std::time::Duration;

use super::{Logins, LoginsRequest, PendingLogin, Task, gone};
use crate::broker::fresh_grant::FreshGrant;
use crate::clock::Moment;
use crate::contract::{AuditEvent, AuditLine, Confirm, ErrorCode, LoginReply};
use crate::error::{Error, Missing, Obstacle};
use crate::secret::{Nonce256, RandomSecret as _};

/// What waits for an answer.
pub(super) struct ReplaceQuestion {
    fresh: FreshGrant,
    confirm: Confirm,
    /// Binds the page to the browser that logged in. Taken away once that has it.
    cookie: Nonce256,
    cookie_is_given: bool,
    /// What the page's form has to bring back (CSRF).
    form_token: Nonce256,
}

/// What a login brought, and why it waits.
pub(in crate::broker) struct Brought {
    pub(in crate::broker) fresh: FreshGrant,
    pub(in crate::broker) confirm: Confirm,
}

/// Who answers.
#[derive(Debug)]
pub enum Answerer {
    /// A program, whose rights were looked at.
    Program,
    /// The page in the browser that logged in.
    Page {
        /// The cookies of that name which the browser sent: others beside ours may be anything.
        cookies: Vec<String>,
        /// What stood in the form.
        form_token: String,
    },
}

/// The browser's part of a question.
pub struct PageCookie {
    /// The cookie's value.
    pub value: Nonce256,
    /// How long it is good for.
    pub max_age: Duration,
}

/// What becomes of a login that has to ask.
pub(in crate::broker) enum QuestionOutcome {
    /// It waits for an answer, or it is over and what it brought is dropped.
    Waits,
    /// The answer was given beforehand.
    SaidBefore(FreshGrant),
}

impl Logins {
    /// Keeps what the login brought until somebody answers, for `life` at most.
    pub(in crate::broker) async fn question(&self, id: &str, brought: Brought, life: Duration) -> QuestionOutcome {
        let ask = |done| LoginsRequest::ReplaceQuestion { id: id.to_owned(), brought: Box::new(brought), life, done };
        self.ask(ask).await.unwrap_or(QuestionOutcome::Waits)
    }

    /// Takes the answer, once: what the login brought and whom it replaces, if that was a yes.
    pub(in crate::broker) async fn answer(
        &self,
        id: &str,
        replace: bool,
        answerer: Answerer,
    ) -> Result<Option<Brought>, Error> {
        let ask = |done| LoginsRequest::Answer { id: id.to_owned(), replace, answerer, done };
        self.ask(ask).await.unwrap_or_else(|| Err(gone()))
    }

    /// Joins the account's login if that waits for an answer.
    pub(in crate::broker) async fn join_question(&self, account: &str) -> Option<(PendingLogin, Confirm)> {
        // Without a question, which is the rule, nobody is bothered.
        self.overview().questions.get(account)?;
        self.ask(|done| LoginsRequest::JoinQuestion { account: account.to_owned(), done }).await?
    }

    /// For the browser that logged in, once.
    pub(in crate::broker) async fn page_cookie(&self, id: &str) -> Option<PageCookie> {
        self.ask(|done| LoginsRequest::PageCookie { id: id.to_owned(), done }).await?
    }

    /// What the form has to bring back, for the browser that has the cookie.
    pub(in crate::broker) async fn form_token(&self, id: &str, cookies: Vec<String>) -> Option<Nonce256> {
        self.ask(|done| LoginsRequest::FormToken { id: id.to_owned(), cookies, done }).await?
    }
}

impl Task {
    pub(super) fn question(&mut self, id: &str, brought: Brought, life: Duration, now: Moment) -> QuestionOutcome {
        let Some(view) = self.views.get_mut(id).filter(|view| view.forget_at.is_none()) else {
            return QuestionOutcome::Waits;
        };
        let Brought { fresh, confirm } = brought;
        if view.replaces {
            return QuestionOutcome::SaidBefore(fresh);
        }
        if !self.attempts.ask(id, now.boot.plus(life)) {
            return QuestionOutcome::Waits;
        }
        let rng = &mut rand::rng();
        let (cookie, form_token) = (Nonce256::random(rng), Nonce256::random(rng));
        view.reply.send_modify(|reply| {
            reply.confirm = Some(confirm.clone());
            reply.expires_at = now.wall.plus(life).unix_seconds();
        });
        let account = &view.reply.borrow().account.clone();
        let (current, new) = confirm.in_words();
        tracing::warn!(%account, "the account is logged in as {current}, and this login as {new}: waiting for an answer");
        view.question = Some(ReplaceQuestion { fresh, confirm, cookie, cookie_is_given: false, form_token });
        QuestionOutcome::Waits
    }

    pub(super) fn answer_question(
        &mut self,
        id: &str,
        replace: bool,
        answerer: &Answerer,
        now: Moment,
    ) -> Result<Option<Brought>, Error> {
        let unknown = || Error::Missing(Missing::Login);
        let view = self.views.get_mut(id).ok_or_else(unknown)?;
        let no_question = || Error::Obstacle(Obstacle::NoQuestion);
        let question = view.question.as_ref().ok_or_else(no_question)?;
        if !question.is_for(answerer) {
            return Err(Error::Forbidden { why: "this form belongs to the browser that logged in" });
        }
        if !replace {
            self.end_question(id, "the answer was to keep the account as it is", now);
            return Ok(None);
        }
        let question = view.question.take().ok_or_else(no_question)?;
        view.reply.send_modify(|reply| reply.confirm = None);
        self.attempts.answered(id);
        let account = question.fresh.plan().account.clone();
        let (current, new) = question.confirm.in_words();
        tracing::warn!(%account, "the answer was to replace {current} by {new}");
        self.note(&account, now, None, format!("the answer was to replace {current} by {new}"));
        Ok(Some(Brought { fresh: question.fresh, confirm: question.confirm }))
    }

    pub(super) fn join_question(&self, account: &str, now: Moment) -> Option<(PendingLogin, Confirm)> {
        let (id, ends) = self.attempts.of_account(account)?;
        let confirm = self.views.get(id)?.question.as_ref()?.confirm.clone();
        let expires_at = now.wall.plus(now.boot.until(ends)).unix_seconds();
        Some((PendingLogin { id: id.to_owned(), joined: true, expires_at }, confirm))
    }

    pub(super) fn page_cookie(&mut self, id: &str, now: Moment) -> Option<PageCookie> {
        let ends = self.attempts.ends(id)?;
        let question = self.views.get_mut(id)?.question.as_mut().filter(|question| !question.cookie_is_given)?;
        question.cookie_is_given = true;
        Some(PageCookie { value: question.cookie.clone(), max_age: now.boot.until(ends) })
    }

    pub(super) fn form_token(&self, id: &str, cookies: &[String]) -> Option<Nonce256> {
        let question = self.views.get(id)?.question.as_ref()?;
        question.is_of_a_browser_with(cookies).then(|| question.form_token.clone())
    }

    fn end_question(&mut self, id: &str, why: &str, now: Moment) {
        let Some(account) = self.views.get(id).map(|view| view.reply.borrow().account.clone()) else { return };
        self.fail(id, &Error::login_failed(&account, why.to_owned()), now);
    }

    /// Why a login that waited for an answer ends without one, with what that means.
    pub(super) fn unanswered(&mut self, id: &str, error: Error) -> Error {
        let Some(question) = self.views.get_mut(id).and_then(|view| view.question.take()) else { return error };
        let Error::LoginFailed { account, why, provider_error } = error else { return error };
        let (current, new) = question.confirm.in_words();
        let why = format!("{why}: it stays logged in as {current}, and the login as {new} is not kept");
        tracing::warn!(%account, "{why}");
        Error::LoginFailed { account, why, provider_error }
    }

    /// Writes down how a login ended.
    pub(super) fn note_end(&mut self, reply: &LoginReply, now: Moment) {
        match &reply.failure {
            Some(failure) => self.note(&reply.account, now, Some(failure.error), failure.error_description.clone()),
            None => self.note(&reply.account, now, None, "granted".into()),
        }
    }

    fn note(&mut self, account: &str, now: Moment, failure: Option<ErrorCode>, reason: String) {
        let mut line = AuditLine::new(AuditEvent::Login, now.wall.rfc3339());
        line.account = Some(account.to_owned());
        line.reason = Some(reason);
        if let Some(code) = failure {
            line.result = code.row().name.into();
        }
        self.notes.push(line);
    }

    /// What was noted goes into the audit log.
    pub(super) async fn write_notes(&mut self) {
        for line in std::mem::take(&mut self.notes) {
            self.audit.note(line).await;
        }
    }
}

impl ReplaceQuestion {
    fn is_for(&self, answerer: &Answerer) -> bool {
        match answerer {
            Answerer::Program => true,
            Answerer::Page { cookies, form_token } => {
                self.is_of_a_browser_with(cookies) && self.form_token.matches(form_token)
            }
        }
    }

    fn is_of_a_browser_with(&self, cookies: &[String]) -> bool {
        self.cookie_is_given && cookies.iter().any(|cookie| self.cookie.matches(cookie))
    }

    pub(super) fn confirm(&self) -> &Confirm {
        &self.confirm
    }
}
