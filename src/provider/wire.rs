//! The HTTP transport: sends one request and receives its whole reply, or says why not. The only HTTP client of the
//! daemon.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hyper::body::Bytes;
use reqwest::header;
use url::Url;
use zeroize::Zeroizing;

use super::breaker::Breaker;
use super::client::{Patience, USUAL, client, set_up};
use super::credential::sensitive;
use super::encoding;
use super::failure::{TransportFailure, Whole};
use super::latency::ProviderLatency;
use super::limiter::{LimitKey, Limiter};
use super::proxy::is_loopback;
use super::unreached::innermost;
use crate::account::state::Priority;
use crate::clock::{Boot, Clock, Wall};
use crate::failpoint;
use crate::oauth::dialect::{Dialect, NetworkOptions, Proxy, RateLimit};
use crate::oauth::dpop;
use crate::oauth::exchange::HttpRequest;

const NONCE: header::HeaderName = header::HeaderName::from_static(dpop::NONCE_HEADER);
/// Room for a reply of unknown length, in bytes. One that is longer is moved.
const USUAL_REPLY: usize = 8 * 1024;

/// The HTTP transport to all providers.
pub(super) struct HttpTransport {
    /// One for each set of network options, set up when it is first needed: reading the system's root certificates
    /// takes longer than the rest of a start.
    clients: RwLock<HashMap<NetworkOptions, reqwest::Client>>,
    /// Held while a client is set up, so that many requests at once make one and not each its own (single-flight).
    making: tokio::sync::Mutex<()>,
    clock: Clock,
    /// By origin. Read on every request to a provider, written at the first request to an origin.
    breakers: RwLock<HashMap<String, Arc<Breaker>>>,
    limiter: Mutex<Limiter>,
    latency: ProviderLatency,
}

impl HttpTransport {
    pub(super) fn new(clock: Clock) -> Self {
        let latency = ProviderLatency::default();
        Self {
            clients: RwLock::default(),
            making: tokio::sync::Mutex::default(),
            clock,
            breakers: RwLock::default(),
            limiter: Mutex::default(),
            latency,
        }
    }

    /// The same, with histograms that others read.
    pub(super) fn with_latency(self, latency: ProviderLatency) -> Self {
        Self { latency, ..self }
    }

    pub(super) fn now(&self) -> Wall {
        self.clock.now().wall
    }

    pub(super) fn since_boot(&self) -> Boot {
        self.clock.now().boot
    }

    /// The client for `url`. A failure is not cached: certificates may be installed later.
    pub(super) async fn client(&self, reach: &NetworkOptions, url: &Url) -> Result<reqwest::Client, TransportFailure> {
        // No proxy is used for this machine itself.
        let loopback = is_loopback(url).then(|| NetworkOptions { proxy: Proxy::None, ..reach.clone() });
        self.client_by(loopback.unwrap_or_else(|| reach.clone())).await
    }

    /// The client with exactly these options.
    pub(super) async fn client_by(&self, reach: NetworkOptions) -> Result<reqwest::Client, TransportFailure> {
        if let Some(known) = self.known(&reach) {
            return Ok(known);
        }
        let _making = self.making.lock().await;
        if let Some(known) = self.known(&reach) {
            return Ok(known);
        }
        let made = set_up(&reach, client).await.map_err(TransportFailure::NotSent)?;
        if let Ok(mut clients) = self.clients.write() {
            clients.insert(reach, made.clone());
        }
        Ok(made)
    }

    fn known(&self, reach: &NetworkOptions) -> Option<reqwest::Client> {
        self.clients.read().ok().and_then(|clients| clients.get(reach).cloned())
    }

    /// Closes every circuit breaker.
    pub(super) fn forgive(&self) {
        if let Ok(breakers) = self.breakers.read() {
            breakers.values().for_each(|breaker| breaker.forgive());
        }
    }

    /// Drops all clients, so that each is set up again when it is next needed: files of certificates may have changed.
    /// Requests in flight keep their client.
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

    /// Sends a client's request to its provider, within the provider's rate limits.
    pub(super) async fn ask(
        &self,
        dialect: &Dialect,
        client_id: &str,
        request: HttpRequest,
        priority: Priority,
    ) -> Result<Whole, TransportFailure> {
        let limits = limits(dialect, client_id, &request.url);
        self.send(&dialect.reach, request, limits, USUAL, (priority, Some(&dialect.provider))).await
    }

    /// Fetches a public document.
    pub(super) async fn fetch(
        &self,
        reach: &NetworkOptions,
        url: Url,
        patience: Patience,
    ) -> Result<Whole, TransportFailure> {
        let (method, body) = ("GET", Zeroizing::default());
        let request =
            HttpRequest { method, url, query: None, authorization: None, dpop: None, content_type: None, body };
        self.send(reach, request, Vec::new(), patience, (Priority::Person, None)).await
    }

    /// `provider`: whose latency this is part of. A public document is nobody's.
    pub(super) async fn send(
        &self,
        reach: &NetworkOptions,
        request: HttpRequest,
        limits: ProviderLimits,
        patience: Patience,
        (priority, provider): (Priority, Option<&str>),
    ) -> Result<Whole, TransportFailure> {
        let patience = Patience { whole: failpoint::patience(patience.whole), ..patience };
        let breaker = self.breaker(&request.url.origin().ascii_serialization());
        let passing = breaker.admit(priority, self.clock.now().boot.0)?;
        let passage = self.pass(limits)?;
        let begun = self.clock.now().boot;
        let sent = self.send_through(reach, request, patience).await;
        drop(passage);
        if let Some(provider) = provider.filter(|_| !matches!(sent, Err(TransportFailure::NotSent(_)))) {
            self.latency.note(provider, begun.until(self.clock.now().boot));
        }
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
            why: "the rate limit of the provider is reached (`rate_limit`)".into(),
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
        let request = self.request(reach, request, patience).await?;
        failpoint::reach("before_send");
        let mut response = request.send().await.map_err(|error| TransportFailure::of(error, patience, reach, &url))?;
        let text = |name| {
            response.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok()).map(str::to_owned)
        };
        let (status, content_type, retry_after) =
            (response.status().as_u16(), text(header::CONTENT_TYPE), text(header::RETRY_AFTER));
        let (dpop_nonce, challenge) = (text(NONCE), text(header::WWW_AUTHENTICATE));
        let encoding = text(header::CONTENT_ENCODING);
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = Zeroizing::new(Vec::with_capacity(announced.unwrap_or(USUAL_REPLY).min(patience.largest)));
        let mut cut = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let (fits, surplus) = chunk.split_at(chunk.len().min(patience.largest - body.len()));
                    make_room(&mut body, fits.len());
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
        let whole = Whole { status, content_type, retry_after, dpop_nonce, challenge, body, at: self.now() };
        match cut {
            None => Ok(whole),
            Some(why) if (200..300).contains(&status) => Err(TransportFailure::Cut { why, so_far: Box::new(whole) }),
            Some(why) => Err(TransportFailure::cut_short(status, why)),
        }
    }

    /// Body and header are passed on without a copy and wiped after use; a query with secrets (which the user chose) is
    /// copied into a URL, which can't be wiped.
    async fn request(
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
        let client = self.client(reach, &url).await?;
        let mut builder =
            client.request(method.clone(), url).timeout(patience.whole).header(header::ACCEPT, "application/json");
        // Asks for an uncompressed reply; one that is compressed anyway is inflated.
        builder = builder.header(header::ACCEPT_ENCODING, "identity");
        if let Some(authorization) = request.authorization {
            let unfit = |_| TransportFailure::NotSent("the credentials are not valid in a header".into());
            builder = builder.header(header::AUTHORIZATION, sensitive(authorization).map_err(unfit)?);
        }
        if let Some(proof) = request.dpop {
            let unfit = |_| TransportFailure::NotSent("the DPoP proof is not valid in a header".into());
            builder = builder.header(dpop::HEADER, sensitive(proof).map_err(unfit)?);
        }
        if let Some(content_type) = request.content_type {
            builder = builder.header(header::CONTENT_TYPE, content_type).body(Bytes::from_owner(request.body));
        } else if method == reqwest::Method::POST {
            // Without it, a POST that has all of its parameters in the query is refused with 411 (RFC 9110 §8.6).
            builder = builder.header(header::CONTENT_LENGTH, "0");
        }
        Ok(builder)
    }
}

/// Room for `more` bytes. What a buffer leaves behind when it grows is wiped.
fn make_room(body: &mut Zeroizing<Vec<u8>>, more: usize) {
    let needed = body.len().saturating_add(more);
    if needed > body.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.saturating_mul(2)));
        larger.extend_from_slice(body);
        *body = larger;
    }
}

fn too_large(patience: Patience) -> String {
    format!("the reply is larger than {} KiB", patience.largest / 1024)
}

type ProviderLimits = Vec<(LimitKey, RateLimit)>;

/// The limits that a request counts against: its endpoint's, and that of all of the provider's together.
fn limits(dialect: &Dialect, client_id: &str, url: &Url) -> ProviderLimits {
    let key = |endpoint| LimitKey { authority: dialect.authority(), client_id: client_id.to_owned(), endpoint };
    let endpoint = || Some(format!("{}{}", url.origin().ascii_serialization(), url.path()));
    let of_endpoint = dialect.rate_limit_endpoint.map(|limit| (key(endpoint()), limit));
    let of_all = dialect.rate_limit.map(|limit| (key(None), limit));
    of_endpoint.into_iter().chain(of_all).collect()
}

/// A request in flight. It counts against its limits until it is dropped, and for their windows after that.
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
