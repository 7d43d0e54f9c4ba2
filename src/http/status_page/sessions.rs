//! Begins and ends sessions of the status page.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::form::SessionForm;
use crate::contract::{AuditEvent, SessionReply, VERSION};
use crate::error::{Error, Obstacle};
use crate::http::gate::caller::Caller;
use crate::http::message_page::{session_over, used_open_link};
use crate::http::peer::Connection;
use crate::http::query::Segment;
use crate::http::reply::Reject;
use crate::http::session::cookie_name;
use crate::http::state::Http;
use crate::http::{audited, wiped};

/// `POST /v1/sessions`: a one-time URL that opens the status page.
pub(in crate::http) async fn mint(caller: Caller, State(http): State<Http>) -> Result<Response, Reject> {
    let Some(origin) = &http.own_origin else {
        return Err(Reject(Error::Obstacle(Obstacle::NoPort { what: "the status page" })));
    };
    let ticket = http.sessions.ticket(http.clock.now());
    audited::note(&http, &caller, AuditEvent::Session, None, None, |_| {}).await;
    let url = format!("{origin}/open/{}", ticket.expose());
    let reply = SessionReply { version: VERSION, url, bound_to_user: Some(http.tells_users) };
    wiped::json(&reply, 512)
}

/// `GET /open/{ticket}`: begins a session in this browser.
pub(in crate::http) async fn open(State(http): State<Http>, Segment(ticket): Segment, request: Request) -> Response {
    let port = request.extensions().get::<Connection>().and_then(|connection| connection.peer.port());
    let Some((cookie, port)) = http.sessions.begin(&ticket, http.clock.now()).zip(port) else {
        return used_open_link();
    };
    // `Strict`: no other site's link brings it along. Not `Secure`, since loopback is plain HTTP.
    let line = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", cookie_name(port), cookie.expose());
    let Ok(mut line) = HeaderValue::from_str(&line) else { return used_open_link() };
    line.set_sensitive(true);
    (StatusCode::SEE_OTHER, [(header::LOCATION, HeaderValue::from_static("/")), (header::SET_COOKIE, line)])
        .into_response()
}

/// `POST /do/end`: ends the session.
pub(in crate::http) async fn end(form: SessionForm) -> Response {
    form.end_session();
    session_over()
}
