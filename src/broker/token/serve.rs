//! Serves tokens: the cached one at once, else after a refresh (single-flight).

use std::time::Duration;

use tokio::sync::oneshot;

use super::bound;
use super::downscope::in_order;
use super::query::TokenQuery;
use super::reply::token_reply;
use crate::account::snapshot::Snapshot;
use crate::account::verdict::{Ttl, Verdict};
use crate::broker::accounts::Member;
use crate::broker::actor::command::AccountCommand;
use crate::broker::handle::Broker;
use crate::clock::Moment;
use crate::contract::TokenReply;
use crate::error::Error;
use crate::provider::upstream::Credential;

impl Broker {
    /// The current access token of `account`, if it is cached and may be served now; `None` wherever [`Self::token`] would
    /// wait or fail, and for downscoped tokens. Takes no lock.
    pub fn cached_token(&self, account: &str, query: &TokenQuery) -> Option<TokenReply> {
        if query.target.is_some() {
            return None;
        }
        self.cached(account, query.min_ttl, |name, member, snapshot, now| {
            bound::checked(token_reply(name, snapshot, now)?, &member.config, query.proves_key).ok()
        })
    }

    /// The same for one who proves the key of a bound token, which comes along.
    pub(crate) fn cached_credential(&self, account: &str) -> Option<Credential> {
        self.cached(account, None, |_, _, snapshot, _| {
            let served = snapshot.token.as_ref()?;
            Some(Credential { token: served.access_token.clone(), key: served.dpop_key.clone() })
        })
    }

    /// What `read` takes of the snapshot, if its token may be served now.
    fn cached<T>(
        &self,
        account: &str,
        min_ttl: Option<Duration>,
        read: impl FnOnce(&str, &Member, &Snapshot, Moment) -> Option<T>,
    ) -> Option<T> {
        let accounts = self.inner.accounts.load();
        let (name, member) = accounts.find(account).ok()?;
        if self.inner.lock.is_locked() {
            return None;
        }
        let ttl = min_ttl.map_or(Ttl::Usual(accounts.config.serve.min_ttl), Ttl::Asked);
        let now = self.inner.world.clock.now();
        let snapshot = member.handle.published.load();
        let taken = snapshot.lasts(ttl, now).then(|| read(name, member, &snapshot, now)).flatten()?;
        self.inner.lock.asked_at(now);
        Some(taken)
    }

    /// The current access token of `account` (`default` stands for the default account).
    pub async fn token(&self, account: &str, query: TokenQuery) -> Result<TokenReply, Error> {
        if let Some(reply) = self.cached_token(account, &query) {
            return Ok(reply);
        }
        let accounts = self.inner.accounts.load();
        let (name, member) = accounts.find(account)?;
        self.inner.lock.check_unlocked()?;
        let serve = &accounts.config.serve;
        let ttl = query.min_ttl.map_or(Ttl::Usual(serve.min_ttl), Ttl::Asked);
        let now = self.inner.world.clock.now();
        self.inner.lock.asked_at(now);
        if let Some(target) = query.target.map(in_order) {
            let (member, name) = (member.clone(), name.to_owned());
            let wait = query.wait.unwrap_or(serve.wait);
            drop(accounts);
            let reply = self.narrowed_token(&name, &member, &target, ttl, wait).await?;
            return bound::checked(reply, &member.config, query.proves_key);
        }
        let (member, name, usual_wait) = (member.clone(), name.to_owned(), serve.wait);
        drop(accounts);
        let reply = self.wait_for_token(&name, &member, ttl, query.wait, usual_wait).await?;
        bound::checked(reply, &member.config, query.proves_key)
    }

    async fn wait_for_token(
        &self,
        name: &str,
        member: &Member,
        ttl: Ttl,
        asked: Option<Duration>,
        usual: Duration,
    ) -> Result<TokenReply, Error> {
        let clock = &self.inner.world.clock;
        let published = &member.handle.published;
        let now = clock.now();
        let patience = now.boot.plus(published.load().patience(ttl, asked.unwrap_or(usual), now));
        let mut changes = published.subscribe();
        let wanted = published.load().effective(ttl);
        if published.load().trouble.is_some() {
            // The published trouble is that of an earlier attempt: this caller may cause another, and is told its
            // outcome.
            let (done, answered) = oneshot::channel();
            let asked = async {
                _ = member.handle.inbox.send(AccountCommand::Wanted(wanted, Some(done))).await;
                _ = answered.await;
            };
            _ = tokio::time::timeout(now.boot.until(patience), asked).await;
        } else {
            // When the mailbox is full, somebody has asked already.
            _ = member.handle.inbox.try_send(AccountCommand::Wanted(wanted, None));
        }
        loop {
            changes.mark_seen();
            self.inner.lock.check_unlocked()?;
            let now = clock.now();
            {
                let snapshot = published.load();
                match snapshot.verdict(ttl, patience, now) {
                    Verdict::Serve => return token_reply(name, &snapshot, now).ok_or_else(|| snapshot.error(now)),
                    // A caller that asked to wait also waits for a login.
                    Verdict::Fail(Error::LoginRequired { .. }) if asked.is_some() && !now.boot.reached(patience) => {}
                    Verdict::Fail(error) => return Err(error),
                    Verdict::Wait => {}
                }
            }
            _ = tokio::time::timeout(now.boot.until(patience), changes.changed()).await;
        }
    }
}
