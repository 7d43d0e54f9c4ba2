//! Password login (RFC 6749 §4.3): the password comes from the config's source, or is typed into a named pipe.

use std::sync::Arc;

use super::pending::message::PendingLogin;
use super::result::LoginResult;
use crate::account::attempts::LoginPlan;
use crate::account::replace::Agreed;
use crate::broker::accounts::Member;
use crate::broker::handle::Broker;
use crate::broker::provider_call::ProviderCall;
use crate::config::AccountConfig;
use crate::contract::{LoginStatus, PasswordPrompt};
use crate::credentials::PasswordPipe;
use crate::error::Error;
use crate::oauth::exchange::{Trade, User};
use crate::secret::Password;

impl Broker {
    /// Starts the login. Without a source in the config, the prompt tells of the pipe for the password.
    pub(super) async fn start_password(
        &self,
        member: &Member,
        plan: LoginPlan,
        pending: &PendingLogin,
    ) -> Result<Option<PasswordPrompt>, Error> {
        let (user, pipe) = match self.password_source(member) {
            Ok(source) => source,
            Err(why) => {
                let failed = Error::login_failed(&plan.account, why);
                self.inner.logins.fail(&pending.id, failed.clone()).await;
                return Err(failed);
            }
        };
        let prompt =
            pipe.as_ref().map(|pipe| PasswordPrompt { user, pipe: pipe.path().to_string_lossy().into_owned() });
        let (broker, id, config) = (self.clone(), pending.id.clone(), member.config.clone());
        tokio::spawn(async move {
            let Some(mut updates) = broker.inner.logins.watch(&id).await else { return };
            // When the login ends, its pipe goes too, so that nobody types into one without a reader. A request that
            // was sent is not cancelled, since nobody would revoke its tokens.
            let read = tokio::select! {
                read = broker.read_password(&config, pipe) => read,
                _ = updates.wait_for(|reply| reply.status != LoginStatus::Pending) => return,
            };
            // Counted as in flight before the lock is checked, and until the end is reported: a lock waits for this,
            // and then cancels the logins that are still pending.
            let _in_flight = broker.inner.exchanging.begin(&config.name);
            let result = match read {
                Ok((user, password)) => broker.use_password(&id, &Arc::new(plan), user, password).await,
                Err(why) => Err(Error::login_failed(&config.name, why)),
            };
            broker.conclude(&id, &config.name, result).await;
        });
        Ok(prompt)
    }

    /// The user, and the pipe if the config has no source of the password. The error is one clause.
    fn password_source(&self, member: &Member) -> Result<(String, Option<PasswordPipe>), String> {
        let user = member.config.user.as_ref().ok_or("the config names no user")?;
        let pipe = match (&user.password, &self.inner.world.runtime) {
            (Some(_), _) => None,
            (None, Some(folder)) => Some(PasswordPipe::make(folder).map_err(|error| error.to_string())?),
            (None, None) => return Err("there is no runtime folder to ask for a password in".into()),
        };
        let (User::Name(name) | User::PhoneNumber(name)) = &user.user;
        Ok((name.clone(), pipe))
    }

    /// The error is one clause.
    async fn read_password(
        &self,
        config: &AccountConfig,
        pipe: Option<PasswordPipe>,
    ) -> Result<(User, Password), String> {
        match pipe {
            None => ProviderCall { config, world: &self.inner.world }.password().await,
            Some(pipe) => typed(config, pipe).await,
        }
    }

    /// Sends the password once. Whether it is needed again depends on the refresh token of the reply.
    async fn use_password(
        &self,
        id: &str,
        plan: &Arc<LoginPlan>,
        user: User,
        password: Password,
    ) -> Result<LoginResult, Error> {
        self.check_may_exchange(&plan.account)?;
        let asked = self.inner.world.clock.now().boot;
        let trade = Trade::Password { user, password, target: plan.target.for_one_token() };
        let answer = self.inner.world.provider.trade(&plan.dialect, &trade, &plan.credentials).await;
        drop(trade);
        let fresh = self.granted(plan, "the password", answer, asked)?;
        self.take_over(Some(id), fresh, Agreed::No).await
    }
}

/// The error is one clause.
async fn typed(config: &AccountConfig, pipe: PasswordPipe) -> Result<(User, Password), String> {
    let user = config.user.as_ref().ok_or("the config names no user")?.user.clone();
    match pipe.read().await {
        Ok(Some(password)) => Ok((user, password)),
        Ok(None) => Err("no password was typed".into()),
        Err(error) => Err(error.to_string()),
    }
}
