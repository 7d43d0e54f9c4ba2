//! How a connection to an upstream is made: the name is looked up and its addresses are checked, then TCP, a tunnel where
//! there is a proxy (RFC 9110 §9.3.6), and TLS.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::{BoxError, Service};

use super::client::CONNECT;
use super::tls;
use crate::oauth::dialect::{NetworkOptions, Proxy};
use crate::os::dead_peers::notice_dead_peers;
use crate::reverse_proxy::address;

type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;
type Tcp = HttpConnector<CheckedResolver>;
/// To the upstream, or to its proxy, which may want TLS itself.
type Hop = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Makes connections to upstreams, each within [`CONNECT`]. Shared, since hyper's client clones it for each request.
#[derive(Clone)]
pub(super) struct Connector(Arc<HttpsConnector<Route>>);

impl Connector {
    /// Blocks while it reads certificates. The error is one clause.
    pub(super) fn new(reach: &NetworkOptions) -> Result<Self, String> {
        let config = tls::client_config(reach, &["h2", "http/1.1"])?;
        let mut to_proxy = config.clone();
        to_proxy.alpn_protocols.clear();
        let proxies = match &reach.proxy {
            Proxy::None => None,
            Proxy::Environment => Some(Matcher::from_env()),
            Proxy::At(url) => Some(Matcher::builder().all(url.as_str()).build()),
        };
        let to_proxy = HttpsConnector::from((tcp(), to_proxy));
        let route = Route { proxies: proxies.map(Arc::new), direct: tcp(), to_proxy };
        Ok(Self(Arc::new(HttpsConnector::from((route, config)))))
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Hop>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, upstream: Uri) -> Self::Future {
        let connecting = HttpsConnector::clone(&self.0).call(upstream);
        Box::pin(async move { timeout(CONNECT, connecting).await? })
    }
}

fn tcp() -> Tcp {
    let mut tcp = HttpConnector::new_with_resolver(CheckedResolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    notice_dead_peers(&mut tcp);
    tcp
}

/// The way to an upstream: direct, or through a tunnel of the proxy that is configured for it.
#[derive(Clone)]
struct Route {
    proxies: Option<Arc<Matcher>>,
    direct: Tcp,
    to_proxy: HttpsConnector<Tcp>,
}

impl Service<Uri> for Route {
    type Response = Hop;
    type Error = BoxError;
    type Future = Connecting<Hop>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, upstream: Uri) -> Self::Future {
        match self.proxies.as_ref().and_then(|proxies| proxies.intercept(&upstream)) {
            None => {
                let connecting = self.direct.call(upstream);
                Box::pin(async move { Ok(MaybeHttpsStream::Http(connecting.await?)) })
            }
            Some(proxy) => self.tunneled(&proxy, upstream),
        }
    }
}

impl Route {
    fn tunneled(&self, proxy: &Intercept, upstream: Uri) -> Connecting<Hop> {
        let scheme = proxy.uri().scheme_str().unwrap_or_default();
        if !matches!(scheme, "http" | "https") {
            let why = format!("the proxy of the environment is {scheme}, and only http and https are supported");
            return Box::pin(async move { Err(io::Error::other(why).into()) });
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
        if let Some(password) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(password.clone());
        }
        Box::pin(async move { Ok(tunnel.call(upstream).await?) })
    }
}

/// The system's resolver, without addresses that an upstream can't have. It is asked for each connection, so that a name
/// that is pointed elsewhere later (DNS rebinding) is checked, too.
#[derive(Clone)]
struct CheckedResolver;

impl Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            checked(host, &found)?;
            Ok(found.into_iter())
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
}
