//! A grant that is not stored yet. Dropping it revokes it at the provider: nobody else knows of it, and it would stay
//! valid there. If an account uses the same tokens, it is not revoked, and the log says so.

use std::sync::Arc;
use std::time::Duration;

use crate::account::attempts::LoginPlan;
use crate::clock::Boot;
use crate::oauth::describe::Described;
use crate::oauth::grant::Grant;
use crate::oauth::id_token::{self, WrongNonce};
use crate::secret::Nonce256;

/// Timeout for revoking a grant, which takes two requests. A stop waits less.
pub(in crate::broker) const REVOKE_PATIENCE: Duration = Duration::from_secs(9);

/// Revokes a grant at the provider, in the background.
pub(super) trait RevokeGrant: Send + Sync {
    /// `plan`: what the login was begun with.
    fn revoke(&self, plan: Arc<LoginPlan>, grant: &Grant);
}

/// The grant of a login until it is stored. Dropping it revokes it in the background, unless an account would lose
/// its tokens by that.
pub(in crate::broker) struct FreshGrant {
    plan: Arc<LoginPlan>,
    grant: Box<Grant>,
    /// When it was asked for: its lifetime began later.
    asked: Boot,
    /// What the provider said of its access token, if it was asked.
    described: Option<Box<Described>>,
    /// Whether it must not replace tokens that can be refreshed.
    spares_refresh: bool,
    /// Revokes it when dropped; `None`: no need to.
    revoker: Option<Box<dyn RevokeGrant>>,
}

impl FreshGrant {
    /// `revoker` revokes it if it is dropped.
    pub(super) fn guarded(plan: Arc<LoginPlan>, grant: Box<Grant>, asked: Boot, revoker: Box<dyn RevokeGrant>) -> Self {
        Self { plan, grant, asked, described: None, spares_refresh: false, revoker: Some(revoker) }
    }

    /// Of tokens that a caller brought and still has: they are not ours to revoke.
    pub(in crate::broker) fn brought(plan: Arc<LoginPlan>, grant: Box<Grant>, asked: Boot) -> Self {
        Self { plan, grant, asked, described: None, spares_refresh: false, revoker: None }
    }

    /// Adds what the provider said of its access token.
    #[must_use]
    pub(in crate::broker) fn described_as(mut self, described: Described) -> Self {
        self.described = Some(Box::new(described));
        self
    }

    /// Sets whether it must not replace tokens that can be refreshed.
    #[must_use]
    pub(in crate::broker) fn sparing_refresh(mut self, spares_refresh: bool) -> Self {
        self.spares_refresh = spares_refresh;
        self
    }

    /// Whether it must not replace tokens that can be refreshed.
    pub(in crate::broker) fn spares_refresh(&self) -> bool {
        self.spares_refresh
    }

    /// What the provider said of its access token, if it was asked.
    pub(in crate::broker) fn described(&self) -> Option<&Described> {
        self.described.as_deref()
    }

    /// What the login was begun with.
    pub(in crate::broker) fn plan(&self) -> &LoginPlan {
        &self.plan
    }

    /// A copy to store. It is still revoked unless [`Self::stored`] is called.
    pub(in crate::broker) fn grant(&self) -> Grant {
        (*self.grant).clone()
    }

    /// Whether the ID token of a code's tokens answers the request that had this `nonce`.
    ///
    /// A reply without an ID token passes, even if `openid` was requested: plain OAuth servers treat that as any
    /// other scope. Code, PKCE and state tie the tokens to this login, and no claim is believed without an ID token.
    pub(super) fn check_nonce(&self, nonce: &Nonce256) -> Result<(), WrongNonce> {
        match id_token::check_nonce(&self.grant.extra, nonce) {
            Err(WrongNonce::NoToken) => Ok(()),
            checked => checked,
        }
    }

    /// When it was asked for.
    pub(in crate::broker) fn asked(&self) -> Boot {
        self.asked
    }

    /// It is stored, so it is not revoked.
    pub(in crate::broker) fn stored(mut self) {
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
