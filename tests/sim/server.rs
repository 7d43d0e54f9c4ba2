//! The provider: rotates refresh tokens, revokes a grant whose refresh token is reused after the grace period, and
//! fails in every way that a network request can.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use ringback::account::state::{Priority, RefreshOutcome};
use ringback::clock::Clock;
use ringback::oauth::dialect::Dialect;
use ringback::oauth::grant::Grant;
use ringback::oauth::reply::{Refusal, RefusalSubject};
use ringback::provider::breaker::{Breaker, CircuitOpen};
use ringback::secret::{AccessToken, RefreshToken};
use tokio::sync::Mutex;

use crate::counts::{What, happens};
use crate::outage::{Hammering, Kind};
use crate::truth::{ACCOUNTS, Truth};

/// How long the daemon waits for a reply; then it counts as lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Server {
    pub(crate) truth: Arc<Truth>,
    /// The daemon's circuit breaker for this host.
    breaker: Breaker,
    clock: Clock,
    pub(crate) hammering: Hammering,
    lifetime: Duration,
    /// How long a replaced refresh token is still accepted.
    grace: Duration,
    jitter: Vec<(&'static str, Mutex<StdRng>)>,
}

impl Server {
    /// `life` counts the daemon's runs: each has its own random choices.
    pub(crate) fn new(truth: &Arc<Truth>, clock: &Clock, life: u32) -> Self {
        let mut rng = truth.jitter("manner");
        let lifetime = Duration::from_secs(*pick(&mut rng, &[90, 300, 1200, 3600]));
        let grace = Duration::from_secs(*pick(&mut rng, &[0, 30]));
        let jitter = ACCOUNTS.map(|account| (account, Mutex::new(truth.jitter(&format!("server {account} {life}")))));
        Self {
            truth: Arc::clone(truth),
            breaker: Breaker::default(),
            clock: clock.clone(),
            hammering: Hammering::default(),
            lifetime,
            grace,
            jitter: jitter.into(),
        }
    }

    /// Resets the daemon's circuit breaker.
    pub(crate) fn forgive(&self) {
        self.breaker.forgive();
        self.hammering.forgiven(&self.truth);
    }

    /// A login: a new grant, and its first tokens.
    pub(crate) fn log_in(&self, account: &'static str) -> (String, String, Duration) {
        self.truth.step(What::Login, account, String::new);
        self.truth.with_grant(account, |grant, now| {
            grant.ended = None;
            grant.replaced.clear();
            let (access, refresh) = issue(account, grant, now, self.lifetime);
            (access, refresh, self.lifetime)
        })
    }

    pub(crate) async fn refresh(&self, token: &str, priority: Priority, dialect: &Dialect) -> RefreshOutcome {
        let Some(account) = ACCOUNTS.into_iter().find(|account| token.starts_with(&format!("r-{account}-"))) else {
            self.truth.violated("an unknown refresh token was sent");
            return refused();
        };
        self.truth.check_open(account);
        let passing = match self.breaker.admit(priority, self.clock.now().boot.0) {
            Ok(passing) => passing,
            Err(CircuitOpen { why, probe_in }) => {
                self.truth.step(What::Spared, account, String::new);
                return RefreshOutcome::CircuitOpen { why, probe_in };
            }
        };
        self.hammering.came(&self.truth, account, priority);
        let mut jitter = self.jitter(account).lock().await;
        let flying = self.truth.with_grant(account, |grant, _| {
            grant.flying += 1;
            grant.flying
        });
        if flying > 1 {
            self.truth.violated(&format!("{flying} refreshes of {account} are in flight"));
        }
        let landed = Landed { truth: &self.truth, account };
        self.truth.check_sent(account, token);
        let outage = self.truth.with_gate(|gate, _| gate.outage);
        let answer = match outage {
            Some(kind) => {
                let latency = Duration::from_millis(jitter.random_range(20..500));
                let answer = self.cut(account, kind, latency, dialect).await;
                if let RefreshOutcome::Busy { retry_after: Some(wish), .. } = &answer {
                    self.truth.with_grant(account, |grant, now| grant.wish = now + *wish);
                }
                answer
            }
            None => self.fail_or_work(account, token, &mut jitter).await,
        };
        let answered = outage.map_or_else(|| is_an_answer(&answer), Kind::is_an_answer);
        passing.ended((!answered).then(|| "no answer".into()), self.clock.now().boot.0);
        drop(landed);
        answer
    }

    pub(crate) fn jitter(&self, account: &str) -> &Mutex<StdRng> {
        &self.jitter.iter().find(|(name, _)| *name == account).unwrap().1
    }

    /// The outcome of a request during an outage.
    async fn cut(&self, account: &'static str, kind: Kind, latency: Duration, dialect: &Dialect) -> RefreshOutcome {
        self.truth.step(What::Cut, account, || format!(" ({kind:?})"));
        tokio::time::sleep(if matches!(kind, Kind::Hangs) { PATIENCE } else { latency }).await;
        kind.answer(dialect, self.clock.now().wall)
    }

    async fn fail_or_work(&self, account: &'static str, token: &str, jitter: &mut StdRng) -> RefreshOutcome {
        if self.truth.is_calm() {
            tokio::time::sleep(Duration::from_millis(jitter.random_range(20..500))).await;
            return self.work(account, token);
        }
        let latency = Duration::from_millis(jitter.random_range(20..2000));
        if happens(jitter, 0.05) {
            tokio::time::sleep(latency).await;
            self.truth.step(What::Unsent, account, String::new);
            return RefreshOutcome::NotSent { why: "no route".into() };
        }
        if happens(jitter, 0.004) {
            self.truth.step(What::Revoked, account, String::new);
            self.truth.with_grant(account, |grant, _| grant.ended = Some("revoked"));
        }
        match jitter.random_range(0..100) {
            0..5 => {
                tokio::time::sleep(latency).await;
                self.truth.step(What::Busy, account, String::new);
                let retry_after = happens(jitter, 0.5).then(|| Duration::from_secs(jitter.random_range(1..90)));
                self.truth.with_grant(account, |grant, now| grant.wish = now + retry_after.unwrap_or_default());
                RefreshOutcome::Busy { retry_after, why: "busy".into() }
            }
            // The request was lost.
            5..8 => {
                tokio::time::sleep(PATIENCE).await;
                self.truth.step(What::Unheard, account, || " (and nothing was done)".into());
                RefreshOutcome::Lost { why: "no reply".into() }
            }
            // The reply was lost.
            8..12 => {
                tokio::time::sleep(latency).await;
                self.work(account, token);
                self.truth.with_grant(account, |grant, _| grant.unheard += 1);
                tokio::time::sleep(if happens(jitter, 0.5) { PATIENCE } else { latency }).await;
                self.truth.step(What::Unheard, account, || " (and the work was done)".into());
                RefreshOutcome::Lost { why: "no reply".into() }
            }
            12..15 => {
                tokio::time::sleep(latency / 2).await;
                let unheard = Unheard { truth: &self.truth, account, heard: false };
                let mut answer = self.work(account, token);
                if let RefreshOutcome::Granted(grant) = &mut answer {
                    self.truth.step(What::Flawed, account, String::new);
                    grant.access_token = None;
                    grant.flaws = vec!["there is no access_token".into()];
                }
                tokio::time::sleep(latency / 2).await;
                unheard.arrived();
                answer
            }
            _ => {
                tokio::time::sleep(latency / 2).await;
                // If the daemon is killed while the reply is in transit, it counts as lost.
                let unheard = Unheard { truth: &self.truth, account, heard: false };
                let answer = self.work(account, token);
                let slow =
                    if happens(jitter, 0.03) { Duration::from_secs(jitter.random_range(2..14)) } else { latency / 2 };
                tokio::time::sleep(slow).await;
                unheard.arrived();
                answer
            }
        }
    }

    /// Handles a refresh token as in RFC 9700 §4.14.2.
    fn work(&self, account: &'static str, token: &str) -> RefreshOutcome {
        let (grace, lifetime) = (self.grace, self.lifetime);
        let granted = self.truth.with_grant(account, |grant, now| {
            if grant.ended.is_some() {
                return None;
            }
            let fresh = grant.current == token;
            let old = grant.replaced.iter().find(|(old, _)| old == token).map(|(_, at)| now.saturating_sub(*at));
            match (fresh, old) {
                (true, _) => {}
                (false, Some(age)) if age <= grace => {}
                (false, Some(_)) => {
                    grant.ended = Some("reuse");
                    let brought = &grant.brought;
                    grant.access.retain(|access, _| brought.iter().any(|brought| brought.access == *access));
                    return None;
                }
                (false, None) => return None,
            }
            Some((issue(account, grant, now, lifetime), !fresh))
        });
        let Some(((access, refresh), again)) = granted else {
            self.truth.step(What::Denied, account, String::new);
            return refused();
        };
        self.truth.step(if again { What::Reused } else { What::Refreshed }, account, || format!(" to {access}"));
        self.granted(access, refresh)
    }

    fn granted(&self, access: String, refresh: String) -> RefreshOutcome {
        RefreshOutcome::Granted(Box::new(Grant {
            access_token: Some(AccessToken::new(access)),
            refresh_token: Some(RefreshToken::new(refresh)),
            scope: None,
            expires_in: Some(self.lifetime),
            dpop_key: None,
            extra: serde_json::Map::new(),
            flaws: Vec::new(),
        }))
    }

    /// Exchanges the code of a login. A user waits for it, so the circuit breaker lets it pass.
    pub(crate) async fn exchange(&self, code: &str, dialect: &Dialect) -> RefreshOutcome {
        let Some(account) = ACCOUNTS.into_iter().find(|account| code.starts_with(&format!("c-{account}-"))) else {
            self.truth.violated("an unknown code was sent");
            return refused();
        };
        self.truth.check_open(account);
        self.truth.spend(account, code);
        let (latency, fate) = {
            let mut jitter = self.jitter(account).lock().await;
            (Duration::from_millis(jitter.random_range(20..3000)), jitter.random_range(0..100))
        };
        if let Some(kind) = self.truth.with_gate(|gate, _| gate.outage) {
            return self.cut(account, kind, latency, dialect).await;
        }
        tokio::time::sleep(latency / 2).await;
        match fate {
            0..4 => return RefreshOutcome::NotSent { why: "no route".into() },
            4..8 => return refused(),
            _ => {}
        }
        let (access, refresh) = self.truth.bring(account, self.lifetime);
        let arriving = self.truth.arriving(account, &refresh);
        tokio::time::sleep(if fate < 20 { Duration::from_secs(6) } else { latency / 2 }).await;
        if fate < 13 {
            self.truth.step(What::Unheard, account, || " (of a login)".into());
            return RefreshOutcome::Lost { why: "no reply".into() };
        }
        arriving.arrived();
        self.granted(access, refresh)
    }
}

/// Whether the provider answered, other than with a server error.
fn is_an_answer(answer: &RefreshOutcome) -> bool {
    matches!(answer, RefreshOutcome::Granted(_) | RefreshOutcome::Refused(_))
}

pub(crate) fn issue(
    account: &str,
    grant: &mut crate::truth::Grant,
    now: Duration,
    lifetime: Duration,
) -> (String, String) {
    grant.issued += 1;
    let (access, refresh) = (format!("a-{account}-{}", grant.issued), format!("r-{account}-{}", grant.issued));
    let old = std::mem::replace(&mut grant.current, refresh.clone());
    if !old.is_empty() {
        grant.replaced.push((old, now));
    }
    grant.access.insert(access.clone(), now + lifetime);
    (access, refresh)
}

pub(crate) fn refused() -> RefreshOutcome {
    RefreshOutcome::Refused(Refusal {
        code: "invalid_grant".into(),
        description: String::new(),
        blame: RefusalSubject::Grant,
    })
}

pub(crate) fn pick<'a, T>(rng: &mut StdRng, among: &'a [T]) -> &'a T {
    &among[rng.random_range(0..among.len())]
}

/// Counts a request as no longer in flight, even if the daemon was killed.
struct Landed<'a> {
    truth: &'a Truth,
    account: &'static str,
}

impl Drop for Landed<'_> {
    fn drop(&mut self) {
        self.truth.with_grant(self.account, |grant, _| grant.flying -= 1);
    }
}

/// A reply in transit.
struct Unheard<'a> {
    truth: &'a Truth,
    account: &'static str,
    heard: bool,
}

impl Unheard<'_> {
    fn arrived(mut self) {
        self.heard = true;
    }
}

impl Drop for Unheard<'_> {
    fn drop(&mut self) {
        if !self.heard {
            self.truth.with_grant(self.account, |grant, _| grant.unheard += 1);
        }
    }
}
