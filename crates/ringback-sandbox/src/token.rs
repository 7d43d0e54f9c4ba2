//! `POST /v4/oauth/access-token`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::{Map, Value};

use crate::details::{Mode, details};
use crate::faults::{Fault, When};
use crate::grants::{Client, grant};
use crate::in_flight::InFlight;
use crate::journal::{Entry, shown};
use crate::limits::Charge;
use crate::listen::{Hangup, Peer};
use crate::params::{FormBody, Params, token_request};
use crate::refusal::Refusal;
use crate::reply::token_body;
use crate::server::{self, Server};
use crate::spoil::{Spoiler, spoil};
use crate::token_reply::Reply;

/// A token request as it arrived.
struct Arrived {
    content_type: Option<String>,
    query: String,
    body: Bytes,
    ip: IpAddr,
}

/// The handler.
pub(crate) async fn create(
    State(server): State<Arc<Server>>,
    Extension(hangup): Extension<Hangup>,
    Extension(Peer(ip)): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let in_flight = InFlight::enter(&server);
    tokio::time::sleep(server.options.latency).await;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let arrived = Arrived { content_type: content_type.map(str::to_owned), query: query.unwrap_or_default(), body, ip };
    let (fault, reply) = arrived.handle(&server);
    let spoiler = Spoiler { server: &server, hangup, in_flight };
    spoil(spoiler, fault, reply).await
}

impl Arrived {
    /// Takes all decisions at once, under the lock.
    fn handle(self, server: &Server) -> (Fault, Reply) {
        let now = server.clock.now();
        let form = if server.options.accept_form { FormBody::Read } else { FormBody::Refused };
        let parsed = token_request(self.content_type.as_deref(), &self.query, &self.body, form);
        let mut state = server.state();
        let fault = state.faults.next();
        let params = parsed.as_ref().ok().cloned().unwrap_or_default();
        let reply = match fault.when() {
            When::Before => Reply::Unasked,
            When::After => parsed
                .and_then(|params| attempt(server, &mut state, &params, self.ip, now))
                .map_or_else(Reply::Refused, Reply::Granted),
        };
        state.journal.record(Entry {
            time: now,
            grant_type: params.get("grant_type").map(str::to_owned),
            content_type: self.content_type,
            names: params.names(),
            params: shown(&params),
            outcome: reply.outcome(),
            fault: Some(fault.name()).filter(|_| fault != Fault::None),
        });
        (fault, reply)
    }
}

fn attempt(
    server: &Server,
    state: &mut server::State,
    params: &Params,
    ip: IpAddr,
    now: u64,
) -> Result<Map<String, Value>, Refusal> {
    // Which account an unauthenticated request counts against is not documented: here, the client's.
    let account = params.get("client_id").map(|id| format!("client {id}"));
    let charge = Charge { endpoint: "POST /v4/oauth/access-token", account: account.as_deref(), ip };
    server.charge(state, charge, now)?;
    let client = Client { id: &server.options.client_id, secret: &server.client_secret };
    client.check(params)?;
    let mut rng = rand::rng();
    let pair = grant(params, state, &mut server.occasion(now, &mut rng))?;
    // Taken literally, the specification says that `?mode=details` returns the details *instead* of the token.
    match (params.get("mode"), state.ledger.access(&pair.access_token, now)) {
        (Some("details"), Some(access)) => Ok(details(access, Mode::Full)),
        _ => Ok(token_body(&pair, server.options.expires_in, now)),
    }
}
