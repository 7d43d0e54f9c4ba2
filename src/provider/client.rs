//! The HTTP client: its timeouts, its proxy, and the certificate authorities that it trusts.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use super::unreached::innermost;
use crate::oauth::dialect::{NetworkOptions, Proxy, Roots};
use crate::oauth::reply;
use crate::secret::text::BOM;

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

/// Whether a `ca_file` can be read and has a certificate in it; blocks while it reads the small file. The error is one
/// clause.
pub(crate) fn check_ca_file(path: &Path) -> Result<(), String> {
    certificates(path).map(drop)
}

/// Largest file of certificates, in bytes.
const CA_FILE: u64 = 1024 * 1024;

/// A client with its own limits: no redirects (RFC 9700; a 307 would carry the secrets along), no proxy unless
/// configured, no connection reuse (a stale connection makes a refresh ambiguous).
pub(super) fn client(reach: &NetworkOptions) -> Result<reqwest::Client, String> {
    let builder = builder()
        .pool_max_idle_per_host(0)
        .http1_only()
        .timeout(USUAL.whole)
        // No connection outlives its request, which has a timeout.
        .tcp_keepalive(None)
        .tcp_keepalive_interval(None)
        .tcp_keepalive_retries(None)
        .user_agent(concat!("ringback/", env!("CARGO_PKG_VERSION")));
    reaching(builder, reach)
}

/// A client that is made on a thread that may block, since it reads every certificate that the system trusts. The error is
/// one clause.
pub(super) async fn set_up(
    reach: &NetworkOptions,
    make: fn(&NetworkOptions) -> Result<reqwest::Client, String>,
) -> Result<reqwest::Client, String> {
    let reach = reach.clone();
    let client = tokio::task::spawn_blocking(move || make(&reach)).await;
    let client = client.unwrap_or_else(|_| Err("its maker crashed".into()));
    client.map_err(|why| format!("the HTTP client could not be set up: {why}"))
}

/// What every client has: no redirects, and a limit for the handshakes.
pub(super) fn builder() -> reqwest::ClientBuilder {
    // Fails if one is installed already, which is just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT)
}

/// The client, with its proxy and the certificate authorities that it trusts.
pub(super) fn reaching(builder: reqwest::ClientBuilder, reach: &NetworkOptions) -> Result<reqwest::Client, String> {
    let text = |error: reqwest::Error| innermost(&error.without_url());
    let builder = match &reach.proxy {
        Proxy::None => builder.no_proxy(),
        Proxy::Environment => builder,
        Proxy::At(url) => builder.no_proxy().proxy(reqwest::Proxy::all(url.as_str()).map_err(text)?),
    };
    let own = reach.ca_file.as_deref().map_or(Ok(Vec::new()), certificates)?;
    let builder = match reach.roots {
        Roots::System => builder.tls_certs_merge(own),
        Roots::None if own.is_empty() => {
            return Err("`roots` is `none`, and there is no `ca_file`: no certificate would be trusted".into());
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
