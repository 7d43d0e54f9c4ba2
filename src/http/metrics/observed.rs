//! What a scrape finds, as far as its caller may see it.

use prometheus_client::metrics::histogram::Histogram;

use crate::contract::{AccountReply, ProxyUse};
use crate::http::gate::caller::Caller;
use crate::http::proxy::counts::TEMPORARY;
use crate::http::request_counts::Counted;
use crate::http::state::Http;

/// The daemon at one moment.
#[derive(Debug)]
pub(in crate::http) struct Observed {
    /// Unix seconds.
    pub(super) now: i64,
    /// The accounts that the caller may see.
    pub(super) accounts: Vec<ObservedAccount>,
    /// What concerns no account, for callers from which no account is kept.
    pub(super) daemon: Option<ObservedDaemon>,
}

/// An account, and how its requests for new tokens ended.
#[derive(Debug)]
pub(super) struct ObservedAccount {
    pub(super) status: AccountReply,
    pub(super) refreshes: Vec<(&'static str, u64)>,
    pub(super) proxied: Vec<ObservedUse>,
}

/// How much a program has used the account's proxy, and how often each result occurred.
#[derive(Debug)]
pub(super) struct ObservedUse {
    pub(super) shown: ProxyUse,
    pub(super) results: Vec<(&'static str, u64)>,
}

/// What all accounts have in common.
#[derive(Debug, Default)]
pub(super) struct ObservedDaemon {
    pub(super) accounts: usize,
    pub(super) requests: Vec<Counted>,
    pub(super) waiting: Vec<(&'static str, usize)>,
    pub(super) audit: Vec<(&'static str, u64)>,
    pub(super) latency: Vec<(String, Histogram)>,
}

impl Observed {
    /// As `caller` may see it.
    pub(in crate::http) fn by(caller: &Caller, http: &Http) -> Self {
        let now = http.clock.now().wall.unix_seconds();
        let mut measured = http.broker.measured();
        measured.retain(|(status, _)| caller.sees(&status.account));
        let accounts = measured.into_iter().map(|(status, refreshes)| {
            let proxied = proxied(caller, http, &status.account);
            ObservedAccount { status, refreshes, proxied }
        });
        let accounts = accounts.collect();
        let mut observed = Self { now, accounts, daemon: None };
        if caller.sees_all() {
            observed.daemon = Some(ObservedDaemon::of(http, &observed.accounts));
        }
        observed
    }
}

/// Who has used the account's proxy; an app that sees only some accounts learns of no other app. The series of an app end
/// with it, so that there are no more of them than apps.
fn proxied(caller: &Caller, http: &Http, account: &str) -> Vec<ObservedUse> {
    let own = caller.app().filter(|_| !caller.sees_all());
    let mut counted = http.proxy.counts.of(account, own);
    if counted.is_empty() {
        return Vec::new();
    }
    let apps = http.apps.list();
    let lives = |name: &String| name == TEMPORARY || apps.iter().any(|app| app.name == *name);
    counted.retain(|counted| counted.shown.app.as_ref().is_none_or(lives));
    let observed = counted.into_iter().map(|counted| ObservedUse {
        results: counted.results().map(|(result, count)| (result.word(), count)).collect(),
        shown: counted.shown,
    });
    observed.collect()
}

impl ObservedDaemon {
    fn of(http: &Http, accounts: &[ObservedAccount]) -> Self {
        let (written, missing) = http.audit.lines();
        let mut latency = http.latency.so_far();
        // A provider goes with its last account.
        latency.retain(|(name, _)| accounts.iter().any(|account| account.status.provider == *name));
        Self {
            accounts: accounts.len(),
            requests: http.requests.so_far(),
            waiting: http.waiting.now().into(),
            audit: vec![("written", written), ("missing", missing)],
            latency,
        }
    }
}
