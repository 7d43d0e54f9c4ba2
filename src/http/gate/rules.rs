//! The gate's rules: pure functions of a request's head and of who sent it.
//!
//! The order is cheap and general before dear and particular: protocol, host, path, browser, route,
//! query, key. Messages are fixed texts: nothing of the request is repeated.

use axum::http::{Method, Version, header};

use super::browser::{content_type, from_elsewhere, origin, referer};
use super::facts::RequestFacts;
use super::refusal::GateRefusal;
use super::target::{forwarded_path, forwarded_query, host, path, query, target};
use crate::http::head::Excess;
use crate::http::peer::{Peer, Scheme};
use crate::os::ports::PeerUser;
use crate::os::private_file;
use crate::reverse_proxy::rules::NEVER_FORWARDED;
use crate::routes::{Access, RouteMatch};

/// The access that the request's route needs; whether the sender has it is decided by its proof.
pub(super) fn decide(facts: &RequestFacts<'_>, found: RouteMatch) -> Result<Access, GateRefusal> {
    let stranger = stranger(facts);
    if let Some(user) = stranger.filter(|_| !facts.other_users) {
        return Err(GateRefusal::OtherUser(user));
    }
    if facts.version != Version::HTTP_11 {
        return Err(GateRefusal::Malformed("this server speaks HTTP/1.1"));
    }
    head(facts, found)?;
    let host = host(facts)?;
    target(facts.uri, host, facts.peer)?;
    match found {
        RouteMatch::Row(route) if route.access == Access::Proxy => forwarded_path(facts.uri.path()),
        _ => path(facts.uri.path()),
    }?;
    origin(facts, host, found)?;
    let access = access(facts, found)?;
    if let Some(user) = stranger.filter(|_| !access.is_open_to_other_users()) {
        return Err(GateRefusal::OtherUser(user));
    }
    from_elsewhere(facts, access)
        .map_err(|refusal| if is_metadata(facts, found) { GateRefusal::NoRoute } else { refusal })?;
    if access.on_socket_only() && !matches!(facts.peer, Peer::Unix { .. }) {
        return Err(GateRefusal::Foreign("this is accepted over the unix socket only, whatever the key"));
    }
    // The query of an unknown path is checked by the callback, once a login is known to be pending.
    if let RouteMatch::Row(_) = found {
        let asked = facts.uri.query().unwrap_or_default();
        if access == Access::Proxy { forwarded_query(asked) } else { query(asked) }?;
    }
    if access.needs_proof() {
        referer(facts, host)?;
    }
    content_type(facts, access)?;
    Ok(access)
}

/// Where clients look for metadata of an API's authorization server (RFC 8615), some of them with fetch metadata: told that
/// there is nothing, they go on without.
fn is_metadata(facts: &RequestFacts<'_>, found: RouteMatch) -> bool {
    matches!(found, RouteMatch::Nothing) && facts.uri.path().starts_with("/.well-known/")
}

/// Methods that are told to who asks by another.
const FORWARDED: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Methods are case-sensitive (RFC 9110 §9.1), which not every server knows.
fn is_forwarded(method: &Method) -> bool {
    let method = method.as_str();
    !NEVER_FORWARDED.contains(&method) && !method.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// The limit on header lines. On an unknown path the callback checks it, so that whoever waits for the login is told; and
/// the page that explains it needs its style sheet.
fn head(facts: &RequestFacts<'_>, found: RouteMatch) -> Result<(), GateRefusal> {
    let exempt = match found {
        RouteMatch::Row(route) => route.access == Access::Public,
        RouteMatch::OtherMethods(_) => false,
        RouteMatch::Nothing => true,
    };
    Excess::of(facts.headers).filter(|_| !exempt).map_or(Ok(()), |excess| Err(GateRefusal::TooLarge(excess)))
}

/// The user of a TCP connection that is neither the daemon's own nor root, who may do anything anyway. A ticket, a
/// cookie or a code that such a user has read somewhere is of no use to them. Where the system does not tell the user, key,
/// ticket and cookie have to suffice.
///
/// On an additional listener, a connection that has no user here may come out of a container: its key has to suffice.
fn stranger(facts: &RequestFacts<'_>) -> Option<PeerUser> {
    let Peer::Tcp { user, .. } = facts.peer else { return None };
    let ours = |uid: u32| uid == 0 || uid == private_file::own_uid();
    match user {
        PeerUser::Uid(uid) => (!ours(uid)).then_some(user),
        PeerUser::NotFound if facts.extra.is_some() => None,
        PeerUser::Unmapped | PeerUser::NotFound => Some(user),
        PeerUser::Unsupported => None,
    }
}

/// A path that is in no row may be a callback's: it is treated as a browser's stop, or as what a page of
/// ours posts there, which browsers mark with our own Origin ([`origin`] has seen to that it is ours).
fn access(facts: &RequestFacts<'_>, found: RouteMatch) -> Result<Access, GateRefusal> {
    match (found, facts.method) {
        (RouteMatch::Row(route), method) if route.access == Access::Proxy => {
            if is_forwarded(method) {
                Ok(Access::Proxy)
            } else {
                Err(GateRefusal::Method(FORWARDED))
            }
        }
        (RouteMatch::Row(route), _) => Ok(route.access),
        // A HEAD that ran a callback would burn its code, so no HEAD runs anything.
        (RouteMatch::OtherMethods(allowed), _) => Err(GateRefusal::Method(allowed)),
        // A callback comes over TLS, or not at all; and never by an additional listener.
        (RouteMatch::Nothing, _) if facts.peer.scheme() == Scheme::BeforeTls || facts.extra.is_some() => {
            Err(GateRefusal::NoRoute)
        }
        (RouteMatch::Nothing, &Method::GET) => Ok(Access::Browser),
        (RouteMatch::Nothing, &Method::POST) if facts.headers.contains_key(header::ORIGIN) => Ok(Access::OwnPage),
        (RouteMatch::Nothing, &Method::HEAD) => Err(GateRefusal::Method("GET")),
        (RouteMatch::Nothing, _) => Err(GateRefusal::NoRoute),
    }
}
