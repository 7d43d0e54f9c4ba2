//! The table of routes, and the gate in front of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header, uri::Authority};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};

use crate::refusal::Refusal;
use crate::reply::refuse;
use crate::server::Server;
use crate::spoil::PORTAL_PATH;
use crate::{consent, control, details, token};

/// Token requests are a few hundred bytes, or as long as the longest refresh token.
const LARGEST_BODY: usize = 256 * 1024;

/// Everything this server answers.
pub(crate) fn routes(server: Arc<Server>) -> Router {
    Router::new()
        .route("/", get(consent::show))
        .route("/v4/oauth/authorization", get(consent::show).post(consent::decide))
        .route("/v4/oauth/access-token", post(token::create).get(details::show).delete(details::deactivate))
        .route("/v4/oauth/access-token/details", get(details::show))
        .route("/v4/ping", get(details::ping))
        .route("/v4/accounts/{voip_id}", get(details::account))
        .route("/v4/accounts/{voip_id}/extensions/{extension_id}", get(details::extension))
        .route("/_sandbox/style.css", get(consent::style))
        .route(PORTAL_PATH, get(control::portal))
        .route("/_sandbox/faults", post(control::plan).delete(control::unplan))
        .route("/_sandbox/journal", get(control::journal).delete(control::forget))
        .route("/_sandbox/revoke", post(control::revoke))
        .route("/_sandbox/clock", post(control::jump))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(Arc::clone(&server), gate))
        .layer(from_fn(log))
        .with_state(server)
}

/// Refuses a `Host` that is not this machine: a web page whose domain was made to resolve to loopback (DNS rebinding)
/// still sends its own name.
async fn gate(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let target = request.uri().authority().map(Authority::as_str);
    let ours = header.is_some_and(is_ours) && target.is_none_or(is_ours);
    if ours {
        return next.run(request).await;
    }
    let refusal =
        Refusal::new(StatusCode::MISDIRECTED_REQUEST, "The Host header must be 127.0.0.1, localhost or [::1]");
    refuse(&server, &refusal)
}

fn is_ours(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    !host.contains('@') && (name == "127.0.0.1" || name == "[::1]" || name.eq_ignore_ascii_case("localhost"))
}

/// One line for each request, without query or body: both hold secrets.
async fn log(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    tracing::info!(%method, %path, status, "sandbox: {method} {path} {status}");
    response
}

async fn not_found(State(server): State<Arc<Server>>) -> Response {
    refuse(&server, &Refusal::not_found())
}

async fn not_allowed(State(server): State<Arc<Server>>) -> Response {
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
    refuse(&server, &refusal)
}
