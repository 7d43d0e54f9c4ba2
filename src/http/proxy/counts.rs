//! How much each program has used the proxy since the daemon's start.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::apps::App;
use crate::contract::ProxyUse;
use crate::http::gate::caller::Caller;

/// All temporary apps together: their names don't come back.
const TEMPORARY: &str = "exec";

/// The counts. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct ProxyCounts(Arc<Mutex<BTreeMap<String, UsesByApp>>>);

/// By app; `None`: programs without a key.
type UsesByApp = BTreeMap<Option<String>, ProxyUse>;

impl ProxyCounts {
    /// A request that was forwarded has ended: bytes to the upstream, and from there.
    pub(super) fn forwarded(&self, caller: &Caller, account: &str, (sent, received): (u64, u64)) {
        self.count(caller, account, |uses| {
            uses.requests += 1;
            uses.sent += sent;
            uses.received += received;
        });
    }

    /// A request was not forwarded.
    pub(super) fn refused(&self, caller: &Caller, account: &str) {
        self.count(caller, account, |uses| uses.refused += 1);
    }

    fn count(&self, caller: &Caller, account: &str, add: impl FnOnce(&mut ProxyUse)) {
        let name = |app: &App| if app.is_temporary() { TEMPORARY.to_owned() } else { app.name.clone() };
        let app = caller.app().map(name);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_account = all.entry(account.to_owned()).or_default();
        add(of_account.entry(app.clone()).or_insert_with(|| ProxyUse { app, ..ProxyUse::default() }));
    }

    /// Who has used the account, the programs without a key first.
    pub(super) fn of(&self, account: &str) -> Vec<ProxyUse> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(account).map(|uses| uses.values().cloned().collect()).unwrap_or_default()
    }
}
