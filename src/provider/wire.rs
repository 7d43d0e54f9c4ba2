//! Sends one request and receives its whole reply, or says why not. The one HTTP client of the daemon.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use hyper::body::Bytes;
use reqwest::header;
use url::Url;
use zeroize::Zeroizing;

use super::AskError;
use super::breaker::{Breaker, CircuitOpen};
use super::encoding;
use super::limiter::{LimitKey, Limiter};
use super::unreached::{self, innermost};
use crate::account::state::Priority;
use crate::clock::{Boot, Clock, Wall};
use crate::failpoint;
use crate::loopback::is_loopback;
use crate::oauth::dialect::{Dialect, NetworkOptions, Proxy, RateLimit, Roots};
use crate::oauth::exchange::HttpRequest;
use crate::oauth::reply::{self, ReceivedReply};
use crate::secret::text::BOM;

/// Time for the TCP and TLS handshakes.
const CONNECT: Duration = Duration::from_secs(5);

/// How long and how much of a reply is waited for.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) whole: Duration,
    pub(super) largest: usize,
}

/// Short enough that a replay still falls into a grace window.
pub(super) const USUAL: Patience = Patience { whole: Duration::from_secs(15), largest: reply::LARGEST };

/// The way to all providers.
pub(super) struct HttpTransport {
    /// One for each way to reach a provider, set up when it is first needed: reading the system's root
    /// certificates takes longer than the rest of a start.
    clients: RwLock<HashMap<NetworkOptions, reqwest::Client>>,
    clock: Clock,
    /// By origin. Read on every request to a provider, written when a new origin is met.
    breakers: RwLock<HashMap<String, Arc<Breaker>>>,
    limiter: Mutex<Limiter>,
}

impl HttpTransport {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clients: RwLock::default(), clock, breakers: RwLock::default(), limiter: Mutex::default() }
    }

    pub(super) fn now(&self) -> Wall {
        self.clock.now().wall
    }

    pub(super) fn since_boot(&self) -> Boot {
        self.clock.now().boot
    }

    /// The client for `url`. A failure is not remembered: certificates may be installed meanwhile.
    pub(super) fn client(&self, reach: &NetworkOptions, url: &Url) -> Result<reqwest::Client, TransportFailure> {
        // Nothing is between us and ourselves.
        self.client_by(if is_loopback(url) {
            NetworkOptions { proxy: Proxy::None, ..reach.clone() }
        } else {
            reach.clone()
        })
    }

    /// The client of this very kind.
    pub(super) fn client_by(&self, reach: NetworkOptions) -> Result<reqwest::Client, TransportFailure> {
        if let Some(client) = self.clients.read().ok().and_then(|clients| clients.get(&reach).cloned()) {
            return Ok(client);
        }
        let made = client(&reach)
            .map_err(|why| TransportFailure::NotSent(format!("the HTTP client could not be set up: {why}")))?;
        if let Ok(mut clients) = self.clients.write() {
            clients.insert(reach, made.clone());
        }
        Ok(made)
    }

    /// Leaves no host alone any longer.
    pub(super) fn forgive(&self) {
        if let Ok(breakers) = self.breakers.read() {
            breakers.values().for_each(|breaker| breaker.forgive());
        }
    }

    /// Sets every client up anew when it is next needed: files of certificates may have changed. What is on its way
    /// keeps the one that it has.
    pub(super) fn forget_clients(&self) {
        if let Ok(mut clients) = self.clients.write() {
            clients.clear();
        }
    }

    fn breaker(&self, origin: &str) -> Arc<Breaker> {
        let known = self.breakers.read().ok().and_then(|map| map.get(origin).cloned());
        known.unwrap_or_else(|| match self.breakers.write() {
            Ok(mut map) => Arc::clone(map.entry(origin.to_owned()).or_default()),
            Err(_) => Arc::default(),
        })
    }

    /// Sends what a client asks of its provider, within the provider's limits.
    pub(super) async fn ask(
        &self,
        dialect: &Dialect,
        client_id: &str,
        request: HttpRequest,
        priority: Priority,
    ) -> Result<Whole, TransportFailure> {
        let limits = limits(dialect, client_id, &request.url);
        self.send(&dialect.reach, request, limits, USUAL, priority).await
    }

    /// Reads what is there for everybody.
    pub(super) async fn fetch(
        &self,
        reach: &NetworkOptions,
        url: Url,
        patience: Patience,
    ) -> Result<Whole, TransportFailure> {
        let (method, body) = ("GET", Zeroizing::default());
        let request = HttpRequest { method, url, query: None, authorization: None, content_type: None, body };
        self.send(reach, request, Vec::new(), patience, Priority::Person).await
    }

    async fn send(
        &self,
        reach: &NetworkOptions,
        request: HttpRequest,
        limits: ProviderLimits,
        patience: Patience,
        priority: Priority,
    ) -> Result<Whole, TransportFailure> {
        let patience = Patience { whole: failpoint::patience(patience.whole), ..patience };
        let breaker = self.breaker(&request.url.origin().ascii_serialization());
        let passing = breaker.admit(priority, self.clock.now().boot.0)?;
        let passage = self.pass(limits)?;
        let sent = self.send_through(reach, request, patience).await;
        drop(passage);
        let failure = match &sent {
            Ok(whole) => (whole.status >= 500).then(|| format!("it answered {}", whole.status)),
            Err(failure) => Some(failure.words().to_owned()),
        };
        passing.ended(failure, self.clock.now().boot.0);
        sent
    }

    fn pass(&self, limits: ProviderLimits) -> Result<Passage<'_>, TransportFailure> {
        let admitted = locked(&self.limiter).admit(&limits, self.clock.now().boot.0);
        admitted.map_err(|wait| TransportFailure::Busy {
            why: "the provider allows no more requests for the moment (`rate_limit`)".into(),
            retry_after: Some(wait),
        })?;
        Ok(Passage { wire: self, limits })
    }

    async fn send_through(
        &self,
        reach: &NetworkOptions,
        request: HttpRequest,
        patience: Patience,
    ) -> Result<Whole, TransportFailure> {
        let url = request.url.clone();
        let request = self.request(reach, request, patience)?;
        failpoint::reach("before_send");
        let mut response = request.send().await.map_err(|error| TransportFailure::of(error, patience, reach, &url))?;
        let text = |name| {
            response.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok()).map(str::to_owned)
        };
        let (status, content_type, retry_after) =
            (response.status().as_u16(), text(header::CONTENT_TYPE), text(header::RETRY_AFTER));
        let encoding = text(header::CONTENT_ENCODING);
        // Room for all of it: a buffer that grows leaves copies of tokens behind.
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = Zeroizing::new(Vec::with_capacity(announced.unwrap_or(patience.largest).min(patience.largest)));
        let mut cut = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let (fits, surplus) = chunk.split_at(chunk.len().min(patience.largest - body.len()));
                    body.extend_from_slice(fits);
                    if !surplus.is_empty() {
                        break Some(too_large(patience));
                    }
                }
                Ok(None) => break None,
                Err(error) => break Some(format!("the reply broke off ({})", innermost(&error.without_url()))),
            }
        };
        failpoint::reach("after_reply");
        match encoding::decoded(body, encoding.as_deref(), patience.largest) {
            Ok(decoded) => {
                body = decoded.body;
                cut = cut.or(decoded.cut);
            }
            Err(why) => return Err(TransportFailure::cut_short(status, why)),
        }
        let whole = Whole { status, content_type, retry_after, body, at: self.now() };
        match cut {
            None => Ok(whole),
            Some(why) if (200..300).contains(&status) => Err(TransportFailure::Cut { why, so_far: Box::new(whole) }),
            Some(why) => Err(TransportFailure::cut_short(status, why)),
        }
    }

    /// Body and header are handed over as they are and wiped after use; a query with secrets (which the
    /// user chose) is copied into an address that can't be.
    fn request(
        &self,
        reach: &NetworkOptions,
        request: HttpRequest,
        patience: Patience,
    ) -> Result<reqwest::RequestBuilder, TransportFailure> {
        let method = match request.method {
            "GET" => reqwest::Method::GET,
            "DELETE" => reqwest::Method::DELETE,
            _ => reqwest::Method::POST,
        };
        let mut url = request.url;
        if let Some(query) = &request.query {
            let before = url.query().filter(|before| !before.is_empty()).map(|before| format!("{before}&"));
            let whole = Zeroizing::new([before.as_deref().unwrap_or_default(), query.as_str()].concat());
            url.set_query(Some(&whole));
        }
        let client = self.client(reach, &url)?;
        let mut builder =
            client.request(method.clone(), url).timeout(patience.whole).header(header::ACCEPT, "application/json");
        // Nothing else can be read while it arrives; what comes compressed anyway is inflated.
        builder = builder.header(header::ACCEPT_ENCODING, "identity");
        if let Some(authorization) = request.authorization {
            let mut value = header::HeaderValue::from_maybe_shared(Bytes::from_owner(authorization))
                .map_err(|_| TransportFailure::NotSent("the credentials don't fit into a header".into()))?;
            value.set_sensitive(true);
            builder = builder.header(header::AUTHORIZATION, value);
        }
        if let Some(content_type) = request.content_type {
            builder = builder.header(header::CONTENT_TYPE, content_type).body(Bytes::from_owner(request.body));
        } else if method == reqwest::Method::POST {
            // Without, a POST that has all of it in its query is refused with 411 (RFC 9110 §8.6).
            builder = builder.header(header::CONTENT_LENGTH, "0");
        }
        Ok(builder)
    }
}

fn too_large(patience: Patience) -> String {
    format!("the reply is larger than {} KiB", patience.largest / 1024)
}

/// No file of certificates is longer.
const CA_FILE: u64 = 1024 * 1024;

/// A client with its own limits: no redirects (RFC 9700; a 307 would carry the secrets along), no
/// proxy unless asked for, no kept connections (a stale one makes a refresh ambiguous).
fn client(reach: &NetworkOptions) -> Result<reqwest::Client, String> {
    // Fails where one was installed before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let text = |error: reqwest::Error| innermost(&error.without_url());
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT)
        .timeout(USUAL.whole)
        .user_agent(concat!("ringback/", env!("CARGO_PKG_VERSION")));
    let builder = match &reach.proxy {
        Proxy::None => builder.no_proxy(),
        Proxy::Environment => builder,
        Proxy::At(url) => builder.no_proxy().proxy(reqwest::Proxy::all(url.as_str()).map_err(text)?),
    };
    let own = reach.ca_file.as_deref().map_or(Ok(Vec::new()), certificates)?;
    let builder = match reach.roots {
        Roots::System => builder.tls_certs_merge(own),
        Roots::None if own.is_empty() => {
            return Err("`roots` is `none`, and there is no `ca_file`: nobody would be believed".into());
        }
        Roots::None => builder.tls_certs_only(own),
        Roots::Bundled => {
            let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
            let bundled = bundled.iter().filter_map(|der| reqwest::Certificate::from_der(der).ok());
            builder.tls_certs_only(bundled.chain(own))
        }
    };
    builder.build().map_err(text)
}

/// The certificates of a `ca_file`. A byte order mark in front would hide the first.
pub(super) fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, String> {
    let unfit = |why: &str| format!("ca_file {}: {why}", path.display());
    let mut pem = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| unfit(&error.to_string()))?;
    file.take(CA_FILE).read_to_end(&mut pem).map_err(|error| unfit(&error.to_string()))?;
    let pem = pem.strip_prefix(BOM).unwrap_or(&pem);
    let found = reqwest::Certificate::from_pem_bundle(pem).map_err(|_| unfit("it is not PEM"))?;
    if found.is_empty() { Err(unfit("there is no certificate in it")) } else { Ok(found) }
}

type ProviderLimits = Vec<(LimitKey, RateLimit)>;

/// What one request counts for: its endpoint, and all of the provider's together.
fn limits(dialect: &Dialect, client_id: &str, url: &Url) -> ProviderLimits {
    let key = |endpoint| LimitKey { authority: dialect.authority(), client_id: client_id.to_owned(), endpoint };
    let endpoint = || Some(format!("{}{}", url.origin().ascii_serialization(), url.path()));
    let of_endpoint = dialect.rate_limit_endpoint.map(|limit| (key(endpoint()), limit));
    let of_all = dialect.rate_limit.map(|limit| (key(None), limit));
    of_endpoint.into_iter().chain(of_all).collect()
}

/// A request on its way. It counts for its limits until it is dropped, and for their time after that.
struct Passage<'a> {
    wire: &'a HttpTransport,
    limits: ProviderLimits,
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if !self.limits.is_empty() {
            locked(&self.wire.limiter).answered(&self.limits, self.wire.clock.now().boot.0);
        }
    }
}

fn locked(limiter: &Mutex<Limiter>) -> std::sync::MutexGuard<'_, Limiter> {
    limiter.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A reply.
pub(super) struct Whole {
    pub(super) status: u16,
    content_type: Option<String>,
    retry_after: Option<String>,
    body: Zeroizing<Vec<u8>>,
    at: Wall,
}

impl Whole {
    /// The parts that parsing looks at.
    pub(super) fn received(&self) -> ReceivedReply<'_> {
        ReceivedReply {
            status: self.status,
            content_type: self.content_type.as_deref(),
            retry_after: self.retry_after.as_deref(),
            body: &self.body,
            at: self.at,
        }
    }
}

/// Why there is no complete reply.
pub(super) enum TransportFailure {
    /// Nothing was sent.
    NotSent(String),
    /// Nothing was sent: the host's circuit breaker is open.
    CircuitOpen(CircuitOpen),
    /// Nothing was decided: a reply began that says so, or the request was held back here.
    Busy { why: String, retry_after: Option<Duration> },
    /// The request may have arrived.
    Lost(String),
    /// A success whose end is missing.
    Cut { why: String, so_far: Box<Whole> },
}

impl TransportFailure {
    /// Only what fails before the connection stands is known not to have been sent. reqwest's own text
    /// holds the URL, which is dropped.
    fn of(error: reqwest::Error, patience: Patience, reach: &NetworkOptions, url: &Url) -> Self {
        let error = error.without_url();
        let why = unreached::words(&error, reach);
        if error.is_connect() || error.is_builder() {
            let proxy = unreached::proxy_advice(reach, url, &|name| std::env::var_os(name));
            let late = || format!("nobody answered within {} s", CONNECT.as_secs());
            let why = if error.is_timeout() { late() } else { why };
            Self::NotSent(format!("no connection ({why}){proxy}"))
        } else if error.is_timeout() {
            Self::Lost(format!("no reply within {} s", patience.whole.as_secs()))
        } else {
            Self::Lost(format!("the connection broke before the reply ({why})"))
        }
    }

    /// A reply whose body is missing: its status still tells whether anything may have been granted.
    fn cut_short(status: u16, why: String) -> Self {
        if (200..300).contains(&status) || status == 502 || status == 504 {
            Self::Lost(why)
        } else {
            Self::Busy { why, retry_after: None }
        }
    }

    /// One clause.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::NotSent(why)
            | Self::CircuitOpen(CircuitOpen { why, .. })
            | Self::Busy { why, .. }
            | Self::Lost(why)
            | Self::Cut { why, .. } => why,
        }
    }
}

impl From<CircuitOpen> for TransportFailure {
    fn from(open: CircuitOpen) -> Self {
        Self::CircuitOpen(open)
    }
}

impl From<TransportFailure> for AskError {
    fn from(failure: TransportFailure) -> Self {
        let retry_after = match &failure {
            TransportFailure::Busy { retry_after, .. } => *retry_after,
            TransportFailure::NotSent(_)
            | TransportFailure::CircuitOpen(_)
            | TransportFailure::Lost(_)
            | TransportFailure::Cut { .. } => None,
        };
        Self::Unreachable { why: failure.words().to_owned(), retry_after }
    }
}
