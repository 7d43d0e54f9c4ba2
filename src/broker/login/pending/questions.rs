//! Logins as another person than the account's tokens belong to. Their grants are kept in memory only, until somebody
//! confirms or declines. Whatever ends the login before that drops the grant.

use std::time::Duration;

use super::message::PendingLogin;
use super::task::Task;
use crate::broker::login::question::{Answerer, PageCookie, QuestionOutcome, ReplaceQuestion};
use crate::broker::login::result::Unconfirmed;
use crate::clock::Moment;
use crate::contract::Confirm;
use crate::error::{Error, Missing, Obstacle};
use crate::secret::Nonce256;

impl Task {
    pub(super) fn question(&mut self, id: &str, login: Unconfirmed, life: Duration, now: Moment) -> QuestionOutcome {
        let Some(view) = self.views.get_mut(id).filter(|view| view.forget_at.is_none()) else {
            return QuestionOutcome::Waits;
        };
        if view.replaces {
            return QuestionOutcome::Confirmed(login.fresh);
        }
        if !self.attempts.ask(id, now.boot.plus(life)) {
            return QuestionOutcome::Waits;
        }
        view.reply.send_modify(|reply| {
            reply.confirm = Some(login.confirm.clone());
            reply.expires_at = now.wall.plus(life).unix_seconds();
        });
        let account = &view.reply.borrow().account.clone();
        let (current, new) = login.confirm.in_words();
        tracing::warn!(%account, "the account is logged in as {current}, but this login is as {new}: waiting for an answer");
        view.question = Some(ReplaceQuestion::new(login, &mut rand::rng()));
        QuestionOutcome::Waits
    }

    pub(super) fn answer_question(
        &mut self,
        id: &str,
        replace: bool,
        answerer: &Answerer,
        now: Moment,
    ) -> Result<Option<Unconfirmed>, Error> {
        let unknown = || Error::Missing(Missing::Login);
        let view = self.views.get_mut(id).ok_or_else(unknown)?;
        let no_question = || Error::Obstacle(Obstacle::NoQuestion);
        let question = view.question.as_ref().ok_or_else(no_question)?;
        if !question.admits(answerer) {
            return Err(Error::Forbidden { why: "this form belongs to the browser that logged in" });
        }
        if !replace {
            self.end_question(id, "the answer was to keep the account as it is", now);
            return Ok(None);
        }
        let question = view.question.take().ok_or_else(no_question)?;
        view.reply.send_modify(|reply| reply.confirm = None);
        self.attempts.answered(id);
        let login = question.into_login();
        let account = login.fresh.plan().account.clone();
        let (current, new) = login.confirm.in_words();
        tracing::warn!(%account, "the answer was to replace {current} by {new}");
        self.note(&account, now, None, format!("the answer was to replace {current} by {new}"));
        Ok(Some(login))
    }

    pub(super) fn join_question(&self, account: &str, now: Moment) -> Option<(PendingLogin, Confirm)> {
        let (id, ends) = self.attempts.of_account(account)?;
        let confirm = self.views.get(id)?.question.as_ref()?.confirm().clone();
        let expires_at = now.wall.plus(now.boot.until(ends)).unix_seconds();
        Some((PendingLogin { id: id.to_owned(), joined: true, expires_at }, confirm))
    }

    pub(super) fn page_cookie(&mut self, id: &str, now: Moment) -> Option<PageCookie> {
        let ends = self.attempts.ends(id)?;
        let value = self.views.get_mut(id)?.question.as_mut()?.give_cookie()?;
        Some(PageCookie { value, max_age: now.boot.until(ends) })
    }

    pub(super) fn form_token(&self, id: &str, cookies: &[String]) -> Option<Nonce256> {
        self.views.get(id)?.question.as_ref()?.form_token(cookies)
    }

    fn end_question(&mut self, id: &str, why: &str, now: Moment) {
        let Some(account) = self.views.get(id).map(|view| view.reply.borrow().account.clone()) else { return };
        self.fail(id, &Error::login_failed(&account, why.to_owned()), now);
    }

    /// Adds to the error of an unconfirmed login what that means.
    pub(super) fn unanswered(&mut self, id: &str, error: Error) -> Error {
        let Some(question) = self.views.get_mut(id).and_then(|view| view.question.take()) else { return error };
        let Error::LoginFailed { account, why, provider_error } = error else { return error };
        let (current, new) = question.confirm().in_words();
        let why = format!("{why}: the account stays logged in as {current}, and the login as {new} is dropped");
        tracing::warn!(%account, "{why}");
        Error::LoginFailed { account, why, provider_error }
    }
}
