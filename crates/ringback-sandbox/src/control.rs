//! `/_sandbox/...`: the control routes, by which a test inspects and changes the running server.
//!
//! Requests that change something must be `application/json` or DELETE: a web page of another origin can't send them
//! without a CORS preflight, which this server does not answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::faults::Fault;
use crate::journal::Counters;
use crate::reply::json;
use crate::server::Server;
use crate::spoil::PORTAL;

/// `POST /_sandbox/faults`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    next: Vec<Fault>,
}

/// `POST /_sandbox/revoke`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revocation {
    #[serde(default)]
    what: What,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum What {
    #[default]
    All,
    Access,
    Refresh,
}

/// `POST /_sandbox/clock`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jump {
    advance: String,
}

/// The counters of the journal and of the ledger as one object.
#[derive(Serialize)]
struct Sums<'a> {
    #[serde(flatten)]
    requests: &'a Counters,
    reuse_detected: u64,
    families_revoked: u64,
}

/// Queues faults for the next token requests, one each.
pub(crate) async fn plan(State(server): State<Arc<Server>>, Json(plan): Json<Plan>) -> Response {
    let queued = server.state().faults.queue(plan.next);
    json(StatusCode::OK, json!({ "queued": queued }))
}

/// Forgets the queued faults; those set by flags stay.
pub(crate) async fn unplan(State(server): State<Arc<Server>>) -> StatusCode {
    server.state().faults.clear_queue();
    StatusCode::NO_CONTENT
}

/// The token requests so far, and their outcomes.
pub(crate) async fn journal(State(server): State<Arc<Server>>) -> Response {
    let state = server.state();
    let counters = Sums {
        requests: state.journal.counters(),
        reuse_detected: state.ledger.reuse_detected,
        families_revoked: state.ledger.families_revoked,
    };
    let requests = state.journal.entries();
    json(StatusCode::OK, json!({ "requests": requests, "counters": counters }))
}

/// Clears the journal and its counters.
pub(crate) async fn forget(State(server): State<Arc<Server>>) -> StatusCode {
    let mut state = server.state();
    state.journal.clear();
    state.ledger.reuse_detected = 0;
    state.ledger.families_revoked = 0;
    StatusCode::NO_CONTENT
}

/// Revokes tokens, as an administrator might.
pub(crate) async fn revoke(
    State(server): State<Arc<Server>>,
    Json(Revocation { what }): Json<Revocation>,
) -> StatusCode {
    let mut state = server.state();
    if what != What::Refresh {
        state.ledger.drop_access();
    }
    if what != What::Access {
        state.ledger.drop_refresh();
    }
    StatusCode::NO_CONTENT
}

/// Advances the clock of the whole sandbox, so that a test can see a token expire at once.
pub(crate) async fn jump(State(server): State<Arc<Server>>, Json(Jump { advance }): Json<Jump>) -> Response {
    match humantime::parse_duration(&advance) {
        Ok(span) if span <= MOST => {
            server.clock.advance(span);
            json(StatusCode::OK, json!({ "now": server.clock.now() }))
        }
        Ok(_) => json(StatusCode::UNPROCESSABLE_ENTITY, json!({ "error": "at most 100 years at a time" })),
        Err(error) => json(StatusCode::UNPROCESSABLE_ENTITY, json!({ "error": error.to_string() })),
    }
}

/// The page that the fault `captive-portal` redirects to.
pub(crate) async fn portal() -> Html<&'static str> {
    Html(PORTAL)
}

/// The longest jump that is accepted: more is a typing error.
const MOST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
