//! A grant that has arrived and is not stored yet. If it is dropped before that, it is revoked at the provider: nobody
//! would know of it, and it would stay alive there. An account that lives on the same tokens would lose them with it:
//! then it is left, and the log says so.

use std::sync::Arc;
use std::time::Duration;

use crate::account::attempts::LoginPlan;
use crate::clock::Boot;
use crate::oauth::describe::Described;
use crate::oauth::grant::Grant;
use crate::oauth::id_token::{self, WrongNonce};
use crate::secret::Nonce256;

/// What is spent on revoking a grant, which takes two requests. A stop waits less.
pub(in crate::broker) const REVOKE_PATIENCE: Duration = Duration::from_secs(9);

/// Revokes a grant at the provider, in the background.
pub(in crate::broker) trait RevokeGrant: Send + Sync {
    /// `plan`: what the login was begun with.
    fn revoke(&self, plan: Arc<LoginPlan>, grant: &Grant);
}

/// What a login has brought, until it is stored. Dropping it revokes it, in the background, unless an account would lose
/// its tokens by that.
pub(in crate::broker) struct FreshGrant {
    plan: Arc<LoginPlan>,
    grant: Box<Grant>,
    /// When it was asked for: the provider began to count its life after that.
    asked: Boot,
    /// What the provider said of its access token, if it was asked already.
    described: Option<Box<Described>>,
    /// Whether it is turned away where the account would lose a login that can be refreshed.
    spares_refresh: bool,
    /// Who revokes it; `None`: nobody has to.
    revoker: Option<Box<dyn RevokeGrant>>,
}

impl FreshGrant {
    /// `revoker` revokes it if it is dropped.
    pub(in crate::broker) fn guarded(
        plan: Arc<LoginPlan>,
        grant: Box<Grant>,
        asked: Boot,
        revoker: Box<dyn RevokeGrant>,
    ) -> Self {
        Self { plan, grant, asked, described: None, spares_refresh: false, revoker: Some(revoker) }
    }

    /// Of tokens that somebody brought, who has them still: they are not ours to revoke.
    pub(in crate::broker) fn brought(plan: Arc<LoginPlan>, grant: Box<Grant>, asked: Boot) -> Self {
        Self { plan, grant, asked, described: None, spares_refresh: false, revoker: None }
    }

    /// The same, with what the provider said of its access token.
    #[must_use]
    pub(in crate::broker) fn described_as(mut self, described: Described) -> Self {
        self.described = Some(Box::new(described));
        self
    }

    /// The same, to be turned away where the account would lose a login that can be refreshed.
    #[must_use]
    pub(in crate::broker) fn sparing_refresh(mut self, spares_refresh: bool) -> Self {
        self.spares_refresh = spares_refresh;
        self
    }

    /// Whether it is turned away where the account would lose a login that can be refreshed.
    pub(in crate::broker) fn spares_refresh(&self) -> bool {
        self.spares_refresh
    }

    /// What the provider said of its access token, if it was asked already.
    pub(in crate::broker) fn described(&self) -> Option<&Described> {
        self.described.as_deref()
    }

    /// What the login was begun with.
    pub(in crate::broker) fn plan(&self) -> &LoginPlan {
        &self.plan
    }

    /// A copy for who stores it. It counts as dropped all the same if [`Self::stored`] is not called.
    pub(in crate::broker) fn grant(&self) -> Grant {
        (*self.grant).clone()
    }

    /// Whether the ID token that came with a code's tokens is the answer to the request that had this `nonce`.
    ///
    /// A reply without one passes, though `openid` was asked for: plain OAuth servers take that for a scope like any
    /// other. Code, PKCE and state tie the tokens to this login, and nothing is believed that no ID token says.
    pub(in crate::broker) fn check_nonce(&self, nonce: &Nonce256) -> Result<(), WrongNonce> {
        match id_token::check_nonce(&self.grant.extra, nonce) {
            Err(WrongNonce::NoToken) => Ok(()),
            checked => checked,
        }
    }

    /// When it was asked for.
    pub(in crate::broker) fn asked(&self) -> Boot {
        self.asked
    }

    /// It is not dropped, and so not revoked.
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
