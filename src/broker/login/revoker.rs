//! Revokes grants that were dropped, unless an account would lose its tokens by that.

use std::sync::Arc;

use tokio::sync::watch;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;

use super::fresh_grant::{FreshGrant, REVOKE_PATIENCE, RevokeGrant};
use crate::account::attempts::LoginPlan;
use crate::broker::accounts::{Accounts, Member};
use crate::broker::world::World;
use crate::clock::Boot;
use crate::failpoint;
use crate::oauth::grant::{Expiry, Grant, TokenSet};
use crate::oauth::identity::{self, Comparison};
use crate::provider::RevocationOutcome;
use crate::secret::AccessToken;

/// Revokes grants that nobody stores. Cheap to clone.
#[derive(Clone)]
pub(in crate::broker) struct Revoker {
    world: World,
    accounts: Arc<ArcSwap<Accounts>>,
    runtime: Handle,
    /// How many revocations are in flight.
    pending: Arc<watch::Sender<usize>>,
}

impl Revoker {
    /// Needs a running runtime.
    pub(in crate::broker) fn new(world: World, accounts: Arc<ArcSwap<Accounts>>) -> Self {
        Self { world, accounts, runtime: Handle::current(), pending: Arc::default() }
    }

    /// Guards `grant`, which a login by `plan` asked for at this moment: it is revoked when dropped.
    pub(in crate::broker) fn guard(&self, plan: Arc<LoginPlan>, grant: Box<Grant>, asked: Boot) -> FreshGrant {
        FreshGrant::guarded(plan, grant, asked, Box::new(self.clone()))
    }

    /// Waits until no revocation is in flight.
    pub(in crate::broker) async fn idle(&self) {
        _ = self.pending.subscribe().wait_for(|pending| *pending == 0).await;
    }

    /// The account that would lose its tokens with this grant. It has the same ones, which some providers issue again
    /// at each login; or tokens of the same person and client, which some providers revoke together.
    fn would_lose(&self, plan: &LoginPlan, grant: &Grant) -> Option<String> {
        let person = identity::of_reply(&grant.extra);
        let accounts = self.accounts.load();
        let loses = |member: &Member| {
            let held = member.handle.published.load();
            let Some(token) = &held.token else { return false };
            let same = grant.access_token.as_ref().is_some_and(|new| new.matches(token.access_token.expose()));
            let is_of_client = member.config.client_id.may_be(&plan.credentials.client_id)
                && member.config.dialect.authority() == plan.dialect.authority();
            same || is_of_client && identity::compare(&held.identity, &person) == Comparison::Same
        };
        accounts.members.iter().find(|(_, member)| loses(member)).map(|(name, _)| name.clone())
    }
}

impl RevokeGrant for Revoker {
    fn revoke(&self, plan: Arc<LoginPlan>, grant: &Grant) {
        let revocation = Revocation::new(&self.pending, &plan.account);
        if let Some(name) = self.would_lose(&plan, grant) {
            return revocation.ended(Err(format!("the tokens of `{name}` could end with it")));
        }
        let tokens = tokens(grant, &self.world);
        let provider = Arc::clone(&self.world.provider);
        self.runtime.spawn(async move {
            let asked = provider.revoke(&plan.dialect, &tokens, &plan.credentials);
            revocation.ended(match tokio::time::timeout(failpoint::patience(REVOKE_PATIENCE), asked).await {
                Ok(Ok(RevocationOutcome::Complete)) => Ok(()),
                Ok(Ok(RevocationOutcome::AccessTokenLives(why))) => {
                    Err(format!("the refresh token was revoked, and the access token was not: {why}"))
                }
                Ok(Ok(RevocationOutcome::Unsupported)) => Err("the provider has no revocation endpoint".into()),
                Ok(Err(why)) => Err(why),
                Err(_) => Err("the provider did not answer".into()),
            });
        });
    }
}

fn tokens(grant: &Grant, world: &World) -> TokenSet {
    TokenSet {
        // Without an access token there is only the refresh token to revoke.
        access_token: grant.access_token.clone().unwrap_or_else(|| AccessToken::new("")),
        refresh_token: grant.refresh_token.clone(),
        scope: grant.scope.clone(),
        expiry: Expiry::Unknown,
        obtained_at: world.clock.now().wall,
        dpop_key: grant.dpop_key.clone(),
        extra: grant.extra.clone(),
    }
}

/// A revocation in flight. Its end is logged, also if the daemon stops before.
struct Revocation {
    account: String,
    pending: Arc<watch::Sender<usize>>,
    outcome: Result<(), String>,
}

impl Revocation {
    fn new(pending: &Arc<watch::Sender<usize>>, account: &str) -> Self {
        pending.send_modify(|pending| *pending += 1);
        let outcome = Err("the daemon stopped before the provider answered".into());
        Self { account: account.to_owned(), pending: Arc::clone(pending), outcome }
    }

    fn ended(mut self, outcome: Result<(), String>) {
        self.outcome = outcome;
    }
}

impl Drop for Revocation {
    fn drop(&mut self) {
        let account = &self.account;
        match &self.outcome {
            Ok(()) => {
                tracing::info!(%account, "a login brought a grant that is not stored: it was revoked at the provider");
            }
            Err(why) => tracing::warn!(
                %account,
                "a login brought a grant that is not stored, and not all of it was revoked: {why}; it may stay \
                 valid at the provider until you revoke it there"
            ),
        }
        self.pending.send_modify(|pending| *pending = pending.saturating_sub(1));
    }
}
