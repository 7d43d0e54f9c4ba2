//! Imports tokens that were made elsewhere, once the provider has confirmed them.

use std::sync::Arc;

use serde_json::Map;

use crate::account::attempts::LoginPlan;
use crate::account::replace::Agreed;
use crate::broker::accounts::Member;
use crate::broker::handle::Broker;
use crate::broker::login::fresh_grant::FreshGrant;
use crate::broker::login::result::{LoginResult, granted};
use crate::broker::provider_call::ProviderCall;
use crate::contract::{ImportReply, ImportRequest};
use crate::error::Error;
use crate::oauth::describe::{DescribeEndpoint, Described};
use crate::oauth::echo::Sent;
use crate::oauth::exchange::{Target, Trade};
use crate::oauth::grant::Grant;
use crate::provider::AskError;
use crate::secret::{AccessToken, RefreshToken};

impl Broker {
    /// Imports a token that was made elsewhere, once the provider has confirmed it.
    pub(crate) async fn import(&self, account: &str, request: ImportRequest) -> Result<ImportReply, Error> {
        // Before anything can fail: from here on they are wiped in any case.
        let tokens = (request.access_token.map(AccessToken::taken), request.refresh_token.map(RefreshToken::taken));
        let member = self.known_member(account)?;
        // Counted as in flight before the lock is checked: a refresh token may work only once.
        let _in_flight = self.inner.exchanging.begin(&member.config.name);
        self.check_may_exchange(&member.config.name)?;
        let plan = Arc::new(self.plan(&member.config, String::new()).await?);
        let fresh = match tokens {
            (Some(token), None) => {
                let (grant, described) = self.check_access(&member, token).await?;
                FreshGrant::brought(plan, grant, self.inner.world.clock.now().boot)
                    .described_as(described)
                    .sparing_refresh(!(request.replace || request.give_up_refresh))
            }
            (None, Some(token)) => self.check_refresh(plan, token).await?,
            _ => return Err(Error::Usage { what: "one of `access_token` and `refresh_token` has to be given".into() }),
        };
        let agreed = if request.replace { Agreed::ToAny } else { Agreed::No };
        let replaced = match self.take_over(None, fresh, agreed).await? {
            LoginResult::Stored(replaced) => replaced,
            LoginResult::AnotherPerson(brought) => return Err(self.confirm_import(*brought).await),
        };
        tracing::info!(account = %member.config.name, "a token that was made elsewhere was imported");
        Ok(ImportReply { account: self.account(account)?, replaced })
    }

    /// Checks an access token: the provider knows it, and this is what it says of it.
    async fn check_access(&self, member: &Member, token: AccessToken) -> Result<(Box<Grant>, Described), Error> {
        let name = &member.config.name;
        let now = self.inner.world.clock.now().wall;
        let refused =
            |why: String, provider_error| Error::ImportRefused { account: name.to_string(), why, provider_error };
        let provider_call = ProviderCall { config: &member.config, world: &self.inner.world };
        let described = match provider_call.describe(&token, None).await {
            Ok(described) => described,
            Err(AskError::Impossible(why)) => {
                return Err(refused(format!("it can't be checked, since {why}; import a refresh token instead"), None));
            }
            Err(AskError::Refused(refusal)) => {
                let why = format!("the provider refused it: {}", Sent::token(&token).hide(&refusal.to_string()));
                return Err(refused(why, Some(refusal.code)));
            }
            Err(AskError::Unreachable { why, .. }) => {
                return Err(refused(format!("the provider could not be asked about it: {why}"), None));
            }
        };
        if !described.active {
            let source = match described.source {
                DescribeEndpoint::Details => "page of a token's details",
                DescribeEndpoint::Introspection => "introspection (RFC 7662)",
            };
            return Err(refused(format!("according to the provider's {source}, it is not active"), None));
        }
        let grant = Grant {
            access_token: Some(token),
            refresh_token: None,
            scope: described.scope.clone(),
            expires_in: described.expires_at.map(|at| at.since(now)),
            dpop_key: None,
            extra: Map::new(),
            flaws: Vec::new(),
        };
        Ok((Box::new(grant), described))
    }

    /// Checks a refresh token by a refresh. That may spend it, so the tokens of the reply are the ones to store.
    async fn check_refresh(&self, plan: Arc<LoginPlan>, token: RefreshToken) -> Result<FreshGrant, Error> {
        // Without a scope, which would ask for less than the token is good for.
        let target = Target { scope: Vec::new(), ..plan.target.for_one_token() };
        let trade = Trade::RefreshToken { token: token.clone(), target };
        let asked = self.inner.world.clock.now().boot;
        let answer = self.inner.world.provider.trade(&plan.dialect, &trade, &plan.credentials).await;
        let mut grant = granted(&plan.account, "the refresh token", answer).map_err(not_taken_over)?;
        let rotated = grant.refresh_token.as_ref().is_some_and(|new| !new.matches(token.expose()));
        grant.refresh_token.get_or_insert(token);
        Ok(if rotated { self.inner.revoker.guard(plan, grant, asked) } else { FreshGrant::brought(plan, grant, asked) })
    }
}

/// The error of a failed login, as that of an import.
fn not_taken_over(error: Error) -> Error {
    match error {
        Error::LoginFailed { account, why, provider_error } => Error::ImportRefused { account, why, provider_error },
        other => other,
    }
}
