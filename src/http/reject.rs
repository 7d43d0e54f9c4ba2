//! How an [`Error`] looks on the wire: the one place.
//!
//! Handlers return [`Reject`]; it travels through the router as an empty reply, and the gate has it
//! written at the end, since only there it is known under which name the caller reached us.

use std::any::Any;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::head::Excess;
use super::pages;
use crate::contract::{ErrorCode, ErrorReply};
use crate::error::Error;

/// An error as a handler's reply. `?` makes one of every [`Error`].
#[derive(Debug, Clone)]
pub struct Reject(pub Error);

impl From<Error> for Reject {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Reject {
    fn into_response(self) -> Response {
        let mut reply = status_of(self.0.code()).into_response();
        reply.extensions_mut().insert(self);
        reply
    }
}

/// Why a request was turned away, for the log. A fixed text: nothing of the request is in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reason(pub(super) &'static str);

impl Reason {
    /// The reply, with this reason.
    pub(super) fn given(mut reply: Response, reason: &'static str) -> Response {
        reply.extensions_mut().insert(Self(reason));
        reply
    }
}

fn status_of(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A body that is too large: 413 says more than the table's 400.
#[derive(Debug)]
pub struct BodyTooLarge;

/// A body that took too long: 408.
#[derive(Debug)]
pub struct TooSlow;

impl IntoResponse for BodyTooLarge {
    fn into_response(self) -> Response {
        with_status(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")
    }
}

impl IntoResponse for TooSlow {
    fn into_response(self) -> Response {
        with_status(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive")
    }
}

/// A head that is larger than is taken: 431, with a page that says what to do.
pub(super) fn head_too_large(excess: Excess) -> Response {
    let mut reply = Reject(Error::Usage { what: excess.what().into() }).into_response();
    *reply.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    reply.extensions_mut().insert(excess);
    reply
}

/// Both leave the rest of a body behind, so the connection can't be used again.
fn with_status(status: StatusCode, what: &str) -> Response {
    let mut reply = Reject(Error::Usage { what: what.into() }).into_response();
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// Whom the reply is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum ReplyFormat<'a> {
    /// A program, with what it called us, if a URL can be made of that.
    Program(Option<&'a HeaderValue>),
    /// A person, whose browser goes to the address.
    Person,
}

/// Whether a browser shows the reply as a page: the fetch metadata say so. Browsers without them are known by the kinds
/// that all of them ask for; some programs ask for `text/html` without knowing (Java's `HttpURLConnection`), or have a
/// key.
pub(super) fn is_for_a_person(headers: &HeaderMap) -> bool {
    if let Some(mode) = headers.get("sec-fetch-mode") {
        return mode == "navigate";
    }
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let asks_for = |wanted: &str| accepts.split([',', ';']).any(|kind| kind.trim() == wanted);
    asks_for("text/html") && asks_for("application/xhtml+xml") && !headers.contains_key(header::AUTHORIZATION)
}

/// Writes the body of a reply that a [`Reject`] travels in, and leaves every other as it is.
pub(super) fn written(mut reply: Response, reader: ReplyFormat<'_>) -> Response {
    let Some(Reject(error)) = reply.extensions_mut().remove() else { return reply };
    let host = if let ReplyFormat::Program(host) = reader { host } else { None };
    let body = body_of(&error, host.and_then(|host| host.to_str().ok()));
    if let Some(seconds) = body.retry_after {
        reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Error::Internal { what } = &error {
        tracing::error!(what, "internal error");
    }
    let (mut parts, ()) = reply.map(drop).into_parts();
    let written = match (reader, parts.extensions.remove::<Excess>()) {
        (ReplyFormat::Program(_), _) => Json(body).into_response(),
        (ReplyFormat::Person, Some(excess)) => pages::too_large(excess),
        (ReplyFormat::Person, None) => pages::of_error(&error, parts.status),
    };
    let (written, body) = written.into_parts();
    // An empty reply was given a length of nought.
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(written.headers);
    Response::from_parts(parts, body)
}

fn body_of(error: &Error, host: Option<&str>) -> ErrorReply {
    let mut body = error.reply();
    if let (Some(host), Some(path)) = (host, &body.login_url) {
        body.login_url = Some(format!("http://{host}{path}"));
    }
    // What went wrong inside is for the log; it may name files and peers.
    if matches!(error, Error::Internal { .. }) {
        "an internal error".clone_into(&mut body.error_description);
    }
    body
}

/// For methods that the router does not know on a path. The gate answers before; this is for a router
/// that has fewer routes than the table.
pub(super) async fn method_not_allowed() -> Reject {
    Reject(Error::MethodNotAllowed)
}

/// For paths without a route and without a pending login: the same words for all of them.
pub(super) fn not_found() -> Reject {
    Reject(Error::NotFound { what: "this route".into() })
}

/// A handler panicked. The message is in the panic hook's hands and not in ours.
pub(super) fn panicked(_message: Box<dyn Any + Send>) -> Response {
    Reject(Error::Internal { what: "a handler panicked".into() }).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn text(reply: Response) -> String {
        let body = axum::body::to_bytes(reply.into_body(), 10_000).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_login_url_is_absolute_where_the_caller_has_a_name_for_us() {
        let error = Error::LoginRequired { account: "work".into(), why: "nobody has logged in".into() };
        let host = HeaderValue::from_static("127.0.0.1:7464");
        let reply = written(Reject(error.clone()).into_response(), ReplyFormat::Program(Some(&host)));
        assert_eq!(reply.status(), 428);
        assert!(text(reply).await.contains(r#""login_url":"http://127.0.0.1:7464/v1/accounts/work/login""#));
        let reply = written(Reject(error).into_response(), ReplyFormat::Program(None));
        assert!(text(reply).await.contains(r#""login_url":"/v1/accounts/work/login""#));
    }

    #[tokio::test]
    async fn retry_after_is_told_in_the_header_too() {
        let retry_after = Duration::from_secs(7);
        let error = Error::ProviderUnreachable { account: "work".into(), why: "no route".into(), retry_after };
        let reply = written(Reject(error).into_response(), ReplyFormat::Program(None));
        assert_eq!((reply.status().as_u16(), &reply.headers()["retry-after"]), (503, &HeaderValue::from(7)));
    }

    #[tokio::test]
    async fn an_internal_error_keeps_its_details_for_the_log() {
        let reply = written(
            Reject(Error::Internal { what: "/home/me/canary".into() }).into_response(),
            ReplyFormat::Program(None),
        );
        assert_eq!(reply.status(), 500);
        assert!(!text(reply).await.contains("canary"));
    }
}
