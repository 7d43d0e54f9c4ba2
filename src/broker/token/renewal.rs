//! Forced refresh: a person wants a new token now, or a program's API rejected the current one.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::account::snapshot::Standing;
use crate::broker::accounts::ask;
use crate::broker::actor::command::AccountCommand;
use crate::broker::handle::Broker;
use crate::contract::{AccountReply, RejectedReply};
use crate::error::Error;

impl Broker {
    /// Refreshes now.
    pub async fn refresh(&self, account: &str) -> Result<AccountReply, Error> {
        let member = self.member(account)?;
        self.inner.world.provider.try_again(&member.config.dialect);
        let seen = member.handle.published.load().generation;
        let asked = self.inner.world.clock.now();
        let renewed = self.renew(account, |done| AccountCommand::Refresh(seen, asked, done)).await?;
        Ok(renewed.account)
    }

    /// An API answered 401 to this account's token. A new token is not refreshed for that, and the reply says so.
    pub async fn rejected(&self, account: &str) -> Result<RejectedReply, Error> {
        let Renewed { account, is_new, answer: pause } = self.renew(account, AccountCommand::Rejected).await?;
        let not_refreshed = (!is_new).then(|| kept_because(pause));
        let retry_after = (!is_new && !pause.is_zero()).then(|| pause.as_secs().saturating_add(1));
        Ok(RejectedReply { account, refreshed: is_new, not_refreshed, retry_after })
    }

    async fn renew<T>(
        &self,
        account: &str,
        command: impl FnOnce(oneshot::Sender<T>) -> AccountCommand,
    ) -> Result<Renewed<T>, Error> {
        let member = self.member(account)?;
        self.inner.lock.asked_at(self.inner.world.clock.now());
        let before = member.handle.published.load().obtained_at;
        let answer = ask(&member, command).await?;
        let snapshot = member.handle.published.load();
        let now = self.inner.world.clock.now();
        // Refusals, lone refresh tokens and downscoped tokens are commits too, but bring no other token of the
        // account.
        let refused = snapshot.standing != Standing::Active;
        let is_new = snapshot.obtained_at != before;
        let failed = snapshot.trouble.is_some() || !is_new && !snapshot.refreshable;
        if refused || failed {
            return Err(snapshot.error(now));
        }
        Ok(Renewed { account: self.view(&member), is_new, answer })
    }
}

/// How a forced refresh ended.
struct Renewed<T> {
    account: AccountReply,
    /// Whether the account's tokens changed.
    is_new: bool,
    /// The answer of the account's task.
    answer: T,
}

fn kept_because(pause: Duration) -> String {
    if pause.is_zero() {
        return "the daemon is stopping, or its store is being locked".into();
    }
    "the account's token is already new: if your program has an older one, request it again; if the API rejects \
     this one, the reason is not its age, but for example its scope"
        .into()
}
