//! Downscoped tokens: for a narrower scope, one resource or one audience.

use std::time::Duration;

use super::reply::token_reply;
use crate::account::verdict::{Ttl, Verdict};
use crate::broker::accounts::Member;
use crate::broker::actor::command::AccountCommand;
use crate::broker::handle::Broker;
use crate::config::AccountConfig;
use crate::contract::TokenReply;
use crate::error::{Error, Obstacle};
use crate::oauth::dialect::Narrowing;
use crate::oauth::exchange::Target;
use crate::oauth::grant::GrantType;

impl Broker {
    /// A token for `target` only: the cached one, or a new one.
    pub(super) async fn narrowed_token(
        &self,
        name: &str,
        member: &Member,
        target: &Target,
        ttl: Ttl,
        wait: Duration,
    ) -> Result<TokenReply, Error> {
        may_narrow(&member.config, target)?;
        let clock = &self.inner.world.clock;
        let published = &member.handle.published;
        let mut changes = published.subscribe();
        let patience = clock.now().boot.plus(wait);
        loop {
            changes.mark_seen();
            self.inner.lock.check_unlocked()?;
            let now = clock.now();
            let (snapshot, unrenewable) = {
                let whole = published.load();
                // The account's own token tells why there is no refresh token.
                let why = (!whole.refreshable && whole.trouble.is_none()).then(|| whole.error(now));
                (whole.narrowed_to(target), why)
            };
            match snapshot.verdict(ttl, patience, now) {
                Verdict::Serve => return token_reply(name, &snapshot, now).ok_or_else(|| snapshot.error(now)),
                Verdict::Fail(error) => return Err(unrenewable.unwrap_or(error)),
                Verdict::Wait if snapshot.busy => {}
                Verdict::Wait => {
                    let command = AccountCommand::Narrow(Box::new(target.clone()), snapshot.effective(ttl));
                    _ = tokio::time::timeout(now.boot.until(patience), member.handle.inbox.send(command)).await;
                }
            }
            _ = tokio::time::timeout(now.boot.until(patience), changes.changed()).await;
        }
    }
}

/// Sorted, since the order of scopes means nothing (RFC 6749 §3.3): equal targets share a cached token.
pub(super) fn in_order(mut target: Target) -> Target {
    target.scope.sort_unstable();
    target.scope.dedup();
    target
}

/// Whether the account's provider issues downscoped tokens.
fn may_narrow(config: &AccountConfig, target: &Target) -> Result<(), Error> {
    let narrow = config.dialect.narrow;
    let reacquire = config.grant == GrantType::ClientCredentials;
    let scope = target.scope.is_empty() || reacquire || matches!(narrow, Narrowing::Scope | Narrowing::Both);
    let rest = target.resource.is_empty() && target.audience.is_none();
    let resource = rest || reacquire || matches!(narrow, Narrowing::Resource | Narrowing::Both);
    let provider = &config.dialect.provider;
    let refused = |part| Error::Obstacle(Obstacle::NoTokensFor { provider: provider.clone(), part });
    // A provider may spend the refresh token before it refuses a resource that was never granted.
    let granted = &config.target.resource;
    if let Some(other) = target.resource.iter().find(|asked| !reacquire && !granted.contains(asked)) {
        let (account, resource) = (config.name.to_string(), other.clone());
        return Err(Error::Obstacle(Obstacle::NotAResource { account, resource }));
    }
    match (scope, resource) {
        (false, _) => Err(refused("scope")),
        (_, false) => Err(refused("resource or audience")),
        _ => Ok(()),
    }
}
