//! The HTTP client of the reverse proxy: sends a request to an account's upstream, and gives the reply as soon as its head
//! is there. Connections are kept and shared (HTTP/2 where the upstream has it).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Body as HttpBody, Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::{Method, Request, Response, Uri};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tower::BoxError;
use url::Url;

use super::client::{CONNECT, set_up};
use super::connector::Connector;
pub(crate) use super::credential::Credential;
use super::dpop_nonces::DpopNonces;
use super::proxy::{is_loopback, proxy_advice};
use super::unreached;
use crate::oauth::dialect::{NetworkOptions, Proxy};

type BoxedBody = UnsyncBoxBody<Bytes, BoxError>;
/// Without what reqwest does for each request beyond this: it parses the URL twice more for redirects, which are not followed
/// here, and keeps a copy for repetitions.
type HttpClient = legacy::Client<Connector, BoxedBody>;

/// How long a connection is kept that nobody uses: less than servers keep theirs, as a rule.
const IDLE: Duration = Duration::from_secs(30);
/// How often a request is sent again that the upstream has not looked at, if its body is there.
const REPEATS: u32 = 2;
/// How many requests share a client, and so how many connections it keeps to a host while nobody uses them. All that it
/// sends to a host over HTTP/2 is on one connection, where servers take about a hundred at a time and let the others wait
/// (RFC 9113 §5.1.2 recommends no fewer).
const SHARING: usize = 64;

/// The clients to all upstreams. Cheap to clone.
#[derive(Clone, Default)]
pub struct Upstreams {
    clients: Arc<RwLock<HashMap<NetworkOptions, Vec<Arc<HttpClient>>>>>,
    /// Held while a client is made, so that many requests at once make one and not each its own (single-flight).
    making: Arc<Mutex<()>>,
    nonces: DpopNonces,
}

/// A client, with a place at it until this is dropped: as long as the reply lasts.
pub(crate) struct Lease(Arc<HttpClient>);

/// A request to an upstream.
pub(crate) struct UpstreamRequest<'a> {
    /// Its method.
    pub(crate) method: Method,
    /// Where it goes.
    pub(crate) url: &'a Url,
    /// All lines, without those that frame the body.
    pub(crate) headers: HeaderMap,
    /// The body; `None` if there is none.
    pub(crate) body: Option<RequestBody>,
}

/// The body of a request.
pub(crate) enum RequestBody {
    /// It is there, and can be sent again.
    Whole(Bytes),
    /// It is still coming.
    Streamed(BoxedBody),
}

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// There is no connection, or it broke: one clause.
    Unreachable(String),
    /// It took too long: one clause.
    TooLate(String),
}

/// How much of a request's body has been taken, for [`Upstreams::send`].
pub(crate) trait Progress {
    /// It grows with each part, and at the end.
    fn steps(&self) -> &AtomicU64;
}

impl Upstreams {
    /// The nonces of upstreams, for DPoP proofs (RFC 9449 §9). An authorization server on the same host has its own.
    pub(crate) fn nonces(&self) -> &DpopNonces {
        &self.nonces
    }

    /// Sends a request and waits for the head of the reply, for `patience` after the last part of its body was taken.
    pub(crate) async fn send(
        &self,
        reach: &NetworkOptions,
        request: UpstreamRequest<'_>,
        progress: &impl Progress,
        patience: Duration,
    ) -> Result<(Response<Incoming>, Lease), NoReply> {
        let UpstreamRequest { method, url, mut headers, mut body } = request;
        let reach = if is_loopback(url) { &NetworkOptions { proxy: Proxy::None, ..reach.clone() } } else { reach };
        let lease = match self.known(reach) {
            Some(known) => known,
            None => Box::pin(self.made(reach)).await.map_err(NoReply::Unreachable)?,
        };
        let uri = Uri::try_from(url.as_str()).map_err(|error| NoReply::Unreachable(error.to_string()))?;
        // Only HTTP/2 says that a request was not processed, which takes TLS here.
        let can_repeat = url.scheme() == "https" && !matches!(body, Some(RequestBody::Streamed(_)));
        let mut repeats = if can_repeat { REPEATS } else { 0 };
        let sending = async {
            loop {
                let kept = (repeats > 0).then(|| (headers.clone(), body.as_ref().and_then(RequestBody::again)));
                let mut request = Request::new(RequestBody::sent(body));
                (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) =
                    (method.clone(), uri.clone(), headers);
                match (lease.0.request(request).await, kept) {
                    (Err(error), Some(kept)) if is_unprocessed(&error) => {
                        ((headers, body), repeats) = (kept, repeats - 1);
                    }
                    (answered, _) => break answered,
                }
            }
        };
        match head_of(sending, progress, patience).await {
            Some(Ok(reply)) => Ok((reply, lease)),
            Some(Err(error)) => Err(no_reply(&error, reach, url)),
            None => Err(NoReply::TooLate(format!("it has not answered for {} s", patience.as_secs()))),
        }
    }

    /// Drops all clients: files of certificates may have changed. Requests in flight keep theirs.
    pub(super) fn forget_clients(&self) {
        if let Ok(mut clients) = self.clients.write() {
            clients.clear();
        }
    }

    /// A client with a place left.
    fn known(&self, reach: &NetworkOptions) -> Option<Lease> {
        // One user is the list itself.
        let has_place = |shared: &&Arc<HttpClient>| Arc::strong_count(shared) <= SHARING;
        self.clients.read().ok().and_then(|all| all.get(reach)?.iter().find(has_place).cloned()).map(Lease)
    }

    /// The same, which is made unless somebody has done so meanwhile. A failure is not cached: certificates may be installed
    /// later.
    async fn made(&self, reach: &NetworkOptions) -> Result<Lease, String> {
        let _making = self.making.lock().await;
        if let Some(known) = self.known(reach) {
            return Ok(known);
        }
        let made = Arc::new(set_up(reach, make).await?);
        if let Ok(mut clients) = self.clients.write() {
            clients.entry(reach.clone()).or_default().push(Arc::clone(&made));
        }
        Ok(Lease(made))
    }
}

/// The head of a reply; `None`: it took longer than `patience`, after the last part of the request's body was taken.
async fn head_of<T>(reply: impl Future<Output = T>, progress: &impl Progress, patience: Duration) -> Option<T> {
    let mut reply = std::pin::pin!(reply);
    let mut seen = progress.steps().load(Ordering::Acquire);
    loop {
        if let Ok(answered) = timeout(patience, reply.as_mut()).await {
            return Some(answered);
        }
        let now = progress.steps().load(Ordering::Acquire);
        if std::mem::replace(&mut seen, now) == now {
            return None;
        }
    }
}

/// A client; blocks while it reads certificates.
fn make(reach: &NetworkOptions) -> Result<HttpClient, String> {
    let connector = Connector::new(reach)?;
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(SHARING);
    Ok(builder.build(connector))
}

impl RequestBody {
    /// One that comes in parts.
    pub(crate) fn streamed<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        Self::Streamed(body.map_err(Into::into).boxed_unsync())
    }

    /// The same once more.
    fn again(&self) -> Option<Self> {
        match self {
            Self::Whole(bytes) => Some(Self::Whole(bytes.clone())),
            Self::Streamed(_) => None,
        }
    }

    fn sent(body: Option<Self>) -> BoxedBody {
        match body {
            None => Empty::new().map_err(|never| match never {}).boxed_unsync(),
            Some(Self::Whole(bytes)) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
            Some(Self::Streamed(body)) => body,
        }
    }
}

/// The words of a connection that broke after the head of its reply.
pub(crate) fn broke_off(error: &hyper::Error) -> String {
    unreached::innermost(error)
}

fn no_reply(error: &legacy::Error, reach: &NetworkOptions, url: &Url) -> NoReply {
    let why = unreached::words(error, reach);
    if !error.is_connect() {
        return NoReply::Unreachable(format!("the connection broke before the reply ({why})"));
    }
    if unreached::is_timeout(error) {
        return NoReply::TooLate(format!("there was no connection within {} s", CONNECT.as_secs()));
    }
    let proxy = proxy_advice(reach, url, &|name| std::env::var_os(name));
    NoReply::Unreachable(format!("there is no connection ({why}){proxy}"))
}

/// Whether the upstream says that it has not looked at the request (RFC 9113 §8.7): it is going away, or refused the stream.
fn is_unprocessed(error: &legacy::Error) -> bool {
    let Some(error) = unreached::cause::<h2::Error>(error).filter(|error| error.is_remote()) else { return false };
    let leaves = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    leaves || error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_is_shared_by_so_many_requests() {
        let (upstreams, reach) = (Upstreams::default(), NetworkOptions::default());
        let at_once = (0..SHARING).map(|_| upstreams.made(&reach));
        let users: Vec<_> = futures_util::future::join_all(at_once).await.into_iter().map(Result::unwrap).collect();
        assert!(users.iter().all(|other| Arc::ptr_eq(&other.0, &users[0].0)), "one is made for all");
        let next = upstreams.made(&reach).await.unwrap();
        assert!(!Arc::ptr_eq(&next.0, &users[0].0));
        drop(users);
        assert!(!Arc::ptr_eq(&upstreams.made(&reach).await.unwrap().0, &next.0), "the first has places again");
    }
}
