//! Tokens that are bound to a key of the daemon (RFC 9449): who gets one.

use zeroize::Zeroize as _;

use crate::broker::handle::Broker;
use crate::config::AccountConfig;
use crate::contract::TokenReply;
use crate::error::{Error, Obstacle};
use crate::oauth::dpop;
use crate::secret::{AccessToken, DpopKey};

impl Broker {
    /// The key that this token of the account is bound to.
    pub(crate) fn dpop_key(&self, account: &str, token: &AccessToken) -> Option<DpopKey> {
        let accounts = self.inner.accounts.load();
        let (_, member) = accounts.find(account).ok()?;
        member.handle.published.load().dpop_key(token.expose()).cloned()
    }
}

/// Whether a caller may have a token of the account that is bound to a key. Without the key it is useless, and a program
/// that takes it for a bearer token fails at its API, with an error that explains nothing.
pub(in crate::broker) fn is_handed_out(config: &AccountConfig, proves_key: bool) -> bool {
    proves_key || config.keys.hand_out_dpop
}

/// The reply, unless its token is bound and the caller may not have it.
pub(super) fn checked(mut reply: TokenReply, config: &AccountConfig, proves_key: bool) -> Result<TokenReply, Error> {
    if reply.token_type != dpop::SCHEME || is_handed_out(config, proves_key) {
        return Ok(reply);
    }
    reply.access_token.zeroize();
    let has_proxy = config.proxied.is_some();
    Err(Error::Obstacle(Obstacle::BoundToken { account: reply.account, has_proxy }))
}
