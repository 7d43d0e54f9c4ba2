//! Routes for a bearer token: its details, its deactivation, and sample resources.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Path, RawQuery, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::ledger::Access;
use crate::limits::Charge;
use crate::listen::Peer;
use crate::options::millis;
use crate::params::Params;
use crate::refusal::Refusal;
use crate::reply::{json, refuse};
use crate::server::Server;

/// How many details are requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Scope and expiry. That these two make up the brief form is a guess.
    Brief,
    Full,
}

/// A request with a Bearer token that works.
pub(crate) struct Bearer {
    token: String,
    access: Access,
}

impl FromRequestParts<Arc<Server>> for Bearer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Response> {
        Self::find(parts, server).map_err(|refusal| refuse(server, &refusal))
    }
}

impl Bearer {
    fn find(parts: &Parts, server: &Server) -> Result<Self, Refusal> {
        let now = server.clock.now();
        let mut state = server.state();
        let bearer = bearer_token(parts).and_then(|token| {
            let access = state.ledger.access(token, now)?.clone();
            let token = token.to_owned();
            Some(Self { token, access })
        });
        let account = bearer.as_ref().map(|bearer| bearer.access.person.voip_id.to_string());
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let charge = Charge {
            endpoint: &format!("{} {route}", parts.method),
            account: account.as_deref(),
            ip: parts.extensions.get::<Peer>().map_or(IpAddr::from([127, 0, 0, 1]), |Peer(ip)| *ip),
        };
        server.charge(&mut state, charge, now)?;
        bearer.ok_or_else(Refusal::invalid_token)
    }

    fn may(&self, scope: &str) -> bool {
        self.access.scope.split_whitespace().any(|had| had == scope)
    }
}

/// `GET /v4/oauth/access-token` and its `/details`.
pub(crate) async fn show(State(server): State<Arc<Server>>, bearer: Bearer, RawQuery(query): RawQuery) -> Response {
    let params = Params::from_form(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let mode = match params.get("mode") {
        None | Some("full") => Mode::Full,
        Some("brief") => Mode::Brief,
        Some(_) => return refuse(&server, &Refusal::field("mode", "must be brief or full")),
    };
    json(StatusCode::OK, Value::Object(details(&bearer.access, mode)))
}

/// `DELETE /v4/oauth/access-token`.
pub(crate) async fn deactivate(State(server): State<Arc<Server>>, bearer: Bearer) -> Response {
    let delay = millis(server.options.deactivate_delay);
    let end = server.clock.now().saturating_add(delay);
    server.state().ledger.deactivate(&bearer.token, end);
    json(StatusCode::OK, json!({ "success": true }))
}

/// `GET /v4/accounts/{voip_id}`, which needs the scope account-owner.
pub(crate) async fn account(
    State(server): State<Arc<Server>>,
    bearer: Bearer,
    Path(voip_id): Path<String>,
) -> Response {
    let person = bearer.access.person;
    if voip_id != person.voip_id.to_string() || !bearer.may("account-owner") {
        return refuse(&server, &Refusal::forbidden("Forbidden"));
    }
    let body = json!({ "id": person.voip_id, "name": "Practice account", "contact": person.name });
    json(StatusCode::OK, body)
}

/// `GET /v4/accounts/{voip_id}/extensions/{extension_id}`: extension-user is enough for one's own.
pub(crate) async fn extension(
    State(server): State<Arc<Server>>,
    bearer: Bearer,
    Path((voip_id, extension_id)): Path<(String, String)>,
) -> Response {
    let person = bearer.access.person;
    let own = voip_id == person.voip_id.to_string() && extension_id == person.extension_id.to_string();
    if !own || !(bearer.may("account-owner") || bearer.may("extension-user")) {
        return refuse(&server, &Refusal::forbidden("Forbidden"));
    }
    let body = json!({ "id": person.extension_id, "name": person.name });
    json(StatusCode::OK, body)
}

/// `GET /v4/ping`, which needs no token.
pub(crate) async fn ping() -> Response {
    json(StatusCode::OK, json!({ "response": "pong" }))
}

/// The details of a token; a permanent one has no `expires_at`.
pub(crate) fn details(access: &Access, mode: Mode) -> Map<String, Value> {
    let mut body = Map::from_iter([("scope".to_owned(), json!(access.scope))]);
    if let Some(end) = access.ends {
        body.insert("expires_at".to_owned(), json!(end / 1000));
    }
    if mode == Mode::Full {
        body.insert("scope_details".to_owned(), scope_details(access));
    }
    body
}

/// One entry for each scope. Those without `voip_id` come first: a client must not rely on index 0, as Phone.com's own
/// client once did.
fn scope_details(access: &Access) -> Value {
    let person = access.person;
    let (with_account, without): (Vec<_>, Vec<_>) =
        access.scope.split_whitespace().partition(|scope| matches!(*scope, "account-owner" | "extension-user"));
    let bare = without.into_iter().map(|scope| json!({ "scope": scope }));
    let full = with_account.into_iter().rev().map(|scope| match scope {
        "extension-user" => json!({
            "extension_id": person.extension_id,
            "scope": scope,
            "voip_id": person.voip_id,
        }),
        _ => json!({ "scope": scope, "voip_id": person.voip_id }),
    });
    bare.chain(full).collect()
}

fn bearer_token(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token.trim())
}
