//! The HTTP client for authorization servers, and what it has in common with that for upstreams: time limits, and that it
//! is made on a thread that may block.

use std::time::Duration;

use super::tls;
use super::unreached::innermost;
use crate::oauth::dialect::{NetworkOptions, Proxy};
use crate::oauth::reply;

/// Time for the TCP and TLS handshakes.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// The limits of a reply: how long it may take, and how large it may be.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) whole: Duration,
    pub(super) largest: usize,
}

/// Short enough that a replay still falls into a grace window.
pub(super) const USUAL: Patience = Patience { whole: Duration::from_secs(15), largest: reply::LARGEST };

/// A client with its own limits: no redirects (RFC 9700; a 307 would carry the secrets along), no proxy unless
/// configured, no connection reuse (a stale connection makes a refresh ambiguous).
pub(super) fn client(reach: &NetworkOptions) -> Result<reqwest::Client, String> {
    let text = |error: reqwest::Error| innermost(&error.without_url());
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client_config(reach, &["http/1.1"])?)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(0)
        .http1_only()
        .timeout(USUAL.whole)
        // No connection outlives its request, which has a timeout.
        .tcp_keepalive(None)
        .tcp_keepalive_interval(None)
        .tcp_keepalive_retries(None)
        .user_agent(concat!("ringback/", env!("CARGO_PKG_VERSION")));
    let builder = match &reach.proxy {
        Proxy::None => builder.no_proxy(),
        Proxy::Environment => builder,
        Proxy::At(url) => builder.no_proxy().proxy(reqwest::Proxy::all(url.as_str()).map_err(text)?),
    };
    builder.build().map_err(text)
}

/// A client that is made on a thread that may block, since it reads every certificate that the system trusts. The error is
/// one clause.
pub(super) async fn set_up<C: Send + 'static>(
    reach: &NetworkOptions,
    make: fn(&NetworkOptions) -> Result<C, String>,
) -> Result<C, String> {
    let reach = reach.clone();
    let client = tokio::task::spawn_blocking(move || make(&reach)).await;
    let client = client.unwrap_or_else(|_| Err("its maker crashed".into()));
    client.map_err(|why| format!("the HTTP client could not be set up: {why}"))
}
