//! What the provider says of an account's token, and tokens that were made elsewhere.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::accounts::Member;
use super::answers::LoginTaken;
use super::browser_login::ExchangeGuard;
use super::fresh_grant::FreshGrant;
use super::handle::{Broker, TokenQuery};
use super::provider_call::ProviderCall;
use super::unaided::granted;
use crate::account::attempts::LoginPlan;
use crate::account::replace::Agreed;
use crate::clock::Wall;
use crate::contract::{AcceptReply, ImportReply, ImportRequest, InfoReply, InfoSource, VERSION};
use crate::error::{Error, Missing};
use crate::oauth::describe::{DescribeEndpoint, Described};
use crate::oauth::echo::Sent;
use crate::oauth::exchange::{Target, Trade};
use crate::oauth::grant::Grant;
use crate::oauth::reply::clean;
use crate::provider::AskError;
use crate::secret::{AccessToken, RefreshToken};

impl Broker {
    /// What the provider says of the account's current token.
    pub async fn info(&self, account: &str) -> Result<InfoReply, Error> {
        let member = self.member(account)?;
        let reply = self.token(account, TokenQuery::default()).await?;
        let token = AccessToken::taken(reply.access_token);
        let described = self.describe(&member, &token).await.map_err(|error| asked_in_vain(&reply.account, error))?;
        Ok(InfoReply {
            version: VERSION,
            account: reply.account,
            source: match described.source {
                DescribeEndpoint::Details => InfoSource::Details,
                DescribeEndpoint::Introspection => InfoSource::Introspection,
            },
            active: described.active,
            scope: described.scope,
            expires_at: described.expires_at.map(Wall::unix_seconds),
            identity: beside_our_own(described.identity),
            claims: without_token(described.claims, &token),
        })
    }

    /// Takes over a token that was made elsewhere, once the provider has accepted it.
    pub async fn import(&self, account: &str, request: ImportRequest) -> Result<ImportReply, Error> {
        // Before anything can fail: from here on they are wiped whatever happens.
        let tokens = (request.access_token.map(AccessToken::taken), request.refresh_token.map(RefreshToken::taken));
        let member = self.known_member(account)?;
        // Counted before it is asked whether the store is open: a refresh token may work once.
        let _counted = ExchangeGuard::new(&self.inner.exchanging, &member.config.name);
        self.may_spend(&member.config.name)?;
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
            LoginTaken::Stored(replaced) => replaced,
            LoginTaken::Another(brought) => return Err(self.ask_about_import(*brought).await),
        };
        tracing::info!(account = %member.config.name, "a token that was made elsewhere was imported");
        Ok(ImportReply { account: self.account(account)?, replaced })
    }

    /// An access token that the provider knows, and what it says of it.
    async fn check_access(&self, member: &Member, token: AccessToken) -> Result<(Box<Grant>, Described), Error> {
        let name = &member.config.name;
        let now = self.inner.world.clock.now().wall;
        let refused = |why: String, provider_error| Error::ImportRefused { account: name.clone(), why, provider_error };
        let described = match self.describe(member, &token).await {
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
            extra: Map::new(),
            flaws: Vec::new(),
        };
        Ok((Box::new(grant), described))
    }

    /// A refresh token that the provider gives an access token for: it is spent by that, so what came
    /// instead of it is what is kept.
    async fn check_refresh(&self, plan: Arc<LoginPlan>, token: RefreshToken) -> Result<FreshGrant, Error> {
        // A scope would ask for less than it is good for.
        let target = Target { scope: Vec::new(), ..plan.target.for_one_token() };
        let trade = Trade::RefreshToken { token: token.clone(), target };
        let asked = self.inner.world.clock.now().boot;
        let answer = self.inner.world.provider.trade(&plan.dialect, &trade, &plan.credentials).await;
        let mut grant = granted(&plan.account, "the refresh token", answer).map_err(not_taken_over)?;
        let rotated = grant.refresh_token.as_ref().is_some_and(|new| !new.matches(token.expose()));
        grant.refresh_token.get_or_insert(token);
        Ok(if rotated { self.inner.revoker.guard(plan, grant, asked) } else { FreshGrant::brought(plan, grant, asked) })
    }

    async fn describe(&self, member: &Member, token: &AccessToken) -> Result<Described, AskError> {
        let provider_call = ProviderCall { config: &member.config, world: &self.inner.world };
        let credentials = provider_call.credentials().await.map_err(AskError::Impossible)?;
        let dialect = provider_call.dialect().await?;
        self.inner.world.provider.describe(&dialect, token, &credentials).await
    }

    /// Uses the provider's metadata though its token endpoint has moved to another host.
    pub async fn accept_provider(&self, provider: &str) -> Result<AcceptReply, Error> {
        let dialect = {
            let accounts = self.inner.accounts.load();
            let accounts = accounts.members.values().map(|member| &member.config.dialect);
            accounts.into_iter().find(|dialect| dialect.provider == provider).map(Arc::clone)
        };
        let unknown = || Error::Missing(Missing::Provider(clean(provider)));
        let dialect = dialect.ok_or_else(unknown)?;
        let accepted = self.inner.world.provider.accept(&dialect).await;
        let token_url = accepted.map_err(|error| asked_in_vain(provider, error))?;
        Ok(AcceptReply { provider: provider.to_owned(), token_url })
    }
}

/// What else an [`InfoReply`] says, which stands beside the identity's members.
const OUR_OWN: [&str; 7] = ["version", "account", "source", "active", "scope", "expires_at", "claims"];

fn beside_our_own(mut identity: Map<String, Value>) -> Map<String, Value> {
    identity.retain(|name, _| !OUR_OWN.contains(&name.as_str()));
    identity
}

/// A provider that is asked with the token may repeat it under any name. Tokens by their usual names are
/// gone already.
fn without_token(claims: Map<String, Value>, token: &AccessToken) -> Map<String, Value> {
    claims.into_iter().filter_map(|(name, value)| Some((name, other_than(token, value)?))).collect()
}

fn other_than(token: &AccessToken, value: Value) -> Option<Value> {
    match value {
        Value::Object(members) => Some(Value::Object(without_token(members, token))),
        Value::Array(items) => Some(items.into_iter().filter_map(|item| other_than(token, item)).collect()),
        Value::String(text) if token.matches(&text) => None,
        plain => Some(plain),
    }
}

/// An import that failed as a login would.
fn not_taken_over(error: Error) -> Error {
    match error {
        Error::LoginFailed { account, why, provider_error } => Error::ImportRefused { account, why, provider_error },
        other => other,
    }
}

fn asked_in_vain(account: &str, error: AskError) -> Error {
    let account = account.to_owned();
    match error {
        AskError::Impossible(why) => Error::CannotAsk { account, why },
        AskError::Refused(refusal) => {
            Error::ProviderRefused { account, why: refusal.to_string(), provider_error: Some(refusal.code) }
        }
        AskError::Unreachable { why, retry_after } => {
            Error::ProviderUnreachable { account, why, retry_after: retry_after.unwrap_or_default() }
        }
    }
}
