//! Reads a request body within its limits, mostly as JSON. Errors never repeat what was sent.

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::peer::Connection;
use super::reply::{BodyTooLarge, Reject, TooSlow};
use crate::error::Error;

/// The JSON body of a request; `None` if there is none.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) Option<T>);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let bytes = read(request, usize::MAX).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        // serde's own message quotes the input.
        let unfit = |_| Reject(Error::Usage { what: "the body is not the JSON object that this route takes".into() });
        serde_json::from_slice(&bytes).map(|value| Self(Some(value))).map_err(|error| unfit(error).into_response())
    }
}

/// The whole body, if it has at most `most` bytes and fits the connection's limits. Wiped after use: it may hold a code
/// or a token.
pub(super) async fn read(request: Request, most: usize) -> Result<Zeroizing<Vec<u8>>, Response> {
    let Some(Connection { body: limits, .. }) = request.extensions().get().cloned() else {
        return Err(Reject(Error::Internal { what: "a request without its connection".into() }).into_response());
    };
    let (body, most) = (request.into_body(), limits.size.min(most));
    // Refused by its announced length, before reading would make hyper send `100 Continue`.
    if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > most) {
        return Err(BodyTooLarge.into_response());
    }
    let whole = Limited::new(body, most).collect();
    match tokio::time::timeout(limits.deadline, whole).await {
        Err(_) => Err(TooSlow.into_response()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyTooLarge.into_response()),
        Ok(Err(_)) => Err(Reject(Error::Usage { what: "the body broke off".into() }).into_response()),
        Ok(Ok(body)) => Ok(Zeroizing::new(body.to_bytes().to_vec())),
    }
}
