//! A grant that has arrived and is not stored yet. If it is dropped before that, it is revoked at the provider: nobody
//! would know of it, and it would stay alive there. An account that lives on the same tokens would lose them with it:
//! then it is left, and the log says so.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::World;
use super::accounts::{Accounts, Member};
use crate::account::attempts::LoginPlan;
use crate::clock::Boot;
use crate::failpoint;
use crate::oauth::describe::Described;
use crate::oauth::grant::{Expiry, Grant, TokenSet};
use crate::oauth::id_token::{self, WrongNonce};
use crate::oauth::identity::{self, Comparison};
use crate::provider::RevocationOutcome;
use crate::secret::{AccessToken, Nonce256};

/// What is spent on revoking a grant, which takes two requests. A stop waits less.
pub(super) const REVOKE_PATIENCE: Duration = Duration::from_secs(9);

/// What a login has brought, until it is stored. Dropping it revokes it, in the background, unless an account would lose
/// its tokens by that.
pub(super) struct FreshGrant {
    plan: Arc<LoginPlan>,
    grant: Box<Grant>,
    /// When it was asked for: the provider began to count its life after that.
    asked: Boot,
    /// What the provider said of its access token, if it was asked already.
    described: Option<Box<Described>>,
    /// Whether it is turned away where the account would lose a login that can be refreshed.
    spares_refresh: bool,
    /// Who revokes it; `None`: nobody has to.
    revoker: Option<Box<Revoker>>,
}

impl FreshGrant {
    /// Of tokens that somebody brought, who has them still: they are not ours to revoke.
    pub(super) fn brought(plan: Arc<LoginPlan>, grant: Box<Grant>, asked: Boot) -> Self {
        Self { plan, grant, asked, described: None, spares_refresh: false, revoker: None }
    }

    /// The same, with what the provider said of its access token.
    #[must_use]
    pub(super) fn described_as(mut self, described: Described) -> Self {
        self.described = Some(Box::new(described));
        self
    }

    /// The same, to be turned away where the account would lose a login that can be refreshed.
    #[must_use]
    pub(super) fn sparing_refresh(mut self, spares_refresh: bool) -> Self {
        self.spares_refresh = spares_refresh;
        self
    }

    /// Whether it is turned away where the account would lose a login that can be refreshed.
    pub(super) fn spares_refresh(&self) -> bool {
        self.spares_refresh
    }

    /// What the provider said of its access token, if it was asked already.
    pub(super) fn described(&self) -> Option<&Described> {
        self.described.as_deref()
    }

    /// What the login was begun with.
    pub(super) fn plan(&self) -> &LoginPlan {
        &self.plan
    }

    /// A copy for who stores it. It counts as dropped all the same if [`Self::stored`] is not called.
    pub(super) fn grant(&self) -> Grant {
        (*self.grant).clone()
    }

    /// Whether the ID token that came with a code's tokens is the answer to the request that had this `nonce`.
    ///
    /// A reply without one passes, though `openid` was asked for: plain OAuth servers take that for a scope like any
    /// other. Code, PKCE and state tie the tokens to this login, and nothing is believed that no ID token says.
    pub(super) fn check_nonce(&self, nonce: &Nonce256) -> Result<(), WrongNonce> {
        match id_token::check_nonce(&self.grant.extra, nonce) {
            Err(WrongNonce::NoToken) => Ok(()),
            checked => checked,
        }
    }

    /// When it was asked for.
    pub(super) fn asked(&self) -> Boot {
        self.asked
    }

    /// It is not dropped, and so not revoked.
    pub(super) fn stored(mut self) {
        self.revoker = None;
    }
}

impl Drop for FreshGrant {
    fn drop(&mut self) {
        if let Some(revoker) = self.revoker.take() {
            revoker.revoke(Arc::clone(&self.plan), &self.grant);
        }
    }
}

/// Revokes grants that nobody stores. Cheap to clone.
#[derive(Clone)]
pub(super) struct Revoker {
    world: World,
    accounts: Arc<ArcSwap<Accounts>>,
    runtime: Handle,
    /// How many revocations are under way.
    pending: Arc<watch::Sender<usize>>,
}

impl Revoker {
    /// Needs a running runtime.
    pub(super) fn new(world: World, accounts: Arc<ArcSwap<Accounts>>) -> Self {
        Self { world, accounts, runtime: Handle::current(), pending: Arc::default() }
    }

    /// Looks after `grant`, which a login by `plan` has brought, and which was asked for at this moment.
    pub(super) fn guard(&self, plan: Arc<LoginPlan>, grant: Box<Grant>, asked: Boot) -> FreshGrant {
        FreshGrant { plan, grant, asked, described: None, spares_refresh: false, revoker: Some(Box::new(self.clone())) }
    }

    /// Waits until no revocation is under way.
    pub(super) async fn idle(&self) {
        _ = self.pending.subscribe().wait_for(|pending| *pending == 0).await;
    }

    /// The account that would lose its tokens with this grant: it has the same ones, since some providers give them out
    /// at each login; or tokens of the same person by the same client, which some providers end together.
    fn would_lose(&self, plan: &LoginPlan, grant: &Grant) -> Option<String> {
        let person = identity::of_reply(&grant.extra);
        let accounts = self.accounts.load();
        let loses = |member: &Member| {
            let held = member.handle.published.look();
            let Some(token) = &held.token else { return false };
            let same = grant.access_token.as_ref().is_some_and(|new| new.matches(token.access_token.expose()));
            let is_of_client = member.config.client_id == plan.credentials.client_id
                && member.config.dialect.authority() == plan.dialect.authority();
            same || is_of_client && identity::compare(&held.identity, &person) == Comparison::Same
        };
        accounts.members.iter().find(|(_, member)| loses(member)).map(|(name, _)| name.clone())
    }

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
        // Where none came, there is the refresh token alone to revoke.
        access_token: grant.access_token.clone().unwrap_or_else(|| AccessToken::new("")),
        refresh_token: grant.refresh_token.clone(),
        scope: grant.scope.clone(),
        expiry: Expiry::Unknown,
        obtained_at: world.clock.now().wall,
        extra: grant.extra.clone(),
    }
}

/// One revocation under way. The log says how it ended, also if the daemon stops before it has.
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
