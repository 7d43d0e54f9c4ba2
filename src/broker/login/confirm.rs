//! Confirmation of a login as another person: the account keeps its tokens until somebody confirms.

use std::sync::Arc;
use std::time::Duration;

use super::pending::message::PendingLogin;
use super::question::{Answerer, PageCookie, QuestionOutcome};
use super::result::{LoginResult, Unconfirmed};
use crate::account::attempts::LoginPlan;
use crate::account::replace::Agreed;
use crate::broker::handle::Broker;
use crate::config::AccountConfig;
use crate::contract::Confirm;
use crate::contract::{LoginReply, Replaced};
use crate::error::Error;
use crate::secret::Nonce256;

impl Broker {
    /// Asks for a confirmation, unless it was given beforehand. `None`: the login waits for it.
    pub(super) async fn ask_to_confirm(&self, id: &str, brought: Unconfirmed) -> Option<Result<Replaced, Error>> {
        match self.inner.logins.question(id, brought, self.question_life()).await {
            QuestionOutcome::Waits => None,
            QuestionOutcome::Confirmed(fresh) => match self.take_over(Some(id), fresh, Agreed::ToAny).await {
                Ok(LoginResult::Stored(replaced)) => Some(Ok(replaced)),
                Ok(LoginResult::AnotherPerson(_)) => {
                    Some(Err(Error::Internal { what: "there was another question meanwhile".into() }))
                }
                Err(error) => Some(Err(error)),
            },
        }
    }

    fn question_life(&self) -> Duration {
        self.inner.accounts.load().config.serve.login_timeout
    }

    /// Answers a login that waits for confirmation, once: `replace` stores its tokens, otherwise they are dropped.
    /// Waits until that is done, and continues when the caller disconnects.
    pub(crate) async fn answer_login(&self, id: &str, replace: bool, answerer: Answerer) -> Result<LoginReply, Error> {
        let (broker, id) = (self.clone(), id.to_owned());
        let crashed = |_| Err(Error::Internal { what: "answering a login crashed".into() });
        tokio::spawn(async move { broker.answer_now(&id, replace, answerer).await }).await.unwrap_or_else(crashed)
    }

    async fn answer_now(&self, id: &str, replace: bool, answerer: Answerer) -> Result<LoginReply, Error> {
        let account = self.login(id, Duration::ZERO).await?.account;
        // A lock waits for this, and has ended every question before.
        let _in_flight = self.inner.exchanging.begin(&account);
        if let Some(Unconfirmed { fresh, confirm }) = self.inner.logins.answer(id, replace, answerer).await? {
            let result = self.take_over(Some(id), fresh, Agreed::To(confirm.current)).await;
            self.conclude(id, &account, result).await;
        }
        self.login(id, Duration::ZERO).await
    }

    /// Joins the account's login if that waits for confirmation, which may be given with the request.
    pub(super) async fn join_question(
        &self,
        config: &AccountConfig,
        replace: bool,
    ) -> Result<Option<(PendingLogin, Confirm)>, Error> {
        let Some((pending, confirm)) = self.inner.logins.join_question(&config.name).await else { return Ok(None) };
        if replace {
            self.answer_login(&pending.id, true, Answerer::Program).await?;
        }
        Ok(Some((pending, confirm)))
    }

    /// Keeps an import of another person's token as a login that waits for confirmation. The error says so.
    pub(in crate::broker) async fn confirm_import(&self, brought: Unconfirmed) -> Error {
        let (plan, confirm) = (LoginPlan::clone(brought.fresh.plan()), brought.confirm.clone());
        let (account, life) = (plan.account.clone(), self.question_life());
        self.inner.logins.cancel(&account, "a token was imported meanwhile").await;
        let pending = match self.inner.logins.start(plan, life, false).await {
            Ok(pending) => pending,
            Err(error) => return error,
        };
        _ = self.inner.logins.question(&pending.id, brought, life).await;
        let (current, new) = confirm.in_words();
        Error::AnotherPerson { account, current, new, login_id: pending.id, confirm: Arc::new(confirm) }
    }

    /// Binds the question to the browser that logged in. Given once, to the handler of that browser's callback.
    pub(crate) async fn page_cookie(&self, id: &str) -> Option<PageCookie> {
        self.inner.logins.page_cookie(id).await
    }

    /// The form token of a login's question (CSRF protection), for a browser that has the cookie.
    pub(crate) async fn question_form(&self, id: &str, cookies: Vec<String>) -> Option<Nonce256> {
        self.inner.logins.form_token(id, cookies).await
    }
}
