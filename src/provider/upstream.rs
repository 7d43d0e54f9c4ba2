//! The HTTP client of the reverse proxy: sends a request to an account's upstream, and gives the reply as soon as its head
//! is there. Connections are kept and shared (HTTP/2 where the upstream has it).

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use hyper::body::{Body as HttpBody, Bytes};
use hyper::header::HeaderMap;
use hyper::{Method, Response};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Mutex;
use tokio::time::timeout;
use url::Url;

use super::client::{CONNECT, builder, reaching, set_up};
pub(crate) use super::credential::Credential;
use super::dpop_nonces::DpopNonces;
use super::proxy::{is_loopback, proxy_advice};
use super::unreached;
use crate::oauth::dialect::{NetworkOptions, Proxy};
use crate::reverse_proxy::address;

/// The body of a request or a reply.
pub(crate) type UpstreamBody = reqwest::Body;

/// How long a connection is kept that nobody uses: less than servers keep theirs, as a rule.
const IDLE: Duration = Duration::from_secs(30);
/// By which it is noticed that the other end of a silent stream is gone. No packet of HTTP goes out for it.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);
/// How many requests share a client, and so how many connections it keeps to a host while nobody uses them. All that it
/// sends to a host over HTTP/2 is on one connection, where servers take about a hundred at a time and let the others wait
/// (RFC 9113 §5.1.2 recommends no fewer).
const SHARING: usize = 64;

/// The clients to all upstreams. Cheap to clone.
#[derive(Clone, Default)]
pub struct Upstreams {
    clients: Arc<RwLock<HashMap<NetworkOptions, Vec<SharedClient>>>>,
    /// Held while a client is made, so that many requests at once make one and not each its own (single-flight).
    making: Arc<Mutex<()>>,
    nonces: DpopNonces,
}

/// A client, and who uses it.
#[derive(Clone)]
struct SharedClient {
    client: reqwest::Client,
    users: Arc<()>,
}

/// A place at a client, until it is dropped: as long as the reply lasts.
pub(crate) struct Lease(#[expect(dead_code, reason = "it counts for as long as it lives")] Arc<()>);

/// A request to an upstream.
pub(crate) struct UpstreamRequest<'a> {
    /// Its method.
    pub(crate) method: Method,
    /// Where it goes.
    pub(crate) url: &'a Url,
    /// All lines, without those that frame the body.
    pub(crate) headers: HeaderMap,
    /// The body; `None` if there is none.
    pub(crate) body: Option<UpstreamBody>,
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
    ) -> Result<(Response<UpstreamBody>, Lease), NoReply> {
        let UpstreamRequest { method, url, headers, body } = request;
        let reach = if is_loopback(url) { &NetworkOptions { proxy: Proxy::None, ..reach.clone() } } else { reach };
        let SharedClient { client, users } = self.client(reach).await.map_err(NoReply::Unreachable)?;
        let mut request = reqwest::Request::new(method, url.clone());
        *request.headers_mut() = headers;
        *request.body_mut() = body;
        let mut reply = std::pin::pin!(client.execute(request));
        let mut seen = progress.steps().load(Ordering::Acquire);
        loop {
            let Ok(answered) = timeout(patience, reply.as_mut()).await else {
                let now = progress.steps().load(Ordering::Acquire);
                if std::mem::replace(&mut seen, now) != now {
                    continue;
                }
                return Err(NoReply::TooLate(format!("it has not answered for {} s", patience.as_secs())));
            };
            return answered.map(|reply| (reply.into(), Lease(users))).map_err(|error| no_reply(error, reach, url));
        }
    }

    /// Drops all clients: files of certificates may have changed. Requests in flight keep theirs.
    pub(super) fn forget_clients(&self) {
        if let Ok(mut clients) = self.clients.write() {
            clients.clear();
        }
    }

    /// A client with a place left. A failure is not cached: certificates may be installed later.
    async fn client(&self, reach: &NetworkOptions) -> Result<SharedClient, String> {
        if let Some(known) = self.known(reach) {
            return Ok(known);
        }
        let _making = self.making.lock().await;
        if let Some(known) = self.known(reach) {
            return Ok(known);
        }
        let made = SharedClient { client: set_up(reach, make).await?, users: Arc::new(()) };
        if let Ok(mut clients) = self.clients.write() {
            clients.entry(reach.clone()).or_default().push(made.clone());
        }
        Ok(made)
    }

    fn known(&self, reach: &NetworkOptions) -> Option<SharedClient> {
        // One user is the list itself.
        let has_place = |shared: &&SharedClient| Arc::strong_count(&shared.users) <= SHARING;
        self.clients.read().ok().and_then(|all| all.get(reach)?.iter().find(has_place).cloned())
    }
}

/// A client; blocks while it reads certificates.
fn make(reach: &NetworkOptions) -> Result<reqwest::Client, String> {
    let made = builder()
        .pool_max_idle_per_host(SHARING)
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(TCP_KEEPALIVE)
        .tcp_nodelay(true)
        .dns_resolver(Arc::new(CheckedResolver));
    reaching(made, reach)
}

/// A body for a request. It is shared between threads only as a whole.
pub(crate) fn body<B>(body: B) -> UpstreamBody
where
    B: HttpBody<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + Sync + 'static,
{
    UpstreamBody::wrap(body)
}

/// The words of a connection that broke after the head of its reply.
pub(crate) fn broke_off(error: &reqwest::Error) -> String {
    unreached::innermost(error)
}

fn no_reply(error: reqwest::Error, reach: &NetworkOptions, url: &Url) -> NoReply {
    let error = error.without_url();
    if error.is_connect() && error.is_timeout() {
        return NoReply::TooLate(format!("there was no connection within {} s", CONNECT.as_secs()));
    }
    let why = unreached::words(&error, reach);
    if error.is_connect() {
        let proxy = proxy_advice(reach, url, &|name| std::env::var_os(name));
        return NoReply::Unreachable(format!("there is no connection ({why}){proxy}"));
    }
    NoReply::Unreachable(format!("the connection broke before the reply ({why})"))
}

/// The system's resolver, without addresses that an upstream can't have. It is asked for each connection, so that a name
/// that is pointed elsewhere later (DNS rebinding) is checked, too.
struct CheckedResolver;

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            checked(host, &found)?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// One unfit address refuses all: the name is not to be trusted then.
fn checked(host: &str, found: &[SocketAddr]) -> io::Result<()> {
    let unfit = found.iter().find_map(|at| Some((at.ip(), address::refused(host, at.ip())?)));
    unfit.map_or(Ok(()), |(at, why)| {
        Err(io::Error::other(format!("its name resolves to {at}, which {why}: no upstream can be there")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_was_pointed_here_is_refused_whatever_else_it_resolves_to() {
        let at = |address: &str| SocketAddr::new(address.parse().unwrap(), 0);
        for (host, found, fit) in [
            ("api.example", &["93.184.216.34", "2606:2800::1"][..], true),
            ("localhost", &["127.0.0.1", "::1"], true),
            ("api.example", &["93.184.216.34", "127.0.0.1"], false),
            ("api.example", &["169.254.169.254"], false),
        ] {
            let found: Vec<_> = found.iter().map(|address| at(address)).collect();
            assert_eq!(checked(host, &found).is_ok(), fit, "{host} at {found:?}");
        }
    }

    #[tokio::test]
    async fn a_client_is_shared_by_so_many_requests() {
        let (upstreams, reach) = (Upstreams::default(), NetworkOptions::default());
        let at_once = (0..SHARING).map(|_| upstreams.client(&reach));
        let users: Vec<_> = futures_util::future::join_all(at_once).await.into_iter().map(Result::unwrap).collect();
        assert!(users.iter().all(|other| Arc::ptr_eq(&other.users, &users[0].users)), "one is made for all");
        let next = upstreams.client(&reach).await.unwrap();
        assert!(!Arc::ptr_eq(&next.users, &users[0].users));
        drop(users);
        assert!(
            !Arc::ptr_eq(&upstreams.client(&reach).await.unwrap().users, &next.users),
            "the first has places again"
        );
    }
}
