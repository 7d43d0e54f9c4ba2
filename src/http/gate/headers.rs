//! Security headers: what every reply carries (CSP, no caching, no framing).

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

use super::caller::RequestId;

/// Marks a reply as a page that has a script.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Scripted;

/// Marks a reply as one of an upstream: what it says of caching and its own id are kept.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Forwarded;

/// What a browser may do with our pages: show our own style sheet, and nothing else.
pub(super) const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// On every reply. There is no `Access-Control-*` anywhere: no web page is to read anything here.
static HEADERS: [(HeaderName, HeaderValue); 7] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];
/// The same for a page with a script of ours that asks us and nobody else.
const WITH_SCRIPT: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id beside that of the upstream.
const FORWARDED_ID: HeaderName = HeaderName::from_static("x-ringback-request");

/// Cloned for each reply, which costs a fraction of what so many insertions do. The id, which is set later, has its place.
static OURS: LazyLock<HeaderMap> =
    LazyLock::new(|| HEADERS.clone().into_iter().chain([(REQUEST_ID, HeaderValue::from_static(""))]).collect());
/// The same for the reply of an upstream. One that says nothing of caching says nothing to the client either.
static BESIDE_AN_UPSTREAMS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut headers = OURS.clone();
    headers.remove(header::CACHE_CONTROL);
    headers.remove(REQUEST_ID);
    headers.insert(FORWARDED_ID, HeaderValue::from_static(""));
    headers
});

/// Puts them on a reply, with the request's id. They replace what the reply has under their names.
pub(super) fn put_on(reply: &mut Response, id: RequestId) {
    let is_forwarded = reply.extensions_mut().remove::<Forwarded>().is_some();
    let (common, id_name) = if is_forwarded { (&*BESIDE_AN_UPSTREAMS, FORWARDED_ID) } else { (&*OURS, REQUEST_ID) };
    let own = std::mem::replace(reply.headers_mut(), common.clone());
    reply.headers_mut().reserve(own.len());
    let mut name = None;
    for (next, value) in own {
        // Further values of one name come without it.
        name = next.or(name);
        if let Some(name) = name.as_ref().filter(|name| !common.contains_key(*name)) {
            reply.headers_mut().append(name, value);
        }
    }
    if reply.extensions_mut().remove::<Scripted>().is_some() {
        let policy = HeaderValue::from_static(WITH_SCRIPT);
        reply.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    set_id(reply, id_name, id);
}

fn set_id(reply: &mut Response, name: HeaderName, id: RequestId) {
    if let Ok(id) = HeaderValue::from_bytes(&id.hex()) {
        reply.headers_mut().insert(name, id);
    }
}
