//! Turns values into HTTP responses.

use axum::Json;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::ledger::Pair;
use crate::options::ExpiresIn;
use crate::refusal::Refusal;
use crate::server::Server;

/// What the pages may load: their own style sheet. No `form-action`, because browsers apply it to the
/// redirect after the form too, and that goes to the app.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The members of a token reply.
pub(crate) fn token_body(pair: &Pair, form: ExpiresIn, now: u64) -> Map<String, Value> {
    let mut body = Map::from_iter([
        ("access_token".to_owned(), json!(pair.access_token)),
        ("token_type".to_owned(), json!("Bearer")),
        ("scope".to_owned(), json!(pair.scope)),
    ]);
    if let Some(refresh_token) = &pair.refresh_token {
        body.insert("refresh_token".to_owned(), json!(refresh_token));
    }
    if let Some(left) = pair.seconds_left(now) {
        match form {
            ExpiresIn::Number => body.insert("expires_in".to_owned(), json!(left)),
            ExpiresIn::String => body.insert("expires_in".to_owned(), json!(left.to_string())),
            ExpiresIn::Absent => None,
        };
    }
    body
}

/// JSON that no cache may keep.
pub(crate) fn json(status: StatusCode, body: Value) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// A refusal in the shape that the options ask for.
pub(crate) fn refuse(server: &Server, refusal: &Refusal) -> Response {
    let body = refusal.body(server.options.error_shape, server.clock.now());
    let mut response = json(refusal.status, body);
    if let Some(seconds) = refusal.retry_after().filter(|_| server.options.retry_after_header) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A redirect; `None` if the location is not a valid header value.
pub(crate) fn redirect(status: StatusCode, location: &str) -> Option<Response> {
    let location = HeaderValue::from_str(location).ok()?;
    Some((status, [(LOCATION, location)]).into_response())
}

/// A page from its template.
pub(crate) fn page(status: StatusCode, template: &impl askama::Template) -> Response {
    match template.render() {
        Ok(html) => {
            (status, [(CACHE_CONTROL, "no-store"), (CONTENT_SECURITY_POLICY, PAGE_POLICY)], Html(html)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "sandbox: page did not render");
            (StatusCode::INTERNAL_SERVER_ERROR, Body::empty()).into_response()
        }
    }
}
