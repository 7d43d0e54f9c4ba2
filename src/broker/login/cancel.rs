//! Cancels logins whose tokens could not be used any more: after a config reload, before a lock or a stop.

use super::pending::message::PendingLogin;
use crate::broker::accounts::{Accounts, Member};
use crate::broker::handle::Broker;
use crate::config::AccountConfig;
use crate::error::Error;

const REMOVED: &str = "the account is no longer in the config";
const CHANGED: &str = "the config changed while the login was pending";

impl Broker {
    /// Cancels logins of removed accounts, and of accounts with another provider, client, grant or redirect URI than
    /// in `old`. A running exchange continues, and its grant is dropped.
    pub(in crate::broker) async fn cancel_stale_logins(&self, old: &Accounts) {
        let now = self.inner.accounts.load_full();
        for (name, member) in &old.members {
            if let Some(why) = self.stale(&member.config, now.members.get(name)) {
                self.inner.logins.cancel(name, why).await;
            }
        }
    }

    /// Why a login that began with the config `then` is useless with that of `now`.
    fn stale(&self, then: &AccountConfig, now: Option<&Member>) -> Option<&'static str> {
        let Some(now) = now.map(|member| &*member.config) else { return Some(REMOVED) };
        let client = then.client_id == now.client_id && then.grant == now.grant;
        let comes_back = (self.inner.redirect_uri)(then) == (self.inner.redirect_uri)(now);
        (then.dialect != now.dialect || !client || !comes_back).then_some(CHANGED)
    }

    /// Checked again once the login is registered: while its credentials were read, the config may have changed and
    /// the store may have been locked.
    pub(super) async fn check_still_current(&self, member: &Member, pending: &PendingLogin) -> Result<(), Error> {
        let name: &str = &member.config.name;
        let stale = self.stale(&member.config, self.inner.accounts.load().members.get(name));
        let wanted = match stale {
            Some(why) => Err(Error::login_failed(name, why.into())),
            None => self.check_may_exchange(name),
        };
        if let Err(error) = &wanted
            && !pending.joined
        {
            self.inner.logins.fail(&pending.id, error.clone()).await;
        }
        wanted
    }

    /// Whether a code, password or refresh token may be sent now: nobody would store the tokens while the store is
    /// locked or the daemon stops. The caller counts as in flight already, so that a lock or stop waits for it.
    pub(in crate::broker) fn check_may_exchange(&self, account: &str) -> Result<(), Error> {
        self.inner.lock.check_unlocked()?;
        let accounts = self.inner.accounts.load();
        let stopping = accounts.members.get(account).is_some_and(|member| member.handle.is_stopping());
        if stopping { Err(Error::login_failed(account, "the daemon is stopping".into())) } else { Ok(()) }
    }

    /// Cancels every login, but lets running exchanges finish: their tokens are stored.
    pub(in crate::broker) async fn cancel_logins(&self, why: &'static str) {
        let exchanging = self.inner.exchanging.accounts();
        self.cancel_all(why, &exchanging).await;
        self.inner.exchanging.idle().await;
        // Device logins whose user has not answered.
        self.cancel_all(why, &[]).await;
    }

    /// Cancels every login but those of these accounts.
    async fn cancel_all(&self, why: &'static str, but: &[String]) {
        let pending: Vec<_> = self.inner.logins.overview().by_account.keys().cloned().collect();
        for account in pending.into_iter().filter(|account| !but.contains(account)) {
            self.inner.logins.cancel(&account, why).await;
        }
    }
}
