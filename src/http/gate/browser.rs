//! The rules against requests of other web sites (CSRF, DNS rebinding): Origin, Referer, fetch metadata, content type.

use axum::http::{HeaderMap, Method, header};

use super::facts::{RequestFacts, only};
use super::refusal::GateRefusal;
use crate::http::peer::Peer;
use crate::routes::{Access, RouteMatch};

/// Browsers put Origin on every cross-site request that is not a plain GET; ours is the only one. A form of a
/// page with the policy `no-referrer` has the Origin `null` (Fetch, "append a request Origin header"): one of
/// ours is known by the fetch metadata, which no page can make up.
pub(super) fn origin(facts: &RequestFacts<'_>, host: &str, found: RouteMatch) -> Result<(), GateRefusal> {
    let foreign = Err(GateRefusal::Foreign("requests of other web sites are refused"));
    match only(facts.headers, &header::ORIGIN) {
        // No page is served there, so none of ours can ask.
        Ok(Some(_)) if facts.extra.is_some() => foreign,
        Ok(None) if is_form(facts, found) => foreign,
        Ok(None) => Ok(()),
        Ok(Some("null"))
            if is_form(facts, found)
                && facts.headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin") =>
        {
            Ok(())
        }
        Ok(Some(origin)) => match (facts.peer, authority(origin, facts.peer)) {
            (Peer::Tcp { .. }, Some(origin)) if origin.eq_ignore_ascii_case(host) => Ok(()),
            _ => foreign,
        },
        Err(()) => foreign,
    }
}

/// What follows the scheme in a URL, if it is the connection's own.
fn authority(url: &str, peer: Peer) -> Option<&str> {
    url.strip_prefix(peer.scheme().name())?.strip_prefix("://")
}

fn is_form(facts: &RequestFacts<'_>, found: RouteMatch) -> bool {
    matches!(found, RouteMatch::Row(route) if matches!(route.access, Access::Session | Access::Form))
        && facts.method == Method::POST
}

/// A link on a page of another site to the API may send a Referer and nothing else that tells.
pub(super) fn referer(facts: &RequestFacts<'_>, host: &str) -> Result<(), GateRefusal> {
    let Some(referer) = facts.headers.get(header::REFERER) else { return Ok(()) };
    let ours = referer.to_str().ok().and_then(|text| authority(text, facts.peer)?.split('/').next());
    if ours.is_some_and(|authority| authority.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    Err(GateRefusal::Foreign("requests of other web sites are refused"))
}

/// Fetch metadata (<https://www.w3.org/TR/fetch-metadata/>): absent outside browsers. A browser's stop
/// may be reached from elsewhere, the provider's page, but only as a page of its own; and a browser
/// that fetches in advance would spend what is good for one visit.
pub(super) fn from_elsewhere(facts: &RequestFacts<'_>, access: Access) -> Result<(), GateRefusal> {
    let is = |name: &str, wanted: &[&str]| {
        let mut values = facts.headers.get_all(name).iter();
        values.all(|value| wanted.iter().any(|wanted| value.as_bytes() == wanted.as_bytes()))
    };
    let as_page = || is("sec-fetch-mode", &["navigate"]) && is("sec-fetch-dest", &["document"]);
    let in_advance = || facts.headers.contains_key("sec-purpose") || facts.headers.contains_key("purpose");
    let admitted = match access {
        Access::Browser => as_page() && !in_advance(),
        Access::OwnPage | Access::Form => is("sec-fetch-site", &["same-origin"]),
        _ => is("sec-fetch-site", &["same-origin", "none"]),
    };
    if admitted { Ok(()) } else { Err(GateRefusal::Foreign("requests of other web sites are refused")) }
}

/// A form of another site can't send JSON without a preflight, which is never answered. Forms come from our own pages, and
/// from OAuth clients, whose key a page of another site does not have.
pub(super) fn content_type(facts: &RequestFacts<'_>, access: Access) -> Result<(), GateRefusal> {
    let empty = facts.headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0")
        && !facts.headers.contains_key(header::TRANSFER_ENCODING);
    let (wanted, refused) = match access {
        // It is not ours to read. Without a key, which no page of another site has, it goes nowhere.
        Access::Proxy => return Ok(()),
        Access::Client if empty || is_of_type(facts.headers, "application/json") => return Ok(()),
        Access::Client => ("application/x-www-form-urlencoded", "the body has to be a form, or application/json"),
        access if access.needs_proof() && !empty => ("application/json", "a body has to be application/json"),
        Access::OwnPage | Access::Form => ("application/x-www-form-urlencoded", "the body has to be a form"),
        Access::Session if facts.method == Method::POST => {
            ("application/x-www-form-urlencoded", "the body has to be a form")
        }
        _ => return Ok(()),
    };
    if is_of_type(facts.headers, wanted) { Ok(()) } else { Err(GateRefusal::Malformed(refused)) }
}

/// Whether the one `Content-Type` line says `wanted`, with any parameters.
pub(super) fn is_of_type(headers: &HeaderMap, wanted: &str) -> bool {
    let fits = |value: &str| value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted));
    matches!(only(headers, &header::CONTENT_TYPE), Ok(Some(value)) if fits(value))
}
