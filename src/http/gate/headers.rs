//! Security headers: what every reply carries (CSP, no caching, no framing).

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

use super::caller::RequestId;

/// Marks a reply as a page that has a script.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Scripted;

/// What a browser may do with our pages: show our own style sheet, and nothing else.
pub(super) const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// On every reply. There is no `Access-Control-*` anywhere: no web page is to read anything here.
const HEADERS: [(HeaderName, HeaderValue); 7] = [
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

/// Puts them on a reply, with the request's id.
pub(super) fn put_on(reply: &mut Response, id: RequestId) {
    reply.headers_mut().reserve(HEADERS.len() + 1);
    for (name, value) in HEADERS {
        reply.headers_mut().insert(name, value);
    }
    if reply.extensions_mut().remove::<Scripted>().is_some() {
        let policy = HeaderValue::from_static(WITH_SCRIPT);
        reply.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if let Ok(id) = HeaderValue::from_bytes(&id.hex()) {
        reply.headers_mut().insert(REQUEST_ID, id);
    }
}
