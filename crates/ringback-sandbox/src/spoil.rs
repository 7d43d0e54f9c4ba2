//! Applies a fault to a token reply, down to the connection.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use hyper::body::Frame;
use serde_json::{Map, Value, json};
use tokio::time::{Sleep, sleep};

use crate::faults::Fault;
use crate::in_flight::InFlight;
use crate::limits::Exceeded;
use crate::listen::Hangup;
use crate::refusal::Refusal;
use crate::reply::{json, redirect, refuse};
use crate::server::Server;
use crate::token_reply::{Reply, success};

/// What a fault can act on.
pub(crate) struct Spoiler<'a> {
    pub(crate) server: &'a Server,
    pub(crate) hangup: Hangup,
    pub(crate) in_flight: InFlight,
}

/// Applies the fault. Never completes if the fault cuts the connection.
pub(crate) async fn spoil(spoiler: Spoiler<'_>, fault: Fault, reply: Reply) -> Response {
    let server = spoiler.server;
    match fault {
        Fault::None => plain(server, reply),
        Fault::DropBefore | Fault::DropAfterRotate => spoiler.hangup.cut().await,
        Fault::Status { status, retry_after, error, body, .. } => failure(server, status, retry_after, error, body),
        Fault::Garbage => Html(PORTAL).into_response(),
        Fault::Empty => success(server).into_response(),
        Fault::Truncate => dribble(spoiler, reply, Pace::Cut),
        Fault::SlowBody { delay_ms } => dribble(spoiler, reply, Pace::Slow(delay_ms)),
        Fault::SlowHeaders { delay_ms } => {
            sleep(Duration::from_millis(delay_ms)).await;
            plain(server, reply)
        }
        Fault::Huge { bytes } => changed(server, reply, |body| {
            body.insert("padding".to_owned(), json!("x".repeat(bytes)));
        }),
        Fault::WrongTypes => changed(server, reply, |body| {
            body.insert("access_token".to_owned(), json!(12_345));
            body.insert("token_type".to_owned(), json!(["Bearer"]));
            body.insert("expires_in".to_owned(), json!({ "seconds": "soon" }));
            body.insert("refresh_token".to_owned(), json!(false));
        }),
        Fault::ControlCharacters => changed(server, reply, |body| {
            let token = json!("practice\r\nX-Injected: yes\r\n\r\n~6");
            body.insert("access_token".to_owned(), token);
        }),
        Fault::Redirect { location } => redirect(StatusCode::TEMPORARY_REDIRECT, &location)
            .unwrap_or_else(|| StatusCode::TEMPORARY_REDIRECT.into_response()),
        Fault::CaptivePortal => {
            redirect(StatusCode::FOUND, PORTAL_PATH).unwrap_or_else(|| StatusCode::FOUND.into_response())
        }
    }
}

/// The path that the fault `captive-portal` redirects to.
pub(crate) const PORTAL_PATH: &str = "/_sandbox/portal";

/// The page of a captive portal.
pub(crate) const PORTAL: &str = "<!doctype html><title>Welcome</title><h1>Accept our terms</h1>\n";

fn plain(server: &Server, reply: Reply) -> Response {
    changed(server, reply, |_| {})
}

/// The reply with its members changed; a refusal is unchanged.
fn changed(server: &Server, reply: Reply, change: impl FnOnce(&mut Map<String, Value>)) -> Response {
    match reply {
        Reply::Granted(mut body) => {
            change(&mut body);
            json(success(server), Value::Object(body))
        }
        Reply::Refused(refusal) => refuse(server, &refusal),
        Reply::Unasked => success(server).into_response(),
    }
}

fn failure(
    server: &Server,
    status: u16,
    retry_after: Option<u64>,
    error: Option<String>,
    body: Option<String>,
) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = match body {
        Some(body) => (status, body).into_response(),
        None => refuse(server, &planned_refusal(server, status, retry_after, error)),
    };
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn planned_refusal(server: &Server, status: StatusCode, retry_after: Option<u64>, error: Option<String>) -> Refusal {
    if let (StatusCode::TOO_MANY_REQUESTS, Some(retry_after)) = (status, retry_after) {
        return Refusal::too_many(Exceeded { limit: 30, reset: server.clock.now() / 1000 + retry_after, retry_after });
    }
    let refusal = Refusal::new(status, status.canonical_reason().unwrap_or("Planned fault"));
    match error {
        Some(code) => refusal.with_code(code),
        None => refusal,
    }
}

/// How a body is split into pieces.
#[derive(Clone, Copy)]
enum Pace {
    /// One half, then the end of the connection.
    Cut,
    /// All of it, a byte at a time, with this many milliseconds in between.
    Slow(u64),
}

/// Long enough for the first half to leave before the connection ends.
const BEFORE_CUT: Duration = Duration::from_millis(20);

fn dribble(spoiler: Spoiler<'_>, reply: Reply, pace: Pace) -> Response {
    let server = spoiler.server;
    let (status, body) = match reply {
        Reply::Granted(body) => (success(server), Value::Object(body)),
        Reply::Refused(refusal) => {
            let body = refusal.body(server.options.error_shape, server.clock.now());
            (refusal.status, body)
        }
        Reply::Unasked => (success(server), Value::Null),
    };
    let text = Bytes::from(body.to_string());
    let length = text.len();
    let (pieces, delay) = match pace {
        Pace::Cut => (VecDeque::from([text.slice(..length / 2)]), BEFORE_CUT),
        Pace::Slow(delay) => ((0..length).map(|at| text.slice(at..=at)).collect(), Duration::from_millis(delay)),
    };
    let body = Dribble { pieces, delay, nap: Box::pin(sleep(Duration::ZERO)), pace, _in_flight: spoiler.in_flight };
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static("application/json")), (CONTENT_LENGTH, HeaderValue::from(length))];
    (status, headers, Body::new(body)).into_response()
}

/// A body that pauses before each piece but the first, and before its end.
struct Dribble {
    pieces: VecDeque<Bytes>,
    delay: Duration,
    nap: Pin<Box<Sleep>>,
    pace: Pace,
    _in_flight: InFlight,
}

impl hyper::body::Body for Dribble {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        ready!(self.nap.as_mut().poll(context));
        match (self.pieces.pop_front(), self.pace) {
            (Some(piece), _) => {
                self.nap = Box::pin(sleep(self.delay));
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            (None, Pace::Cut) => Poll::Ready(Some(Err(io::Error::other("cut on purpose")))),
            (None, Pace::Slow(_)) => Poll::Ready(None),
        }
    }
}
