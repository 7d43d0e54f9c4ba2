//! Content negotiation: writes an error as JSON for programs and as a page for browsers. The gate has it done at the end
//! of every request, since only there it is known under which name the caller reached us.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use super::head::Excess;
use super::managed_identity_error;
use super::message_page;
use super::oauth_error;
use super::reply::Reject;
use crate::contract::ErrorReply;
use crate::error::Error;

/// Whom the reply is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum ReplyFormat<'a> {
    /// A program, with its `Host`, if a URL can be made of that.
    Program(Option<&'a HeaderValue>),
    /// A person, whose browser navigates to the address.
    Person,
    /// An OAuth client, which knows the codes of RFC 6749.
    OAuthClient,
    /// A client of Azure's managed identities.
    ManagedIdentity,
}

/// Whether a browser will show the reply as a page, which fetch metadata tell. A browser without them is known by an
/// `Accept` that names both `text/html` and XHTML: some programs ask for `text/html` by default (Java's
/// `HttpURLConnection`). Whoever sends a key is a program.
pub(super) fn is_for_a_person(headers: &HeaderMap) -> bool {
    if let Some(mode) = headers.get("sec-fetch-mode") {
        return mode == "navigate";
    }
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let asks_for = |wanted: &str| accepts.split([',', ';']).any(|kind| kind.trim() == wanted);
    asks_for("text/html") && asks_for("application/xhtml+xml") && !headers.contains_key(header::AUTHORIZATION)
}

/// Writes the body of a reply that carries a [`Reject`], and leaves every other unchanged.
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
        (ReplyFormat::OAuthClient, _) => {
            let written = oauth_error::reply(&error, &body, parts.status);
            parts.status = written.status();
            // The challenge of our own API is not for it.
            parts.headers.remove(header::WWW_AUTHENTICATE);
            written
        }
        (ReplyFormat::ManagedIdentity, _) => {
            let written = managed_identity_error::reply(&error, &body, parts.status);
            parts.status = written.status();
            parts.headers.remove(header::WWW_AUTHENTICATE);
            written
        }
        (ReplyFormat::Person, Some(excess)) => message_page::too_large(excess),
        (ReplyFormat::Person, None) => message_page::of_error(&error, parts.status),
    };
    let (written, body) = written.into_parts();
    // axum gave the empty reply a length of 0.
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(written.headers);
    Response::from_parts(parts, body)
}

fn body_of(error: &Error, host: Option<&str>) -> ErrorReply {
    let mut body = error.reply();
    if let (Some(host), Some(path)) = (host, &body.login_url) {
        body.login_url = Some(format!("http://{host}{path}"));
    }
    // Details of an internal error are for the log: they may name files and peers.
    if matches!(error, Error::Internal { .. }) {
        "an internal error".clone_into(&mut body.error_description);
    }
    body
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
