//! How much each program has used the proxy since the daemon's start, and how its requests ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;

use crate::apps::App;
use crate::contract::ProxyUse;
use crate::http::gate::caller::Caller;

/// All temporary apps together: their names don't come back.
pub(in crate::http) const TEMPORARY: &str = "exec";

/// How a request to the proxy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::http) enum ProxyResult {
    /// The upstream's reply was passed on to its end; its status is 1xx or 2xx.
    Success,
    /// As before, with a status of 3xx.
    Redirection,
    /// As before, with a status of 4xx.
    ClientError,
    /// As before, with a status of 5xx or more.
    ServerError,
    /// The daemon answered in the upstream's place.
    Failed,
    /// The upstream broke off within its reply.
    BrokenOff,
    /// The client left before the end.
    Canceled,
    /// It was not forwarded.
    Refused,
}

impl ProxyResult {
    /// Each of them, in the order of their discriminants.
    const ALL: [Self; 8] = [
        Self::Success,
        Self::Redirection,
        Self::ClientError,
        Self::ServerError,
        Self::Failed,
        Self::BrokenOff,
        Self::Canceled,
        Self::Refused,
    ];

    /// Of a reply that was passed on to its end.
    pub(super) fn of_status(status: u16) -> Self {
        match StatusCode::from_u16(status) {
            Ok(status) if status.is_client_error() => Self::ClientError,
            Ok(status) if status.is_redirection() => Self::Redirection,
            Ok(status) if status.is_success() || status.is_informational() => Self::Success,
            _ => Self::ServerError,
        }
    }

    /// The label's value.
    pub(in crate::http) fn word(self) -> &'static str {
        match self {
            Self::Success => "2xx",
            Self::Redirection => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
            Self::Failed => "failed",
            Self::BrokenOff => "broken_off",
            Self::Canceled => "canceled",
            Self::Refused => "refused",
        }
    }
}

/// What is counted of one program's use of one account.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct CountedUse {
    /// As the API shows it.
    pub(in crate::http) shown: ProxyUse,
    results: [u64; ProxyResult::ALL.len()],
}

impl CountedUse {
    /// How often each result occurred, also those that did not.
    pub(in crate::http) fn results(&self) -> impl Iterator<Item = (ProxyResult, u64)> {
        ProxyResult::ALL.into_iter().zip(self.results)
    }

    fn ended(&mut self, result: ProxyResult) {
        if let Some(count) = self.results.get_mut(result as usize) {
            *count += 1;
        }
    }
}

/// The counts by account, and there by app, the programs without a key first. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct ProxyCounts(Arc<Mutex<BTreeMap<String, Vec<CountedUse>>>>);

impl ProxyCounts {
    /// A request that was forwarded has ended: bytes to the upstream, and from there.
    pub(super) fn forwarded(&self, caller: &Caller, account: &str, result: ProxyResult, (sent, received): (u64, u64)) {
        self.count(caller, account, |counted| {
            counted.ended(result);
            counted.shown.requests += 1;
            counted.shown.sent += sent;
            counted.shown.received += received;
        });
    }

    /// A request was not forwarded.
    pub(super) fn refused(&self, caller: &Caller, account: &str) {
        self.count(caller, account, |counted| {
            counted.ended(ProxyResult::Refused);
            counted.shown.refused += 1;
        });
    }

    fn count(&self, caller: &Caller, account: &str, add: impl FnOnce(&mut CountedUse)) {
        let app = caller.app().map(program);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Once they are there, nothing is allocated for them.
        let uses = match all.get_mut(account) {
            Some(uses) => uses,
            None => all.entry(account.to_owned()).or_default(),
        };
        let place = uses.binary_search_by(|counted| counted.shown.app.as_deref().cmp(&app)).unwrap_or_else(|place| {
            let shown = ProxyUse { app: app.map(str::to_owned), ..ProxyUse::default() };
            uses.insert(place, CountedUse { shown, ..CountedUse::default() });
            place
        });
        if let Some(counted) = uses.get_mut(place) {
            add(counted);
        }
    }

    /// Who has used the account, the programs without a key first; with `only`, no app but this one.
    pub(in crate::http) fn of(&self, account: &str, only: Option<&App>) -> Vec<CountedUse> {
        let own = only.map(program);
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = all.get(account).into_iter().flatten();
        uses.filter(|counted| own.is_none() || counted.shown.app.as_deref() == own).cloned().collect()
    }
}

/// The name by which an app's requests are counted.
pub(super) fn program(app: &App) -> &str {
    if app.is_temporary() { TEMPORARY } else { &app.name }
}
