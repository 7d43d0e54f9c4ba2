//! Scope limit: tokens for callers that are limited to some scopes (RFC 6749 §3.3). They get the account's own token
//! if it has no other scopes, else a downscoped one.

use std::collections::BTreeSet;

use super::query::TokenQuery;
use crate::broker::accounts::Member;
use crate::broker::handle::Broker;
use crate::contract::TokenReply;
use crate::error::Error;
use crate::oauth::dialect::Narrowing;
use crate::oauth::exchange::Target;
use crate::oauth::grant::GrantType;

use zeroize::Zeroize as _;

impl Broker {
    /// Whether `target` is all that the account's own token is for: every scope of it, and nothing else.
    pub(crate) fn is_whole(&self, account: &str, target: &Target) -> bool {
        let Ok(member) = self.known_member(account) else { return false };
        let granted = member.handle.published.load().token.as_ref().and_then(|token| token.scope.clone());
        let whole = worth(&member, granted.as_deref());
        let set = |scope: &[String]| scope.iter().cloned().collect::<BTreeSet<_>>();
        target.resource.is_empty() && target.audience.is_none() && set(&target.scope) == set(&whole)
    }

    /// As [`Broker::token`], but never a token with more scopes than `limit`.
    pub(crate) async fn token_within(
        &self,
        account: &str,
        mut query: TokenQuery,
        limit: &BTreeSet<String>,
    ) -> Result<TokenReply, Error> {
        let member = self.member(account)?;
        let granted = member.handle.published.load().token.as_ref().and_then(|token| token.scope.clone());
        query.target = bounded(&member, granted.as_deref(), query.target.take(), limit)?;
        let mut reply = self.token(account, query).await?;
        // Checked again: the token may have changed meanwhile, and a provider may grant more than was asked for.
        if is_within(&worth(&member, reply.scope.as_deref()), limit) {
            return Ok(reply);
        }
        reply.access_token.zeroize();
        Err(beyond())
    }
}

/// The target to ask for, so that the token stays within `limit`.
fn bounded(
    member: &Member,
    granted: Option<&str>,
    asked: Option<Target>,
    limit: &BTreeSet<String>,
) -> Result<Option<Target>, Error> {
    let asked_scope = asked.as_ref().map(|asked| asked.scope.as_slice()).unwrap_or_default();
    if !asked_scope.is_empty() {
        return if is_within(asked_scope, limit) { Ok(asked) } else { Err(beyond()) };
    }
    let whole = worth(member, granted);
    if is_within(&whole, limit) {
        return Ok(asked);
    }
    let narrows = matches!(member.config.dialect.narrow, Narrowing::Scope | Narrowing::Both);
    let scope: Vec<String> = whole.into_iter().filter(|scope| limit.contains(scope)).collect();
    if scope.is_empty() || !(narrows || member.config.grant == GrantType::ClientCredentials) {
        return Err(beyond());
    }
    Ok(Some(Target { scope, ..asked.unwrap_or_default() }))
}

/// The scopes of a token: as the provider said, else as requested, which is what was granted then (RFC 6749 §5.1).
fn worth(member: &Member, granted: Option<&str>) -> Vec<String> {
    match granted {
        Some(granted) => granted.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
        None => member.config.target.scope.clone(),
    }
}

/// A token of unknown scope is within no limit.
fn is_within(scope: &[String], limit: &BTreeSet<String>) -> bool {
    !scope.is_empty() && scope.iter().all(|scope| limit.contains(scope))
}

fn beyond() -> Error {
    let why = "this app is limited to some scopes, and there is no token with no more than these";
    Error::Beyond { why: why.into() }
}
