//! The first page of a login whose callback comes over TLS: says that the browser is about to warn of the certificate, why,
//! and how to tell that it is ours. It is served without TLS, or nobody could read it in time.

use askama::Template;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse as _, Response};

use crate::error::Error;
use crate::http::reply::Reject;

#[derive(Template)]
#[template(path = "certificate.html", config = "static/askama.toml")]
struct CertificatePage<'a> {
    /// Host and port, which the gate has let in.
    host: &'a str,
    ticket: &'a str,
    fingerprint: &'a str,
}

/// The page. It does not use up the ticket, so a browser may come back to it from its own warning.
pub(super) fn page(headers: &HeaderMap, ticket: &str, fingerprint: &str) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match (CertificatePage { host, ticket, fingerprint }).render() {
        Ok(page) => Html(page).into_response(),
        Err(_) => Reject(Error::Internal { what: "a page could not be rendered".into() }).into_response(),
    }
}
