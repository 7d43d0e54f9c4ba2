//! Logins that end before their time: what they would bring can't be used, so nothing is spent on them any more.

use super::pending::message::PendingLogin;
use crate::broker::accounts::{Accounts, Member};
use crate::broker::handle::Broker;
use crate::config::AccountConfig;
use crate::error::Error;

const REMOVED: &str = "the account is no longer in the config";
const CHANGED: &str = "the config changed while the login was pending";

impl Broker {
    /// Ends the logins of the accounts of `old` that the config of now has not, or not any more for the same provider,
    /// client, grant and redirect URI. What is being exchanged is dropped when it comes.
    pub(in crate::broker) async fn cancel_stale_logins(&self, old: &Accounts) {
        let now = self.inner.accounts.load_full();
        for (name, member) in &old.members {
            if let Some(why) = self.stale(&member.config, now.members.get(name)) {
                self.inner.logins.cancel(name, why).await;
            }
        }
    }

    /// Why a login by the config `then` is of no use with that of `now`.
    fn stale(&self, then: &AccountConfig, now: Option<&Member>) -> Option<&'static str> {
        let Some(now) = now.map(|member| &*member.config) else { return Some(REMOVED) };
        let client = then.client_id == now.client_id && then.grant == now.grant;
        let comes_back = (self.inner.redirect_uri)(then) == (self.inner.redirect_uri)(now);
        (then.dialect != now.dialect || !client || !comes_back).then_some(CHANGED)
    }

    /// Looks again once the login is known to all: while its credentials were read the config may have changed, and the
    /// store may have been locked.
    pub(in crate::broker) async fn check_still_current(
        &self,
        member: &Member,
        pending: &PendingLogin,
    ) -> Result<(), Error> {
        let name = &member.config.name;
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

    /// Whether what a login has to show may be shown to the provider: nobody would keep what it brings while the store is
    /// locked or the daemon stops. Whoever asks is counted as exchanging before, so that a lock or stop waits for it.
    pub(in crate::broker) fn check_may_exchange(&self, account: &str) -> Result<(), Error> {
        self.inner.lock.check_unlocked()?;
        let accounts = self.inner.accounts.load();
        let stopping = accounts.members.get(account).is_some_and(|member| member.handle.is_stopping());
        if stopping { Err(Error::login_failed(account, "the daemon is stopping".into())) } else { Ok(()) }
    }

    /// Ends every login, and waits for those that are being exchanged: what they bring is kept.
    pub(in crate::broker) async fn cancel_logins(&self, why: &'static str) {
        let exchanging = self.inner.exchanging.accounts();
        self.cancel_all(why, &exchanging).await;
        self.inner.exchanging.idle().await;
        // A device whose user has not said yes is asked for no more.
        self.cancel_all(why, &[]).await;
    }

    /// Ends every login but those of these accounts.
    async fn cancel_all(&self, why: &'static str, but: &[String]) {
        let pending: Vec<_> = self.inner.logins.overview().by_account.keys().cloned().collect();
        for account in pending.into_iter().filter(|account| !but.contains(account)) {
            self.inner.logins.cancel(&account, why).await;
        }
    }
}
