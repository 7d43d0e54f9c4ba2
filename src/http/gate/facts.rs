//! What the rules look at: a request's head, and who sent it.

use axum::http::{HeaderMap, Method, Uri, Version, header};

use super::listener::ExtraGate;
use crate::http::peer::Peer;

/// All that the rules look at.
pub(super) struct RequestFacts<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) version: Version,
    pub(super) headers: &'a HeaderMap,
    pub(super) peer: Peer,
    /// Whether programs of other users may ask over TCP, with a key.
    pub(super) other_users: bool,
    /// The additional listener that it came in by, if it is one.
    pub(super) extra: Option<&'a ExtraGate>,
}

/// The value of a header line that may be there once.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}
