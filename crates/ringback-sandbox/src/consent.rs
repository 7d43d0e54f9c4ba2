//! The consent page, and the page for an invalid request.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::authorize::{AuthorizationRequest, Decision, Invalid};
use crate::limits::Charge;
use crate::listen::Peer;
use crate::params::Params;
use crate::people::{self, PEOPLE, Person};
use crate::reply::{page, redirect, refuse};
use crate::server::Server;

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    client_name: &'a str,
    client_id: &'a str,
    scopes: Vec<&'a str>,
    redirect_uri: &'a str,
    people: &'static [Person],
    transaction: &'a str,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    message: &'a str,
}

/// `GET /v4/oauth/authorization`, and `/` as accounts.phone.com has it.
pub(crate) async fn show(
    State(server): State<Arc<Server>>,
    Extension(Peer(ip)): Extension<Peer>,
    RawQuery(query): RawQuery,
) -> Response {
    let now = server.clock.now();
    let mut state = server.state();
    let charge = Charge { endpoint: "/v4/oauth/authorization", account: None, ip };
    if let Err(refusal) = server.charge(&mut state, charge, now) {
        return refuse(&server, &refusal);
    }
    let params = match Params::from_form(query.unwrap_or_default().as_bytes()) {
        Ok(params) => params,
        Err(name) => return message(&format!("The parameter {name} comes twice.")),
    };
    match AuthorizationRequest::parse(&params, &server.options, &server.redirect_rule) {
        Ok(ask) => {
            let transaction = state.pending.insert(ask.clone(), &mut server.occasion(now, &mut rand::rng()));
            consent(&server, &ask, &transaction)
        }
        Err(Invalid::Page(status, text)) => page(status, &MessagePage { message: &text }),
        Err(Invalid::Redirect(location)) => found(&location),
    }
}

/// The consent form's target: the browser goes back to the app.
pub(crate) async fn decide(State(server): State<Arc<Server>>, body: Bytes) -> Response {
    let Ok(form) = Params::from_form(&body) else {
        return message("The form is malformed.");
    };
    let decision = match form.get("decision") {
        Some("allow") => form.get("user").and_then(people::by_username).map(Decision::Allow),
        Some("deny") => Some(Decision::Deny),
        _ => None,
    };
    // Checked before the id is used up, so that a malformed form can be sent again.
    let Some(decision) = decision else {
        return message("Choose a user, and Allow or Deny.");
    };
    let mut guard = server.state();
    // Through the guard, the fields could not be borrowed separately.
    let state = &mut *guard;
    let Some(ask) = form.get("transaction").and_then(|id| state.pending.take(id)) else {
        return message("This page was used before or is too old. Start again from your app.");
    };
    let now = server.clock.now();
    let mut rng = rand::rng();
    let location = ask.decide(decision, &mut state.codes, &mut state.ledger, &mut server.occasion(now, &mut rng));
    found(&location)
}

/// The style sheet of the pages.
pub(crate) async fn style() -> impl IntoResponse {
    let css = include_str!("../templates/style.css");
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], css)
}

fn consent(server: &Server, ask: &AuthorizationRequest, transaction: &str) -> Response {
    let template = ConsentPage {
        client_name: &server.options.client_name,
        client_id: &server.options.client_id,
        scopes: ask.scope.split_whitespace().collect(),
        redirect_uri: &ask.redirect_uri,
        people: &PEOPLE,
        transaction,
    };
    page(StatusCode::OK, &template)
}

fn found(location: &str) -> Response {
    redirect(StatusCode::FOUND, location)
        .unwrap_or_else(|| message("The redirect_uri cannot stand in a Location header."))
}

fn message(text: &str) -> Response {
    page(StatusCode::BAD_REQUEST, &MessagePage { message: text })
}
