//! The provider: rotates refresh tokens, ends a grant whose refresh token is used twice outside of its grace, and
//! fails in every way that a request over a network can.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use ringback::account::state::{Answer, Priority};
use ringback::oauth::describe::Described;
use ringback::oauth::device::DeviceAuthorization;
use ringback::oauth::dialect::Dialect;
use ringback::oauth::exchange::{Credentials, Target, Trade};
use ringback::oauth::grant::{Grant, TokenSet};
use ringback::oauth::reply::{Blame, Refusal};
use ringback::provider::{AskError, Pending, Provider};
use ringback::secret::{AccessToken, RefreshToken};
use tokio::sync::Mutex;

use crate::truth::{ACCOUNTS, Truth, What, happens};

/// What a reply is waited for; then it counts as lost.
const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Server {
    truth: Arc<Truth>,
    lifetime: Duration,
    /// How long a replaced refresh token is still taken.
    grace: Duration,
    draws: Vec<(&'static str, Mutex<StdRng>)>,
}

impl Server {
    /// `life` counts the daemon's lives: each draws anew.
    pub(crate) fn new(truth: &Arc<Truth>, life: u32) -> Self {
        let mut rng = truth.draws("manner");
        let lifetime = Duration::from_secs(*pick(&mut rng, &[90, 300, 1200, 3600]));
        let grace = Duration::from_secs(*pick(&mut rng, &[0, 30]));
        let draws = ACCOUNTS.map(|account| (account, Mutex::new(truth.draws(&format!("server {account} {life}")))));
        Self { truth: Arc::clone(truth), lifetime, grace, draws: draws.into() }
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

    async fn refresh(&self, token: &str) -> Answer {
        let Some(account) = ACCOUNTS.into_iter().find(|account| token.starts_with(&format!("r-{account}-"))) else {
            self.truth.violated("a refresh token of nobody was sent");
            return refused();
        };
        let draws = &self.draws.iter().find(|(name, _)| *name == account).unwrap().1;
        let mut draws = draws.lock().await;
        let flying = self.truth.with_grant(account, |grant, _| {
            grant.flying += 1;
            grant.flying
        });
        if flying > 1 {
            self.truth.violated(&format!("{flying} refreshes of {account} are in flight"));
        }
        let landed = Landed { truth: &self.truth, account };
        self.truth.check_sent(account, token);
        let answer = self.fail_or_work(account, token, &mut draws).await;
        drop(landed);
        answer
    }

    async fn fail_or_work(&self, account: &'static str, token: &str, draws: &mut StdRng) -> Answer {
        let latency = Duration::from_millis(draws.random_range(20..2000));
        if self.truth.is_calm() {
            tokio::time::sleep(latency).await;
            return self.work(account, token);
        }
        let now = self.truth.now();
        if happens(draws, 0.01) {
            self.truth.step(What::Outage, account, String::new);
            let until = now + Duration::from_secs(draws.random_range(60..1800));
            self.truth.with_grant(account, |grant, _| grant.down_until = until);
        }
        if self.truth.with_grant(account, |grant, now| now < grant.down_until) || happens(draws, 0.05) {
            tokio::time::sleep(latency).await;
            self.truth.step(What::Unsent, account, String::new);
            return Answer::NotSent { why: "no route".into() };
        }
        if happens(draws, 0.004) {
            self.truth.step(What::Revoked, account, String::new);
            self.truth.with_grant(account, |grant, _| grant.ended = Some("revoked"));
        }
        match draws.random_range(0..100) {
            0..5 => {
                tokio::time::sleep(latency).await;
                self.truth.step(What::Busy, account, String::new);
                let retry_after = happens(draws, 0.5).then(|| Duration::from_secs(draws.random_range(1..90)));
                Answer::Busy { retry_after, why: "busy".into() }
            }
            // The request got lost on its way.
            5..8 => {
                tokio::time::sleep(PATIENCE).await;
                self.truth.step(What::Unheard, account, || " (and nothing was done)".into());
                Answer::Lost { why: "no reply".into() }
            }
            // The reply did.
            8..12 => {
                tokio::time::sleep(latency).await;
                self.work(account, token);
                self.truth.with_grant(account, |grant, _| grant.unheard += 1);
                tokio::time::sleep(if happens(draws, 0.5) { PATIENCE } else { latency }).await;
                self.truth.step(What::Unheard, account, || " (and the work was done)".into());
                Answer::Lost { why: "no reply".into() }
            }
            12..15 => {
                tokio::time::sleep(latency / 2).await;
                let unheard = Unheard { truth: &self.truth, account, heard: false };
                let mut answer = self.work(account, token);
                if let Answer::Granted(grant) = &mut answer {
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
                // Who is killed while the reply travels has not heard it.
                let unheard = Unheard { truth: &self.truth, account, heard: false };
                let answer = self.work(account, token);
                let slow =
                    if happens(draws, 0.03) { Duration::from_secs(draws.random_range(2..14)) } else { latency / 2 };
                tokio::time::sleep(slow).await;
                unheard.arrived();
                answer
            }
        }
    }

    /// As RFC 9700 §4.14.2 says.
    fn work(&self, account: &'static str, token: &str) -> Answer {
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
                    grant.access.clear();
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
        Answer::Granted(Box::new(Grant {
            access_token: Some(AccessToken::new(access)),
            refresh_token: Some(RefreshToken::new(refresh)),
            scope: None,
            expires_in: Some(lifetime),
            extra: serde_json::Map::new(),
            flaws: Vec::new(),
        }))
    }
}

fn issue(account: &str, grant: &mut crate::truth::Grant, now: Duration, lifetime: Duration) -> (String, String) {
    grant.issued += 1;
    let (access, refresh) = (format!("a-{account}-{}", grant.issued), format!("r-{account}-{}", grant.issued));
    let old = std::mem::replace(&mut grant.current, refresh.clone());
    if !old.is_empty() {
        grant.replaced.push((old, now));
    }
    grant.access.insert(access.clone(), now + lifetime);
    (access, refresh)
}

fn refused() -> Answer {
    Answer::Refused(Refusal { code: "invalid_grant".into(), description: String::new(), blame: Blame::Grant })
}

pub(crate) fn pick<'a, T>(rng: &mut StdRng, among: &'a [T]) -> &'a T {
    &among[rng.random_range(0..among.len())]
}

/// Counts a request down, also one whose sender was killed.
struct Landed<'a> {
    truth: &'a Truth,
    account: &'static str,
}

impl Drop for Landed<'_> {
    fn drop(&mut self) {
        self.truth.with_grant(self.account, |grant, _| grant.flying -= 1);
    }
}

/// A reply on its way.
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

impl Provider for Server {
    fn resolve<'a>(&'a self, dialect: &'a Arc<Dialect>) -> Pending<'a, Result<Arc<Dialect>, AskError>> {
        Box::pin(async move { Ok(Arc::clone(dialect)) })
    }

    fn accept<'a>(&'a self, _: &'a Arc<Dialect>) -> Pending<'a, Result<String, AskError>> {
        Box::pin(async { Err(AskError::Impossible("not here".into())) })
    }

    fn push<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a [(String, String)],
        _: &'a Credentials,
    ) -> Pending<'a, Result<String, AskError>> {
        Box::pin(async { Err(AskError::Impossible("not here".into())) })
    }

    fn device<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a Target,
        _: &'a Credentials,
    ) -> Pending<'a, Result<DeviceAuthorization, AskError>> {
        Box::pin(async { Err(AskError::Impossible("not here".into())) })
    }

    fn describe<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a AccessToken,
        _: &'a Credentials,
    ) -> Pending<'a, Result<Described, AskError>> {
        Box::pin(async { Err(AskError::Impossible("not here".into())) })
    }

    fn trade_at<'a>(
        &'a self,
        _: Priority,
        _: &'a Dialect,
        trade: &'a Trade,
        _: &'a Credentials,
    ) -> Pending<'a, Answer> {
        Box::pin(async move {
            match trade {
                Trade::RefreshToken { token, .. } => self.refresh(token.expose()).await,
                _ => refused(),
            }
        })
    }

    fn revoke<'a>(&'a self, _: &'a Dialect, _: &'a TokenSet, _: &'a Credentials) -> Pending<'a, Result<bool, String>> {
        Box::pin(async { Ok(true) })
    }
}
