//! The ID token of a login (OpenID Connect Core §2), for accounts that give it out.

use crate::broker::handle::Broker;
use crate::contract::{IdTokenReply, VERSION};
use crate::error::{Error, Obstacle};
use crate::oauth::id_token;

impl Broker {
    /// The ID token of `account`, which came with its tokens. Never one that has ended by its own `exp`.
    ///
    /// # Errors
    /// The config does not allow it, there is none, or it has ended.
    pub(crate) fn id_token(&self, account: &str) -> Result<IdTokenReply, Error> {
        let member = self.member(account)?;
        let (now, name) = (self.inner.world.clock.now(), member.config.name.to_string());
        self.inner.lock.asked_at(now);
        let obstacle = |obstacle: fn(String) -> Obstacle| Err(Error::Obstacle(obstacle(name.clone())));
        if !member.config.keys.id_token {
            return obstacle(|account| Obstacle::IdTokenNotAllowed { account });
        }
        let snapshot = member.handle.published.load();
        let Some(served) = snapshot.token.as_ref() else { return Err(snapshot.error(now)) };
        let Some(token) = id_token::of(&served.extra).and_then(|token| token.as_str()) else {
            return obstacle(|account| Obstacle::NoIdToken { account });
        };
        let expires_at = id_token::expires_at(&served.extra);
        if expires_at.is_some_and(|at| at <= now.wall.unix_seconds()) {
            return obstacle(|account| Obstacle::IdTokenExpired { account });
        }
        Ok(IdTokenReply { version: VERSION, account: name, id_token: token.to_owned(), expires_at })
    }
}
