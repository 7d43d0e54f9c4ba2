//! Replies with a secret in them, in a buffer that is wiped after sending and never grows: one that grew would leave
//! copies behind.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use zeroize::Zeroizing;

use super::reply::Reject;
use crate::error::Error;

/// As JSON, in a buffer that is wiped after sending: `room` has to hold all of it.
pub(super) fn json(reply: &impl serde::Serialize, room: usize) -> Result<Response, Reject> {
    let mut text = Vec::with_capacity(room);
    let written = serde_json::to_writer(&mut text, reply);
    written_json(text, written)
}

pub(super) fn written_json(text: Vec<u8>, written: serde_json::Result<()>) -> Result<Response, Reject> {
    let text = Zeroizing::new(text);
    let unwritten = |_| Reject(Error::Internal { what: "a reply could not be serialised".into() });
    written.map_err(unwritten)?;
    Ok(after_sending(text, HeaderValue::from_static("application/json")))
}

pub(super) fn after_sending(text: Zeroizing<Vec<u8>>, kind: HeaderValue) -> Response {
    let mut reply = Response::new(Body::from(Bytes::from_owner(text)));
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}
