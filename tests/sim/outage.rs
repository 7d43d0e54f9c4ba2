//! Outages of the provider: for a while every request fails in the same way. The daemon must not flood the provider
//! during the outage, and callers must get a token soon after it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt as _;
use ringback::account::state::{Priority, RefreshOutcome};
use ringback::broker::handle::{Broker, TokenQuery};
use ringback::clock::{Clock, Wall};
use ringback::contract::{AccountState, ErrorCode};
use ringback::error::Error;
use ringback::oauth::dialect::Dialect;
use ringback::oauth::reply::{self, ReceivedReply};
use ringback::provider::answer;

use crate::counts::{What, happens};
use crate::server::{PATIENCE, Server, pick};
use crate::truth::{ACCOUNTS, Truth};

/// The way in which requests fail.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Unreachable,
    Hangs,
    /// Status, `Retry-After`, body.
    Answers(u16, Option<&'static str>, &'static str),
}

const KINDS: &[Kind] = &[
    Kind::Unreachable,
    Kind::Hangs,
    Kind::Answers(503, None, ""),
    Kind::Answers(503, Some("40"), "<html>"),
    Kind::Answers(429, Some("11"), ""),
    Kind::Answers(404, None, r#"{"error":"Not Found"}"#),
    Kind::Answers(403, None, "<html>Forbidden</html>"),
    Kind::Answers(200, None, r#"{"ok":false,"error":"service_unavailable"}"#),
    Kind::Answers(400, None, r#"{"error":"upstream_timeout"}"#),
];

/// No other fault happens for this long after an outage.
const FAIR: Duration = Duration::from_secs(40);
/// A caller that retries has a token this soon after an outage...
const SOON: Duration = Duration::from_secs(2);
/// ...plus one probe that may have started before its end, plus two replies: another account's and its own.
const REPLY: Duration = Duration::from_millis(500);
/// The retry interval of such a caller.
const IMPATIENCE: Duration = Duration::from_millis(200);

impl Kind {
    /// Classified by the same table as in the daemon.
    pub(crate) fn answer(self, dialect: &Dialect, at: Wall) -> RefreshOutcome {
        let (status, retry_after, body) = match self {
            Self::Unreachable => return RefreshOutcome::NotSent { why: "refused".into() },
            Self::Hangs => return RefreshOutcome::Lost { why: "no reply".into() },
            Self::Answers(status, retry_after, body) => (status, retry_after, body.as_bytes()),
        };
        let content_type = Some("application/json");
        answer(reply::parse(ReceivedReply { status, content_type, retry_after, body, at }, dialect))
    }

    /// Whether the circuit breaker counts it as an answer.
    pub(crate) fn is_an_answer(self) -> bool {
        matches!(self, Self::Answers(..500, ..))
    }
}

/// Requests during an outage that were scheduled or caused by programs.
#[derive(Default)]
pub(crate) struct Hammering(Mutex<VecDeque<Duration>>);

impl Hammering {
    /// The most requests in ten seconds of an outage: those that open the circuit breaker, one probe per second, and
    /// one request in flight per account.
    const SPAN: Duration = Duration::from_secs(10);
    const MOST: usize = 3 + 10 + ACCOUNTS.len();

    pub(crate) fn came(&self, truth: &Truth, account: &'static str, priority: Priority) {
        let (out, wish) = (truth.with_gate(|gate, _| gate.outage.is_some()), truth.with_grant(account, |g, _| g.wish));
        let now = truth.now();
        if now + Duration::from_millis(1) < wish {
            truth.violated(&format!(
                "{account}: a request {:?} before `Retry-After` was over",
                wish.saturating_sub(now)
            ));
        }
        if !out || priority == Priority::Person {
            return;
        }
        let mut came = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        came.push_back(now);
        while came.front().is_some_and(|first| *first + Self::SPAN <= now) {
            came.pop_front();
        }
        let count = came.len();
        drop(came);
        if count > Self::MOST {
            truth.violated(&format!("{count} requests in {:?} of an outage", Self::SPAN));
        }
    }

    /// The circuit breaker was reset: counting starts over.
    pub(crate) fn forgiven(&self, _: &Truth) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// One outage after another. Never ends.
pub(crate) async fn outages(truth: &Arc<Truth>, server: &Server, broker: &Broker, clock: &Clock, life: u32) {
    let mut rng = truth.jitter(&format!("outages {life}"));
    loop {
        tokio::time::sleep(Duration::from_secs(rng.random_range(100..7200))).await;
        let kind = *pick(&mut rng, KINDS);
        let longest = if happens(&mut rng, 0.5) { 60 } else { 1800 };
        let span = Duration::from_secs(rng.random_range(5..longest));
        truth.step(What::Outage, "provider", || format!(" for {} s: {kind:?}", span.as_secs()));
        truth.with_gate(|gate, _| gate.outage = Some(kind));
        server.hammering.forgiven(truth);
        let hurry = Duration::from_secs(10).min(span);
        tokio::time::sleep(span.saturating_sub(hurry)).await;
        let hurried = ACCOUNTS.map(|account| hurry_in_vain(truth, broker, account, hurry));
        let [first, second] = hurried;
        tokio::join!(first, second);
        truth.with_gate(|gate, now| (gate.outage, gate.fair_until) = (None, now + FAIR));
        truth.step(What::Outage, "provider", || " and is over".into());
        // In such a short outage, a request sent before it may hang, too.
        let probe = if matches!(kind, Kind::Hangs) || span < 2 * PATIENCE { PATIENCE } else { REPLY };
        let asked = ACCOUNTS.map(|account| ask_until_served(truth, broker, clock, account, SOON + probe + 2 * REPLY));
        let [first, second] = asked;
        tokio::join!(first, second);
    }
}

/// An impatient program during an outage.
async fn hurry_in_vain(truth: &Truth, broker: &Broker, account: &'static str, span: Duration) {
    let calls = span.as_millis() / IMPATIENCE.as_millis();
    for _ in 0..calls {
        tokio::time::sleep(IMPATIENCE).await;
        let query =
            TokenQuery { min_ttl: Some(Duration::ZERO), wait: Some(Duration::ZERO), target: None, proves_key: false };
        if let Ok(reply) = broker.token(account, query).await {
            truth.check_served(account, &reply.access_token);
        }
    }
}

/// The same program after the outage.
async fn ask_until_served(truth: &Truth, broker: &Broker, clock: &Clock, account: &'static str, bound: Duration) {
    let (began, boot, slots) = (truth.now(), clock.now().boot.0, truth.with_gate(|gate, _| gate.slots));
    loop {
        let query =
            TokenQuery { min_ttl: Some(Duration::ZERO), wait: Some(Duration::ZERO), target: None, proves_key: false };
        let reply = broker.token(account, query).await;
        // A suspend or a lock delays the caller, too.
        let disturbed =
            truth.slept_since(boot) || truth.with_gate(|gate, now| gate.slots != slots || now >= gate.fair_until);
        if disturbed || needs_something_else(truth, broker, account) {
            return;
        }
        // The last reply of the outage may have arrived after its end.
        let wish = truth.with_grant(account, |grant, _| grant.wish);
        match reply {
            Ok(reply) => {
                truth.check_served(account, &reply.access_token);
                return truth.step(What::Asked, account, String::new);
            }
            // The provider has refused for ten minutes or longer: the user forces a refresh.
            Err(Error::RefusesForLong { .. }) => _ = broker.refresh(account).await,
            Err(error) if truth.now() > began.max(wish) + bound => {
                return truth.violated(&format!("{account}: {bound:?} after the outage there was no token: {error}"));
            }
            Err(_) => {}
        }
        tokio::time::sleep(IMPATIENCE).await;
    }
}

/// Whether the account waits for something other than the provider.
fn needs_something_else(truth: &Truth, broker: &Broker, account: &'static str) -> bool {
    let view = broker.account(account).unwrap();
    let store = view.last_error.as_ref().is_some_and(|last| last.error == ErrorCode::StoreUnavailable);
    let unexplained = view.last_error.as_ref().is_some_and(|last| last.error == ErrorCode::ProviderRefused);
    let needs_user = matches!(view.state, AccountState::SignedOut | AccountState::StoreUnavailable)
        || view.state == AccountState::NeedsLogin && !unexplained;
    needs_user || store || truth.with_disk(account, |disk, _| disk.uncommitted)
}
