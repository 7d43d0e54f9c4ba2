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
    json_by(room, |text| serde_json::to_writer(text, reply))
}

/// The same, for a reply that writes itself.
pub(super) fn json_by(
    room: usize,
    write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
) -> Result<Response, Reject> {
    Ok(after_sending(text_by(room, write)?, HeaderValue::from_static("application/json")))
}

/// The text alone, for a reply that has more behind it.
pub(super) fn text(reply: &impl serde::Serialize, room: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    text_by(room, |text| serde_json::to_writer(text, reply))
}

fn text_by(
    room: usize,
    write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    write(&mut text).map_err(|_| Error::Internal { what: "a reply could not be serialised".into() })?;
    Ok(text)
}

pub(super) fn after_sending(text: Zeroizing<Vec<u8>>, kind: HeaderValue) -> Response {
    let mut reply = Response::new(Body::from(Bytes::from_owner(text)));
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}
