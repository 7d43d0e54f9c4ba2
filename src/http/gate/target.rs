//! The rules for Host and the request target.

use axum::http::request::Parts;
use axum::http::{HeaderValue, Uri, header};
use url::form_urlencoded;

use super::facts::{RequestFacts, only};
use super::refusal::GateRefusal;
use crate::http::peer::{Connection, Peer};
use crate::reverse_proxy::headers::has_key;
use crate::routes::ambiguous::{ambiguity, forwarded_ambiguity};

/// The longest query of a route in the table; the callback's own limit is in `pages`.
const LONGEST_QUERY: usize = 8 * 1024;
const LONGEST_FORWARDED_QUERY: usize = 32 * 1024;
/// The most parameters of one: each is compared with all before it, and that before anybody showed a key. No route
/// takes half as many.
const MOST_PARAMETERS: usize = 64;
/// Where a key in a URL is looked for: to refuse it, since URLs end up in logs and histories.
const KEY_PARAMETERS: [&str; 4] = ["access_token", "key", "client_secret", "refresh_token"];

const KEY_IN_QUERY: GateRefusal =
    GateRefusal::Malformed("a key belongs in the Authorization line or the body, never in a URL: replace this key");

/// The `Host` by which paths in replies are made absolute. Over the socket there is no such URL.
pub(super) fn host_for_urls(head: &Parts, connection: &Connection) -> Option<HeaderValue> {
    matches!(connection.peer, Peer::Tcp { .. }).then(|| head.headers.get(header::HOST).cloned()).flatten()
}

/// The one Host line (RFC 9112 §3.2), which has to be a name of ours: a page that made its own name
/// point to 127.0.0.1 sends its own name.
pub(super) fn host<'a>(facts: &RequestFacts<'a>) -> Result<&'a str, GateRefusal> {
    let host =
        only(facts.headers, &header::HOST).map_err(|()| GateRefusal::Malformed("there has to be one Host line"))?;
    match host {
        None | Some("") => Err(GateRefusal::Malformed("there has to be a Host line")),
        Some(host) if is_ours(host, facts) => Ok(host),
        Some(_) => Err(GateRefusal::Foreign("Host is not a name of this server")),
    }
}

/// `0.0.0.0` is not among the names: it is something to listen on, not somewhere to go.
fn is_ours(host: &str, facts: &RequestFacts<'_>) -> bool {
    // By its own names alone: a page that has loopback in mind is not one of its callers.
    if let Some(extra) = facts.extra {
        return extra.hosts.iter().any(|name| name.eq_ignore_ascii_case(host));
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let port: Option<Option<u16>> = port.map(|digits| {
        let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        plain.then(|| digits.parse().ok()).flatten()
    });
    match facts.peer {
        Peer::Tcp { port: ours, scheme, .. } => {
            let named = name == "127.0.0.1" || name == "[::1]" || name.eq_ignore_ascii_case("localhost");
            named && port.unwrap_or(Some(scheme.usual_port())) == Some(ours)
        }
        Peer::Unix { .. } => {
            let named = ["127.0.0.1", "localhost", "ringback"].iter().any(|ours| name.eq_ignore_ascii_case(ours));
            named && port != Some(None)
        }
        // It is behind an additional listener only.
        Peer::AppSocket { .. } => false,
    }
}

/// A target in absolute form has to agree with Host; `*` and authority form have no use here.
pub(super) fn target(uri: &Uri, host: &str, peer: Peer) -> Result<(), GateRefusal> {
    if !uri.path().starts_with('/') {
        return Err(GateRefusal::Malformed("the target has to be a path"));
    }
    match (uri.scheme_str(), uri.authority()) {
        (None, None) => Ok(()),
        (Some(scheme), Some(authority))
            if scheme == peer.scheme().name() && authority.as_str().eq_ignore_ascii_case(host) =>
        {
            Ok(())
        }
        _ => Err(GateRefusal::Malformed("target and Host disagree")),
    }
}

/// No path that readers could understand differently.
pub(super) fn path(path: &str) -> Result<(), GateRefusal> {
    ambiguity(path).map_or(Ok(()), |why| Err(GateRefusal::Malformed(why)))
}

/// What follows the account in the path of a request that is forwarded is another server's to read.
pub(super) fn forwarded_path(whole: &str) -> Result<(), GateRefusal> {
    let (ours, below) = whole.split_at(whole.match_indices('/').nth(2).map_or(whole.len(), |(at, _)| at));
    path(ours)?;
    forwarded_ambiguity(below).map_or(Ok(()), |why| Err(GateRefusal::Malformed(why)))
}

/// The query of a request that is forwarded is another server's to read.
pub(super) fn forwarded_query(query: &str) -> Result<(), GateRefusal> {
    let decoded = || form_urlencoded::parse(query.as_bytes()).any(|(_, value)| has_key(value.as_bytes()));
    if query.len() > LONGEST_FORWARDED_QUERY {
        return Err(GateRefusal::Malformed("the query is too long"));
    }
    if has_key(query.as_bytes()) || (query.contains('%') && decoded()) { Err(KEY_IN_QUERY) } else { Ok(()) }
}

/// No parameter twice: readers differ in which of two values they take (parameter pollution).
pub(super) fn query(query: &str) -> Result<(), GateRefusal> {
    if query.len() > LONGEST_QUERY {
        return Err(GateRefusal::Malformed("the query is too long"));
    }
    let mut seen = Vec::new();
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        if KEY_PARAMETERS.iter().any(|key| name.eq_ignore_ascii_case(key)) {
            return Err(KEY_IN_QUERY);
        }
        if seen.contains(&name) {
            return Err(GateRefusal::Malformed("a query parameter is repeated"));
        }
        if seen.len() == MOST_PARAMETERS {
            return Err(GateRefusal::Malformed("there are too many query parameters"));
        }
        seen.push(name);
    }
    Ok(())
}
