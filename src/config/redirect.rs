//! The redirect URI of an account: what may be registered, and when two accounts conflict.

use std::net::SocketAddr;

use toml::de::DeValue;
use url::Url;

use super::problem::Problem;
use super::value::{plain_url, text};
use crate::loopback::is_loopback;
use crate::oauth::grant::GrantType;
use crate::routes::ambiguous::ambiguity;
use crate::routes::is_reserved;

/// The ports that browsers omit.
const DEFAULT_PORT: &str = ":80";
const DEFAULT_TLS_PORT: &str = ":443";

/// The redirect URI of an account that names none, from the daemon's first TCP listener.
pub fn default_redirect_uri(listener: SocketAddr, provider: &str) -> String {
    // A browser leaves the default port out of `Host`, so it must not be in the URI either.
    let origin = format!("http://{listener}");
    format!("{}/callback/{provider}", origin.strip_suffix(DEFAULT_PORT).unwrap_or(&origin))
}

/// Whether a login sends the browser to a redirect URI.
pub(crate) fn comes_back(grant: GrantType) -> bool {
    matches!(grant, GrantType::AuthorizationCode | GrantType::Implicit)
}

/// The target of a redirect: listeners distinguish targets by port and path, not by host.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
pub(super) struct RedirectTarget {
    port: u16,
    path: String,
}

impl RedirectTarget {
    /// `None` if it is not a URI, or has port 0, which means any.
    pub(super) fn of(redirect_uri: &str) -> Option<Self> {
        let url = Url::parse(redirect_uri).ok()?;
        let port = url.port_or_known_default().filter(|port| *port != 0)?;
        Some(Self { port, path: url.path().to_owned() })
    }

    /// Whether it has the port of one of these listeners.
    pub(super) fn is_at(&self, listeners: &[SocketAddr]) -> bool {
        listeners.iter().any(|listener| listener.port() == self.port)
    }

    /// Whether the daemon answers there with something else.
    pub(super) fn is_taken(&self, listeners: &[SocketAddr]) -> bool {
        is_reserved(&self.path, self.is_at(listeners))
    }
}

/// A literal redirect URI: on loopback (RFC 8252 §7.3), with a path, in the form in which the browser will request it.
pub(super) fn redirect_uri(value: &DeValue<'_>) -> Result<String, Problem> {
    let literal = text(value)?;
    let url = plain_url(&literal)?;
    let default_port = match url.scheme() {
        "http" => DEFAULT_PORT,
        "https" => DEFAULT_TLS_PORT,
        other => return Err(Problem::new(format!("uses `{other}`"))),
    };
    if !is_loopback(&url) {
        return Err(Problem::new("has a host beyond loopback"));
    }
    let authority = literal.split_once("://").map_or("", |(_, rest)| rest);
    if !authority.contains('/') {
        return Err(Problem::new("has no path"));
    }
    // The browser's request is compared without its query, which has the authorization response.
    if url.query().is_some() {
        return Err(Problem::new("has a query (`?`), but providers append their own parameters"));
    }
    if url.port() == Some(0) {
        return Err(Problem::new("has port 0, which a browser can't connect to"));
    }
    if authority.split('/').next().is_some_and(|origin| origin.ends_with(default_port)) {
        let what = format!("has the default port `{default_port}`, which browsers omit when they come back");
        let problem = Problem::new(what);
        return Err(problem.nearest(Some(url.as_str())));
    }
    // RFC 8252 §7.3 names these; the gate accepts no others.
    if !matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost")) {
        return Err(Problem::new("has a host that the daemon does not answer to"));
    }
    if url.as_str() != literal {
        return Err(Problem::new("is not in its normal form").nearest(Some(url.as_str())));
    }
    if ambiguity(url.path()).is_some() {
        return Err(Problem::new(
            "has a path that the daemon refuses as ambiguous (`//`, or an escape of a separator)",
        ));
    }
    Ok(literal)
}
