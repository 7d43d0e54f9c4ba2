//! Client credentials grant (RFC 6749 §4.4) as a login: no user takes part.

use super::pending::message::PendingLogin;
use super::result::LoginResult;
use crate::broker::handle::Broker;
use crate::contract::Replaced;

impl Broker {
    /// Runs as a refresh in the account's task.
    pub(super) fn start_client(&self, account: &str, pending: &PendingLogin) {
        let (broker, account, id) = (self.clone(), account.to_owned(), pending.id.clone());
        tokio::spawn(async move {
            let result = broker.refresh(&account).await.map(|_| LoginResult::Stored(Replaced::default()));
            broker.conclude(&id, &account, result).await;
        });
    }
}
