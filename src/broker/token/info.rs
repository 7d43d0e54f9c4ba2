//! Token info: what the provider says of an account's token (introspection).

use serde_json::{Map, Value};

use super::query::TokenQuery;
use crate::broker::handle::Broker;
use crate::broker::provider_call::ProviderCall;
use crate::broker::provider_call::provider_error_reply;
use crate::clock::Wall;
use crate::contract::{InfoReply, InfoSource, VERSION};
use crate::error::Error;
use crate::oauth::describe::DescribeEndpoint;
use crate::secret::AccessToken;

impl Broker {
    /// What the provider says of the account's current token.
    pub(crate) async fn info(&self, account: &str) -> Result<InfoReply, Error> {
        let member = self.member(account)?;
        let reply = self.token(account, TokenQuery { proves_key: true, ..TokenQuery::default() }).await?;
        let token = AccessToken::taken(reply.access_token);
        let described = ProviderCall { config: &member.config, world: &self.inner.world }
            .describe(&token, self.dpop_key(account, &token))
            .await
            .map_err(|error| provider_error_reply(&reply.account, error))?;
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
}

/// The reply's own members, which an identity must not overwrite.
const OUR_OWN: [&str; 7] = ["version", "account", "source", "active", "scope", "expires_at", "claims"];

fn beside_our_own(mut identity: Map<String, Value>) -> Map<String, Value> {
    identity.retain(|name, _| !OUR_OWN.contains(&name.as_str()));
    identity
}

/// A provider may repeat the token under any name. The usual names were removed before.
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
