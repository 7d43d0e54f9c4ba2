//! The redirect URI of an account: what may be registered, and when two accounts get in each other's
//! way.

use std::net::SocketAddr;

use toml::de::DeValue;
use url::Url;

use super::problem::Problem;
use super::value::{plain_url, text};
use crate::loopback::is_loopback;
use crate::oauth::grant::GrantType;

/// Every path that the daemon's router has, on each of its doors: a redirect can't arrive there, whatever
/// its port. `http::routes` is tested against it; `{}` stands for one segment.
pub const ROUTED: [&str; 36] = [
    "/do/app-remove",
    "/do/consent",
    "/do/end",
    "/do/login",
    "/do/login-answer",
    "/do/logout",
    "/do/refresh",
    "/favicon.ico",
    "/healthz",
    "/login/outcome/{}",
    "/login/start/{}",
    "/open/{}",
    "/static/fragment.js",
    "/static/style.css",
    "/token",
    "/v1/accounts",
    "/v1/accounts/{}",
    "/v1/accounts/{}/import",
    "/v1/accounts/{}/info",
    "/v1/accounts/{}/login",
    "/v1/accounts/{}/refresh",
    "/v1/accounts/{}/rejected",
    "/v1/accounts/{}/token",
    "/v1/apps",
    "/v1/apps/{}",
    "/v1/apps/{}/rotate",
    "/v1/consents",
    "/v1/consents/{}",
    "/v1/events",
    "/v1/lock",
    "/v1/logins/{}",
    "/v1/logins/{}/answer",
    "/v1/logins/{}/paste",
    "/v1/providers/{}/accept",
    "/v1/sessions",
    "/v1/unlock",
];

/// What is kept free on the daemon's own listeners beyond [`ROUTED`].
const KEPT: [&str; 2] = ["/", "/metrics"];
/// As [`KEPT`], with everything below.
const KEPT_FOLDERS: [&str; 5] = ["/v1/", "/login/", "/static/", "/open/", "/do/"];

const DEFAULT_PORT: &str = ":80";

/// The redirect URI of an account that names none, from the daemon's first TCP listener.
pub fn default_redirect_uri(listener: SocketAddr, provider: &str) -> String {
    // A browser leaves the default port out of `Host`, so it must not be in the URI either.
    let origin = format!("http://{listener}");
    format!("{}/callback/{provider}", origin.strip_suffix(DEFAULT_PORT).unwrap_or(&origin))
}

/// Whether a login sends the browser to a redirect URI.
pub(super) fn comes_back(grant: GrantType) -> bool {
    matches!(grant, GrantType::AuthorizationCode | GrantType::Implicit)
}

/// Where a redirect arrives: listeners tell by port and path, not by host.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
pub(super) struct RedirectTarget {
    port: u16,
    path: String,
}

impl RedirectTarget {
    /// `None` for what is no URI, or has port 0, which means any.
    pub(super) fn of(redirect_uri: &str) -> Option<Self> {
        let url = Url::parse(redirect_uri).ok()?;
        let port = url.port_or_known_default().filter(|port| *port != 0)?;
        Some(Self { port, path: url.path().to_owned() })
    }

    /// Whether the daemon answers there with something else.
    pub(super) fn is_taken(&self, listeners: &[SocketAddr]) -> bool {
        let path = self.path.as_str();
        let kept = KEPT.contains(&path) || KEPT_FOLDERS.iter().any(|folder| path.starts_with(folder));
        let here = listeners.iter().any(|listener| listener.port() == self.port);
        ROUTED.iter().any(|template| fits(template, path)) || (here && kept)
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == found || (wanted == "{}" && !found.is_empty()) => {}
            _ => return false,
        }
    }
}

/// What the daemon's gate refuses in every path.
fn is_ambiguous(path: &str) -> bool {
    let odd = |after: &str| match after.get(..2).map(|digits| u8::from_str_radix(digits, 16)) {
        Some(Ok(byte)) => byte < 0x20 || b"/\\.%\x7f".contains(&byte),
        _ => true,
    };
    path.contains("//") || path.split('%').skip(1).any(odd)
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
    // What the browser asks for is compared without its query, which is the answer's.
    if url.query().is_some() {
        return Err(Problem::new(
            "has a query (`?`), and the answer brings its own: providers append their parameters",
        ));
    }
    if url.port() == Some(0) {
        return Err(Problem::new("has port 0, where nobody can listen: a browser could not come back"));
    }
    if authority.split('/').next().is_some_and(|origin| origin.ends_with(DEFAULT_PORT)) {
        let problem = Problem::new("has the default port `:80` in it, which browsers leave out when they come back");
        return Err(problem.nearest(Some(url.as_str())));
    }
    // RFC 8252 §7.3 names these; the gate knows no others.
    if !matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost")) {
        return Err(Problem::new("has a host that the daemon does not answer to"));
    }
    if url.as_str() != literal {
        return Err(Problem::new("is not in its normal form").nearest(Some(url.as_str())));
    }
    if is_ambiguous(url.path()) {
        return Err(Problem::new(
            "has a path that the daemon refuses as ambiguous (`//`, or an escape of a separator)",
        ));
    }
    Ok(literal)
}
