//! The span and the one log line of a request.

use std::time::Duration;

use axum::response::Response;

use super::caller::RequestId;
use super::headers::Forwarded;
use crate::audit::AuditLog;
use crate::http::log_limit::{LogKey, LogLimit};
use crate::http::peer::Peer;
use crate::http::reply::Reason;
use crate::routes::{Access, RouteMatch};

/// Completes the span of a request whose path is in no row.
pub(in crate::http) fn name_route(method: &'static str, route: &'static str) {
    tracing::Span::current().record("method", method).record("route", route);
}

/// Path and query never get into the span: they can hold tickets, codes and states.
pub(super) fn span_of(id: RequestId, peer: Peer, found: RouteMatch) -> tracing::Span {
    let peer = match peer {
        Peer::Tcp { .. } => "tcp",
        Peer::Unix { .. } => "unix",
        Peer::AppSocket { .. } => "app socket",
    };
    // Of a method that is in no row not even the name is repeated. Whether a path without a row is a
    // callback's is told later.
    let (method, route) = match found {
        RouteMatch::Row(route) => (Some(route.method.as_str()), Some(route.path)),
        RouteMatch::OtherMethods(_) => (Some("-"), Some("-")),
        RouteMatch::Nothing => (None, None),
    };
    tracing::info_span!("request", %id, peer, method, route)
}

/// Whether the line of a successful request is in the log.
pub(super) fn logs_successes() -> bool {
    tracing::enabled!(tracing::Level::DEBUG)
}

/// Whether the request is one for an upstream.
pub(super) fn is_for_an_upstream(found: RouteMatch) -> bool {
    matches!(found, RouteMatch::Row(route) if route.access == Access::Proxy)
}

/// Successes of routes that only read are many and say little, so they are logged at `debug`; so are replies of an upstream
/// that the audit log has, and lines beyond the rate limit.
pub(super) fn log_one_line(
    (log, audit): (&LogLimit, &AuditLog),
    asker: &LogKey,
    reply: &Response,
    found: RouteMatch,
    took: Duration,
) {
    let (status, ms) = (reply.status().as_u16(), took.as_millis());
    let reason = reply.extensions().get().map(|Reason(reason)| *reason);
    let only_read = matches!(found, RouteMatch::Row(route) if route.reads_only());
    let is_audited = audit.is_on() && reply.extensions().get::<Forwarded>().is_some();
    if (only_read && reply.status().is_success()) || is_audited || !log.admits_answer(asker, status) {
        tracing::debug!(status, ms, reason, "answered");
    } else if status == 500 {
        tracing::error!(status, ms, reason, "answered");
    } else {
        tracing::info!(status, ms, reason, "answered");
    }
}
