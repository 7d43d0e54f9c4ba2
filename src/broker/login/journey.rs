//! Login journey: started or joined, exchanged by its kind, stored, reported.

use std::sync::Arc;
use std::time::Duration;

use super::fresh_grant::FreshGrant;
use super::pending::message::PendingLogin;
use super::result::LoginResult;
use super::result::granted;
use crate::account::attempts::LoginPlan;
use crate::account::replace::Agreed;
use crate::account::snapshot::Standing;
use crate::account::state::RefreshOutcome;
use crate::broker::accounts::{Member, ask};
use crate::broker::actor::command::AccountCommand;
use crate::broker::handle::Broker;
use crate::broker::provider_call::ProviderCall;
use crate::clock::Boot;
use crate::config::AccountConfig;
use crate::contract::{
    AccountHealth, LoginReply, LoginRequest, LoginStarted, LoginStatus, LoginVia, Replaced, VERSION,
};
use crate::error::{Error, Missing};
use crate::oauth::authorize::ResponseType;
use crate::oauth::grant::GrantType;

/// The kind of a login, by how the user takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoginKind {
    /// In a browser that is redirected back, or whose redirect URL is pasted.
    Browser(LoginVia),
    /// In a browser on any device (RFC 8628).
    Device,
    /// With a password.
    Password,
    /// No user takes part: client credentials.
    None,
}

impl LoginKind {
    fn of(grant: GrantType, via: LoginVia) -> Self {
        match grant {
            GrantType::ClientCredentials => Self::None,
            GrantType::Password => Self::Password,
            GrantType::DeviceCode => Self::Device,
            GrantType::AuthorizationCode | GrantType::Implicit if via == LoginVia::Device => Self::Device,
            GrantType::AuthorizationCode | GrantType::Implicit => Self::Browser(via),
        }
    }
}

impl Broker {
    /// Starts or joins the account's one pending login.
    pub async fn start_login(&self, account: &str, via: LoginVia) -> Result<LoginStarted, Error> {
        self.start_login_as(account, LoginRequest { via, ..LoginRequest::default() }).await
    }

    /// As [`Self::start_login`]; with `replace` the login may also be as another person than the account's tokens
    /// belong to, and with `more_scope` it asks for what the user was asked.
    pub(crate) async fn start_login_as(&self, account: &str, request: LoginRequest) -> Result<LoginStarted, Error> {
        let LoginRequest { via, replace, more_scope } = request;
        let member = self.member(account)?;
        self.check_loaded(&member)?;
        let scope = member.scope_of_login(&more_scope)?;
        if let Some((pending, confirm)) = self.join_question(&member.config, replace).await? {
            return Ok(LoginStarted { confirm: Some(confirm), ..begun(&member.config, &pending) });
        }
        let life = self.inner.accounts.load().config.serve.login_timeout;
        let kind = LoginKind::of(member.config.grant, via);
        self.inner.world.provider.try_again(&member.config.dialect);
        let mut plan = self.plan(&member.config, self.redirect_uri_for(&member.config, kind)?).await?;
        let provider_call = ProviderCall { config: &member.config, world: &self.inner.world };
        let made = provider_call.new_dpop_key();
        plan.credentials.dpop_key = made.map_err(|why| Error::login_failed(&member.config.name, why))?;
        plan.target.scope = scope;
        let name = plan.account.clone();
        let listener = match kind {
            LoginKind::Browser(via) => self.open_listener(&name, &plan.redirect_uri, via).await?,
            LoginKind::Device | LoginKind::Password | LoginKind::None => None,
        };
        if kind == LoginKind::Password {
            // Each terminal prompts on its own.
            self.inner.logins.cancel(&name, "another login replaced it").await;
        }
        let pending = self.inner.logins.start(plan.clone(), life, replace).await?;
        self.check_still_current(&member, &pending).await?;
        let mut started = begun(&member.config, &pending);
        match kind {
            LoginKind::Browser(via) => {
                let start_url = self.start_url(&pending.id, &name, &plan.redirect_uri, listener).await?;
                if via == LoginVia::DaemonBrowser && !pending.joined {
                    self.open_browser(&member.config, &start_url);
                }
                started.start_url = Some(start_url);
            }
            LoginKind::Device => started.device = Some(self.start_device(plan, &pending).await?),
            LoginKind::Password => started.password = self.start_password(&member, plan, &pending).await?,
            LoginKind::None if pending.joined => {}
            LoginKind::None => self.start_client(&name, &pending),
        }
        if more_scope.is_empty() {
            started.warning = started.warning.or_else(|| member.left_unasked());
        }
        tracing::info!(account = %name, joined = pending.joined, "a login is pending");
        Ok(started)
    }

    /// Refuses while the account's stored tokens are not known.
    fn check_loaded(&self, member: &Member) -> Result<(), Error> {
        let snapshot = member.handle.published.load();
        match snapshot.standing {
            Standing::Unread | Standing::Locked => Err(snapshot.error(self.inner.world.clock.now())),
            _ => Ok(()),
        }
    }

    /// Empty where no browser is redirected back.
    fn redirect_uri_for(&self, config: &AccountConfig, kind: LoginKind) -> Result<String, Error> {
        let LoginKind::Browser(_) = kind else { return Ok(String::new()) };
        let why = || "there is no TCP listener and no `redirect_uri` in the config".to_owned();
        (self.inner.redirect_uri)(config).ok_or_else(|| Error::login_failed(&config.name, why()))
    }

    /// Everything that a login of this account needs.
    pub(in crate::broker) async fn plan(
        &self,
        config: &AccountConfig,
        redirect_uri: String,
    ) -> Result<LoginPlan, Error> {
        let failed = |why: String| Error::login_failed(&config.name, why);
        let provider_call = ProviderCall { config, world: &self.inner.world };
        let credentials = provider_call.credentials().await.map_err(failed)?;
        let dialect = provider_call.dialect().await.map_err(|error| failed(error.to_string()))?;
        Ok(LoginPlan {
            account: config.name.to_string(),
            dialect,
            credentials,
            target: config.target.clone(),
            response_type: match config.grant {
                GrantType::Implicit => ResponseType::Token,
                _ => ResponseType::Code,
            },
            redirect_uri,
        })
    }

    /// The state of a login; waits up to `wait` for it to end.
    pub async fn login(&self, id: &str, wait: Duration) -> Result<LoginReply, Error> {
        self.login_until(id, wait, None, |reply| reply.status != LoginStatus::Pending).await
    }

    /// As [`Self::login`], but also returns once the login waits for confirmation, or has more notices than the
    /// caller has `seen`. `None`: than it has now.
    pub(crate) async fn login_or_question(
        &self,
        id: &str,
        wait: Duration,
        seen: Option<usize>,
    ) -> Result<LoginReply, Error> {
        let updates = |reply: &LoginReply| reply.status != LoginStatus::Pending || reply.confirm.is_some();
        self.login_until(id, wait, seen, updates).await
    }

    async fn login_until(
        &self,
        id: &str,
        wait: Duration,
        seen: Option<usize>,
        mut updates: impl FnMut(&LoginReply) -> bool,
    ) -> Result<LoginReply, Error> {
        let unknown = || Error::Missing(Missing::Login);
        let mut view = self.inner.logins.watch(id).await.ok_or_else(unknown)?;
        let seen = seen.unwrap_or_else(|| view.borrow().notices.len());
        // Changed, timed out or shutting down: the latest state is the answer.
        _ = tokio::time::timeout(wait, view.wait_for(|reply| updates(reply) || reply.notices.len() > seen)).await;
        let mut reply = view.borrow().clone();
        if reply.status == LoginStatus::Failed {
            reply.earlier_login = self.has_a_valid_token(&reply.account);
        }
        Ok(reply)
    }

    fn has_a_valid_token(&self, account: &str) -> bool {
        let now = self.inner.world.clock.now().wall.unix_seconds();
        let health = self.account(account).map(|account| account.health_at(now).now);
        matches!(health, Ok(AccountHealth::Usable | AccountHealth::Ending))
    }

    /// For the outcome page, whose secret is the login's id.
    pub(crate) async fn outcome(&self, id: &str) -> Option<LoginReply> {
        self.login(id, Duration::ZERO).await.ok()
    }

    /// Reports the end of the login, or asks for confirmation.
    pub(super) async fn conclude(&self, id: &str, account: &str, result: Result<LoginResult, Error>) {
        let result = match result {
            Ok(LoginResult::Stored(replaced)) => Ok(replaced),
            Ok(LoginResult::AnotherPerson(brought)) => match self.ask_to_confirm(id, *brought).await {
                Some(result) => result,
                None => return,
            },
            Err(error) => Err(error),
        };
        let reply = self.login_reply(id, account, result).await;
        self.inner.logins.finish(reply).await;
    }

    /// The grant of a login by `plan` that was asked for at this moment, or why there is none. `what` was sent for
    /// it.
    pub(super) fn granted(
        &self,
        plan: &Arc<LoginPlan>,
        what: &str,
        answer: RefreshOutcome,
        asked: Boot,
    ) -> Result<FreshGrant, Error> {
        let grant = granted(&plan.account, what, answer)?;
        Ok(self.inner.revoker.guard(Arc::clone(plan), grant, asked))
    }

    /// Passes the grant to the account's task to store. It is dropped if the login has ended or the config has
    /// changed.
    pub(in crate::broker) async fn take_over(
        &self,
        login: Option<&str>,
        fresh: FreshGrant,
        agreed: Agreed,
    ) -> Result<LoginResult, Error> {
        // Also while a lock has begun: granted tokens are stored first.
        let member = self.known_member(&fresh.plan().account)?;
        let updates = match login {
            Some(id) => self.inner.logins.watch(id).await,
            None => None,
        };
        ask(&member, |done| AccountCommand::LoggedIn(fresh, agreed, updates, done)).await?
    }

    async fn login_reply(&self, id: &str, account: &str, result: Result<Replaced, Error>) -> LoginReply {
        let expires_at = match self.inner.logins.watch(id).await {
            Some(updates) => updates.borrow().expires_at,
            None => 0,
        };
        let mut reply = LoginReply::pending(id.to_owned(), account.to_owned(), expires_at);
        match (result, self.account(account)) {
            (Ok(replaced), Ok(view)) => {
                reply.status = LoginStatus::Succeeded;
                reply.replaced = replaced;
                reply.scope = view.scope;
                reply.identity = view.identity;
                reply.token_expires_at = view.expires_at;
                reply.token_expiry = view.expiry;
                reply.refreshable = Some(view.refreshable);
                tracing::info!(%account, "logged in");
            }
            (Err(error), _) | (Ok(_), Err(error)) => {
                tracing::warn!(%account, "{error}");
                reply.status = LoginStatus::Failed;
                reply.failure = Some(error.reply());
            }
        }
        reply
    }
}

fn begun(config: &AccountConfig, pending: &PendingLogin) -> LoginStarted {
    LoginStarted {
        version: VERSION,
        login_id: pending.id.clone(),
        account: config.name.to_string(),
        joined: pending.joined,
        start_url: None,
        device: None,
        password: None,
        warning: discouraged(config.grant),
        confirm: None,
        expires_at: pending.expires_at,
    }
}

/// Why the account's grant type is discouraged.
fn discouraged(grant: GrantType) -> Option<String> {
    let why = match grant {
        GrantType::Implicit => {
            "The implicit grant puts the token into the browser's address bar; RFC 9700 §2.1.2 advises against it. \
             Use `grant = \"authorization_code\"` if the provider has it."
        }
        GrantType::Password => {
            "The password grant shows your password to this program; RFC 9700 §2.4 forbids it for new designs. \
             Use `grant = \"authorization_code\"` if the provider has it."
        }
        GrantType::AuthorizationCode | GrantType::DeviceCode | GrantType::ClientCredentials => return None,
    };
    Some(why.to_owned())
}
