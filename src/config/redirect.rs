//! The redirect URI of an account: what may be registered, and when two accounts get in each other's
//! way.

use std::net::SocketAddr;

use toml::de::DeValue;
use url::Url;

use super::problem::Problem;
use super::value::{is_loopback, plain_url, text};

/// Response parameters (RFC 6749 §4.1.2, RFC 9207): in the query of a redirect URI they would come twice.
const RESPONSE: [&str; 6] = ["code", "state", "error", "error_description", "error_uri", "iss"];

/// What the daemon itself serves on its TCP listeners; a redirect can't arrive there.
const OWN_ROUTES: [&str; 4] = ["/", "/token", "/healthz", "/metrics"];

/// As [`OWN_ROUTES`], with everything below.
const OWN_FOLDERS: [&str; 2] = ["/v1/", "/login/"];

/// The redirect URI of an account that names none, from the daemon's first TCP listener.
pub fn default_redirect_uri(listener: SocketAddr, provider: &str) -> String {
    format!("http://{listener}/callback/{provider}")
}

/// Where a redirect arrives: listeners tell by port and path, not by host.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
pub(super) struct Arrival {
    port: u16,
    path: String,
}

impl Arrival {
    /// `None` for what is no URI, or has port 0, which means any.
    pub(super) fn of(redirect_uri: &str) -> Option<Self> {
        let url = Url::parse(redirect_uri).ok()?;
        let port = url.port_or_known_default().filter(|port| *port != 0)?;
        Some(Self { port, path: url.path().to_owned() })
    }

    /// Whether the daemon answers there with something else.
    pub(super) fn is_taken(&self, listeners: &[SocketAddr]) -> bool {
        let path = self.path.as_str();
        listeners.iter().any(|listener| listener.port() == self.port)
            && (OWN_ROUTES.contains(&path) || OWN_FOLDERS.iter().any(|folder| path.starts_with(folder)))
    }
}

/// A literal redirect URI: http on loopback (RFC 8252 §7.3), with a path, in the form in which the
/// browser will ask for it.
pub(super) fn redirect_uri(value: &DeValue<'_>) -> Result<String, Problem> {
    let literal = text(value)?;
    let url = plain_url(&literal)?;
    if url.scheme() != "http" {
        return Err(Problem::new(format!("uses `{}`", url.scheme())));
    }
    if !is_loopback(&url) {
        return Err(Problem::new("has a host beyond loopback"));
    }
    let authority = literal.split_once("://").map_or("", |(_, rest)| rest);
    if !authority.contains('/') {
        return Err(Problem::new("has no path"));
    }
    if let Some((name, _)) = url.query_pairs().find(|(name, _)| RESPONSE.contains(&name.as_ref())) {
        return Err(Problem::new(format!("has `{name}` in its query, which the answer brings")));
    }
    // `:80` is the only difference that a browser hides and the provider still compares.
    if url.as_str() != literal && url.as_str() != literal.replacen(":80/", "/", 1) {
        return Err(Problem::new("is not in its normal form").nearest(Some(url.as_str())));
    }
    Ok(literal)
}
