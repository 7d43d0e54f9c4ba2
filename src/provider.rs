//! Talks to the authorization server: sends what `oauth::exchange` built, once, and lets `oauth::reply`
//! say what came back. The only place with an HTTP client.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use reqwest::header;

use crate::account::state::Answer;
use crate::clock::Clock;
use crate::failpoint;
use crate::oauth::describe::Described;
use crate::oauth::device::DeviceAuthorization;
use crate::oauth::dialect::Dialect;
use crate::oauth::exchange::{Credentials, HttpRequest, Target, Trade, revoke_request, token_request};
use crate::oauth::grant::TokenSet;
use crate::oauth::reply::{self, Received, Refusal, Reply};
use crate::secret::AccessToken;

/// Time for the TCP and TLS handshakes.
const CONNECT: Duration = Duration::from_secs(5);
/// Time for the whole request: short enough that a replay still falls into a grace window.
const WHOLE: Duration = Duration::from_secs(15);
/// After this many failures to reach an origin in a row, it is left alone for a while.
const BREAKS_AFTER: u32 = 3;
/// The first and the longest such while.
const BREAK_FIRST: Duration = Duration::from_secs(2);
const BREAK_LONGEST: Duration = Duration::from_secs(60);

/// A future of a trait's method.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskError {
    /// It can't be asked: there is no endpoint, or the config and the provider don't go together.
    Impossible(String),
    /// A parsed no.
    Refused(Refusal),
    /// Not now.
    Unreachable {
        /// One clause.
        why: String,
        /// What the provider asked for.
        retry_after: Option<Duration>,
    },
}

impl std::fmt::Display for AskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Impossible(why) | Self::Unreachable { why, .. } => f.write_str(why),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

/// The authorization server.
pub trait Provider: Send + Sync + 'static {
    /// The dialect with all its endpoints: what it leaves open is read from the issuer's metadata, which
    /// is kept for a while.
    fn resolve<'a>(&'a self, dialect: &'a Arc<Dialect>) -> Pending<'a, Result<Arc<Dialect>, AskError>>;

    /// Takes over the issuer's metadata though its token endpoint has moved to another host; tells to
    /// which.
    fn accept<'a>(&'a self, dialect: &'a Arc<Dialect>) -> Pending<'a, Result<String, AskError>>;

    /// Pushes an authorization request (RFC 9126); gives its `request_uri`.
    fn push<'a>(
        &'a self,
        dialect: &'a Dialect,
        parameters: &'a [(String, String)],
        credentials: &'a Credentials,
    ) -> Pending<'a, Result<String, AskError>>;

    /// Asks for a device code (RFC 8628 §3.1).
    fn device<'a>(
        &'a self,
        dialect: &'a Dialect,
        target: &'a Target,
        credentials: &'a Credentials,
    ) -> Pending<'a, Result<DeviceAuthorization, AskError>>;

    /// What the provider says of a token.
    fn describe<'a>(
        &'a self,
        dialect: &'a Dialect,
        token: &'a AccessToken,
        credentials: &'a Credentials,
    ) -> Pending<'a, Result<Described, AskError>>;

    /// Trades a code or refresh token for an access token. Sends one request at most.
    fn trade<'a>(&'a self, dialect: &'a Dialect, trade: &'a Trade, credentials: &'a Credentials)
    -> Pending<'a, Answer>;

    /// Gives the tokens back. `Ok(false)`: the provider has no way to.
    fn revoke<'a>(
        &'a self,
        dialect: &'a Dialect,
        tokens: &'a TokenSet,
        credentials: &'a Credentials,
    ) -> Pending<'a, Result<bool, String>>;
}

/// The real one.
pub struct HttpProvider {
    /// Set up when it is first needed: reading the system's root certificates takes longer than the rest of a start.
    client: OnceLock<reqwest::Client>,
    clock: Clock,
    /// By origin. Read on every request to a provider, written when a new origin is met.
    breakers: RwLock<HashMap<String, Arc<Breaker>>>,
}

impl HttpProvider {
    /// Nothing is read and nothing is sent yet.
    pub fn new(clock: Clock) -> Self {
        Self { client: OnceLock::new(), clock, breakers: RwLock::default() }
    }

    /// Sets up the client before somebody waits for it. It blocks, for some ten milliseconds.
    pub fn warm_up(&self) {
        if let Err(Failure::NotSent(why)) = self.client() {
            tracing::error!("{why}; it is tried again when a provider is asked");
        }
    }

    /// The one client. A failure is not remembered: root certificates may be installed meanwhile.
    fn client(&self) -> Result<&reqwest::Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let made =
            client().map_err(|error| Failure::NotSent(format!("the HTTP client could not be set up: {error}")))?;
        Ok(self.client.get_or_init(|| made))
    }

    fn breaker(&self, origin: &str) -> Arc<Breaker> {
        let known = self.breakers.read().ok().and_then(|map| map.get(origin).cloned());
        known.unwrap_or_else(|| match self.breakers.write() {
            Ok(mut map) => Arc::clone(map.entry(origin.to_owned()).or_default()),
            Err(_) => Arc::default(),
        })
    }

    async fn send(&self, request: HttpRequest) -> Result<Whole, Failure> {
        let breaker = self.breaker(&request.url.origin().ascii_serialization());
        let now = self.clock.now().boot.0;
        breaker.check(now)?;
        let sent = self.send_through(request).await;
        breaker.note(matches!(sent, Err(Failure::NotSent(_))), self.clock.now().boot.0);
        sent
    }

    async fn send_through(&self, request: HttpRequest) -> Result<Whole, Failure> {
        let method = if request.method == "DELETE" { reqwest::Method::DELETE } else { reqwest::Method::POST };
        let mut builder = self.client()?.request(method, request.url).header(header::ACCEPT, "application/json");
        if let Some(authorization) = &request.authorization {
            let mut value = header::HeaderValue::from_str(authorization)
                .map_err(|_| Failure::NotSent("the credentials don't fit into a header".into()))?;
            value.set_sensitive(true);
            builder = builder.header(header::AUTHORIZATION, value);
        }
        if let Some(content_type) = request.content_type {
            builder =
                builder.header(header::CONTENT_TYPE, content_type).body(reqwest::Body::from(request.body.to_vec()));
        }
        failpoint::reach("before_send");
        let mut response = builder.send().await.map_err(|error| Failure::of(&error))?;
        let text = |name| {
            response.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok()).map(str::to_owned)
        };
        let (status, content_type, retry_after) =
            (response.status().as_u16(), text(header::CONTENT_TYPE), text(header::RETRY_AFTER));
        let mut body = zeroize::Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| Failure::cut_off(status, &error))? {
            if body.len() + chunk.len() > reply::LARGEST {
                return Err(Failure::cut_short(
                    status,
                    format!("the reply is larger than {} KiB", reply::LARGEST / 1024),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        failpoint::reach("after_reply");
        Ok(Whole { status, content_type, retry_after, body })
    }
}

/// A client with its own limits: no redirects (RFC 9700; a 307 would carry the secrets along), no
/// proxy unless asked for, no kept connections (a stale one makes a refresh ambiguous).
fn client() -> reqwest::Result<reqwest::Client> {
    // Fails where one was installed before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .user_agent(concat!("ringback/", env!("CARGO_PKG_VERSION")))
        .build()
}

impl Provider for HttpProvider {
    fn resolve<'a>(&'a self, dialect: &'a Arc<Dialect>) -> Pending<'a, Result<Arc<Dialect>, AskError>> {
        Box::pin(async move { Ok(Arc::clone(dialect)) })
    }

    fn accept<'a>(&'a self, _: &'a Arc<Dialect>) -> Pending<'a, Result<String, AskError>> {
        Box::pin(async move { Err(AskError::Impossible(String::new())) })
    }

    fn push<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a [(String, String)],
        _: &'a Credentials,
    ) -> Pending<'a, Result<String, AskError>> {
        Box::pin(async move { Err(AskError::Impossible(String::new())) })
    }

    fn device<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a Target,
        _: &'a Credentials,
    ) -> Pending<'a, Result<DeviceAuthorization, AskError>> {
        Box::pin(async move { Err(AskError::Impossible(String::new())) })
    }

    fn describe<'a>(
        &'a self,
        _: &'a Dialect,
        _: &'a AccessToken,
        _: &'a Credentials,
    ) -> Pending<'a, Result<Described, AskError>> {
        Box::pin(async move { Err(AskError::Impossible(String::new())) })
    }

    fn trade<'a>(
        &'a self,
        dialect: &'a Dialect,
        trade: &'a Trade,
        credentials: &'a Credentials,
    ) -> Pending<'a, Answer> {
        Box::pin(async move {
            let request = match token_request(dialect, trade, credentials) {
                Ok(request) => request,
                Err(missing) => return Answer::NotSent { why: missing.to_string() },
            };
            match self.send(request).await {
                Ok(whole) => whole.answer(),
                Err(Failure::NotSent(why)) => Answer::NotSent { why },
                Err(Failure::Busy(why)) => Answer::Busy { retry_after: None, why },
                Err(Failure::Lost(why)) => Answer::Lost { why },
            }
        })
    }

    fn revoke<'a>(
        &'a self,
        dialect: &'a Dialect,
        tokens: &'a TokenSet,
        credentials: &'a Credentials,
    ) -> Pending<'a, Result<bool, String>> {
        Box::pin(async move {
            let Some(request) = revoke_request(dialect, tokens, credentials) else { return Ok(false) };
            match self.send(request).await {
                // 401: it is gone already, which is what was wanted.
                Ok(whole) if (200..300).contains(&whole.status) || whole.status == 401 => Ok(true),
                Ok(whole) => Err(format!("the provider answered {}", whole.status)),
                Err(Failure::NotSent(why) | Failure::Busy(why) | Failure::Lost(why)) => Err(why),
            }
        })
    }
}

/// A complete reply.
struct Whole {
    status: u16,
    content_type: Option<String>,
    retry_after: Option<String>,
    body: zeroize::Zeroizing<Vec<u8>>,
}

impl Whole {
    fn answer(&self) -> Answer {
        let received = Received {
            status: self.status,
            content_type: self.content_type.as_deref(),
            retry_after: self.retry_after.as_deref(),
            body: &self.body,
        };
        match reply::parse(received) {
            Reply::Granted(grant) => Answer::Granted(grant),
            Reply::Refused(refusal) => Answer::Refused(refusal),
            Reply::Busy { retry_after, why } => Answer::Busy { retry_after, why },
            Reply::Pending { slow_down } => Answer::Pending { slow_down },
            Reply::Unclear { why } => Answer::Lost { why },
        }
    }
}

/// Why there is no complete reply.
enum Failure {
    /// Nothing was sent.
    NotSent(String),
    /// A reply began that says that nothing was decided.
    Busy(String),
    /// The request may have arrived.
    Lost(String),
}

impl Failure {
    /// Only what fails before the connection stands is known not to have been sent. reqwest's own text
    /// holds the URL, which is dropped; the innermost cause says what matters ("connection refused").
    fn of(error: &reqwest::Error) -> Self {
        let why = innermost(error);
        if error.is_connect() || error.is_builder() {
            Self::NotSent(format!("no connection ({why})"))
        } else if error.is_timeout() {
            Self::Lost(format!("no reply within {} s", WHOLE.as_secs()))
        } else {
            Self::Lost(format!("the connection broke before the reply ({why})"))
        }
    }

    fn cut_off(status: u16, error: &reqwest::Error) -> Self {
        Self::cut_short(status, format!("the reply broke off ({})", innermost(error)))
    }

    /// A reply whose body is missing: its status still tells whether anything may have been granted.
    fn cut_short(status: u16, why: String) -> Self {
        if (200..300).contains(&status) || status == 502 || status == 504 { Self::Lost(why) } else { Self::Busy(why) }
    }
}

fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    reply::clean(&cause.to_string())
}

/// Keeps a hundred accounts from hammering a host that does not answer.
#[derive(Debug, Default)]
struct Breaker {
    failures: AtomicU32,
    /// Milliseconds since boot until which nothing is sent.
    closed_until: AtomicU64,
}

impl Breaker {
    fn check(&self, now: Duration) -> Result<(), Failure> {
        let until = Duration::from_millis(self.closed_until.load(Ordering::Acquire));
        if now < until {
            Err(Failure::NotSent(
                "its host did not answer several times in a row; it is left alone for a moment".into(),
            ))
        } else {
            Ok(())
        }
    }

    fn note(&self, failed: bool, now: Duration) {
        if !failed {
            return self.failures.store(0, Ordering::Release);
        }
        let failures = self.failures.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        if let Some(over) = failures.checked_sub(BREAKS_AFTER) {
            let pause = BREAK_FIRST.saturating_mul(1 << over.min(8)).min(BREAK_LONGEST);
            self.closed_until.store(u64::try_from((now + pause).as_millis()).unwrap_or(u64::MAX), Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_does_not_answer_is_left_alone_for_longer_and_longer_until_it_does() {
        let breaker = Breaker::default();
        let mut now = Duration::from_secs(100);
        for _ in 0..2 {
            breaker.note(true, now);
            assert!(breaker.check(now).is_ok());
        }
        for pause in [2, 4, 8, 16, 32, 60, 60] {
            breaker.note(true, now);
            assert!(breaker.check(now + Duration::from_millis(1000 * pause - 1)).is_err());
            now += Duration::from_secs(pause);
            assert!(breaker.check(now).is_ok(), "after {pause} s");
        }
        breaker.note(false, now);
        breaker.note(true, now);
        assert!(breaker.check(now).is_ok());
    }
}
