//! The table of metric families. `docs/metrics.md` is made from it.

use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;
use serde::Serialize;

use super::observed::{Observed, ObservedAccount, ObservedDaemon};
use crate::contract::{AccountHealth, AccountState, ProxyUse};
use crate::program_version;

/// One row: a name with all of its series.
pub(in crate::http) struct Family {
    /// By the conventions of Prometheus: a prefix, the unit, and `_total` for a counter.
    pub(in crate::http) name: &'static str,
    /// What its values are.
    pub(in crate::http) kind: MetricType,
    /// The names of its labels.
    pub(in crate::http) labels: &'static [&'static str],
    /// One sentence without a full stop, also for the docs.
    pub(in crate::http) help: &'static str,
    /// Where the samples come from.
    pub(super) source: Source,
}

/// The samples of a family.
pub(super) enum Source {
    /// Of each account that the caller may see; the label `account` comes first.
    Account(fn(&ObservedAccount, i64) -> Vec<Sample>),
    /// Of the daemon, for callers from which no account is kept.
    Daemon(fn(&ObservedDaemon) -> Vec<Sample>),
    /// For everybody.
    Everybody(fn() -> Vec<Sample>),
}

/// The values of a series' labels, without the account's name, and its value.
pub(super) type Sample = (Vec<String>, Value);

/// The value of a series.
#[derive(Debug)]
pub(super) enum Value {
    /// What only grows, until the daemon starts again.
    Count(u64),
    /// What goes up and down.
    Level(i64),
    /// How often each duration occurred.
    Durations(Histogram),
}

/// Every metric family there is, in the order of the reply.
pub(in crate::http) static FAMILIES: [Family; 14] = [
    Family {
        name: "ringback_account_state",
        kind: MetricType::Gauge,
        labels: &["account", "state"],
        help: "1 for the account's current state, 0 for every other",
        source: Source::Account(|account, _| one_of(&STATES, account.status.state)),
    },
    Family {
        name: "ringback_account_health",
        kind: MetricType::Gauge,
        labels: &["account", "health"],
        help: "1 for the account's current health, 0 for every other",
        source: Source::Account(|account, now| one_of(&HEALTHS, account.status.health_at(now).now)),
    },
    Family {
        name: "ringback_token_expires_in_seconds",
        kind: MetricType::Gauge,
        labels: &["account"],
        help: "Seconds until the access token expires, negative after that; absent without a token or an expiry",
        source: Source::Account(|account, now| level(account.status.expires_at.map(|at| at.saturating_sub(now)))),
    },
    Family {
        name: "ringback_token_age_seconds",
        kind: MetricType::Gauge,
        labels: &["account"],
        help: "Seconds since the access token was obtained; absent without a token",
        source: Source::Account(|account, now| level(account.status.obtained_at.map(|at| now.saturating_sub(at)))),
    },
    Family {
        name: "ringback_refreshes_total",
        kind: MetricType::Counter,
        labels: &["account", "result"],
        help: "Requests for a new token by their result, also those for a narrower one",
        source: Source::Account(|account, _| counts(account.refreshes.iter().copied())),
    },
    Family {
        name: "ringback_proxy_requests_total",
        kind: MetricType::Counter,
        labels: &["account", "app", "result"],
        help: "Requests to the account's proxy that have ended, by program and result; also those that were not forwarded",
        source: Source::Account(|account, _| {
            let all = account.proxied.iter().flat_map(|uses| {
                let of = |(result, count): &(&str, u64)| {
                    (vec![app(&uses.shown), (*result).to_owned()], Value::Count(*count))
                };
                uses.results.iter().map(of)
            });
            all.collect()
        }),
    },
    Family {
        name: "ringback_proxy_request_body_bytes_total",
        kind: MetricType::Counter,
        labels: &["account", "app"],
        help: "Bytes of the bodies that the account's proxy sent to its upstream, by program",
        source: Source::Account(|account, _| by_app(account, |uses| uses.sent)),
    },
    Family {
        name: "ringback_proxy_response_body_bytes_total",
        kind: MetricType::Counter,
        labels: &["account", "app"],
        help: "Bytes of the bodies that the account's proxy received from its upstream, by program",
        source: Source::Account(|account, _| by_app(account, |uses| uses.received)),
    },
    Family {
        name: "ringback_provider_request_duration_seconds",
        kind: MetricType::Histogram,
        labels: &["provider"],
        help: "How long a request to the provider took, answered or not; metadata is not among them",
        source: Source::Daemon(|daemon| {
            let of =
                |(name, durations): &(String, Histogram)| (vec![name.clone()], Value::Durations(durations.clone()));
            daemon.latency.iter().map(of).collect()
        }),
    },
    Family {
        name: "ringback_http_requests_total",
        kind: MetricType::Counter,
        labels: &["method", "route", "code"],
        help: "Requests by route and HTTP status; those that fit no route have the route `other`",
        source: Source::Daemon(requests),
    },
    Family {
        name: "ringback_callers_waiting",
        kind: MetricType::Gauge,
        labels: &["transport"],
        help: "Callers that wait for a provider, a login or the user's answer",
        source: Source::Daemon(|daemon| {
            let waiting = daemon.waiting.iter();
            waiting.map(|(over, held)| (vec![(*over).to_owned()], whole(*held))).collect()
        }),
    },
    Family {
        name: "ringback_accounts",
        kind: MetricType::Gauge,
        labels: &[],
        help: "Accounts that can be used; those with a mistake in the config are not among them",
        source: Source::Daemon(|daemon| vec![(Vec::new(), whole(daemon.accounts))]),
    },
    Family {
        name: "ringback_audit_lines_total",
        kind: MetricType::Counter,
        labels: &["result"],
        help: "Lines of the audit log that were written, and that could not be",
        source: Source::Daemon(|daemon| counts(daemon.audit.iter().copied())),
    },
    Family {
        name: "ringback_build_info",
        kind: MetricType::Gauge,
        labels: &["version"],
        help: "1, with the daemon's version",
        source: Source::Everybody(|| vec![(vec![program_version::OWN.to_owned()], Value::Level(1))]),
    },
];

const STATES: [AccountState; 5] = [
    AccountState::SignedOut,
    AccountState::Active,
    AccountState::Starting,
    AccountState::NeedsLogin,
    AccountState::StoreUnavailable,
];
const HEALTHS: [AccountHealth; 6] = [
    AccountHealth::Usable,
    AccountHealth::Idle,
    AccountHealth::Ending,
    AccountHealth::Recovering,
    AccountHealth::NeedsUser,
    AccountHealth::StoreUnavailable,
];

/// A series for each of the words, as the API has them.
fn one_of<T: Copy + PartialEq + Serialize>(all: &[T], current: T) -> Vec<Sample> {
    all.iter().map(|word| (vec![on_the_wire(word)], Value::Level((*word == current).into()))).collect()
}

fn on_the_wire(word: &impl Serialize) -> String {
    serde_json::to_value(word).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

fn level(value: Option<i64>) -> Vec<Sample> {
    value.map(|value| (Vec::new(), Value::Level(value))).into_iter().collect()
}

fn counts(counted: impl Iterator<Item = (&'static str, u64)>) -> Vec<Sample> {
    counted.map(|(label, count)| (vec![label.to_owned()], Value::Count(count))).collect()
}

fn by_app(account: &ObservedAccount, of: fn(&ProxyUse) -> u64) -> Vec<Sample> {
    account.proxied.iter().map(|uses| (vec![app(&uses.shown)], Value::Count(of(&uses.shown)))).collect()
}

/// The label `app`. No app has a name like that of the programs without a key.
fn app(uses: &ProxyUse) -> String {
    uses.app.clone().unwrap_or_else(|| "-".to_owned())
}

fn whole(number: usize) -> Value {
    Value::Level(i64::try_from(number).unwrap_or(i64::MAX))
}

fn requests(daemon: &ObservedDaemon) -> Vec<Sample> {
    let counted = daemon.requests.iter().map(|counted| {
        let (method, route) = counted.route.map_or(("other", "other"), |route| (route.method.as_str(), route.path));
        let status = counted.status.map_or_else(|| "other".to_owned(), |status| status.to_string());
        (vec![method.to_owned(), route.to_owned(), status], Value::Count(counted.count))
    });
    counted.collect()
}

impl Family {
    /// Its series, each with all of its labels.
    pub(super) fn samples(&self, seen: &Observed) -> Vec<Sample> {
        match self.source {
            Source::Account(of) => {
                seen.accounts.iter().flat_map(|account| named(account, of(account, seen.now))).collect()
            }
            Source::Daemon(of) => seen.daemon.as_ref().map(of).unwrap_or_default(),
            Source::Everybody(of) => of(),
        }
    }
}

/// The samples, with the account's name in front.
fn named(account: &ObservedAccount, samples: Vec<Sample>) -> impl Iterator<Item = Sample> {
    let name = account.status.account.clone();
    samples.into_iter().map(move |(labels, value)| ([vec![name.clone()], labels].concat(), value))
}
