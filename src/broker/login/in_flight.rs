//! In-flight counter: which accounts have a login that is being exchanged, so that a lock or a stop can wait for them.

use tokio::sync::watch;

/// Accounts whose login is being exchanged.
#[derive(Debug, Default)]
pub(in crate::broker) struct ExchangesInFlight(watch::Sender<Vec<String>>);

/// Counts one exchange as long as it lives.
pub(in crate::broker) struct ExchangeGuard<'a>(&'a watch::Sender<Vec<String>>, String);

impl ExchangesInFlight {
    /// Counts an exchange for `account` until the guard is dropped.
    pub(in crate::broker) fn begin(&self, account: &str) -> ExchangeGuard<'_> {
        self.0.send_modify(|accounts| accounts.push(account.to_owned()));
        ExchangeGuard(&self.0, account.to_owned())
    }

    /// The accounts; one with two exchanges is listed twice.
    pub(in crate::broker) fn accounts(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// Waits until none is left.
    pub(super) async fn idle(&self) {
        _ = self.0.subscribe().wait_for(Vec::is_empty).await;
    }
}

impl Drop for ExchangeGuard<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|accounts| {
            if let Some(at) = accounts.iter().position(|account| *account == self.1) {
                accounts.swap_remove(at);
            }
        });
    }
}
