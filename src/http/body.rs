//! Reads a request body within its limits, mostly as JSON. Errors never repeat what was sent.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{Extensions, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::peer::{BodyLimits, Connection};
use super::reply::Reject;
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

/// What the body of a request may cost.
pub(super) fn limits(of: &Extensions) -> Result<BodyLimits, Error> {
    let limits = of.get().map(|connection: &Connection| connection.body);
    limits.ok_or_else(|| Error::Internal { what: "a request without its connection".into() })
}

/// The whole body, if it has at most `most` bytes and fits the connection's limits. Wiped after use: it may hold a code
/// or a token.
pub(super) async fn read(request: Request, most: usize) -> Result<Zeroizing<Vec<u8>>, Response> {
    let limits = limits(request.extensions()).map_err(|error| Reject(error).into_response())?;
    whole(request.into_body(), limits, most).await.map_err(IntoResponse::into_response)
}

/// The same, for whoever has the body and its limits.
pub(super) async fn whole(body: Body, limits: BodyLimits, most: usize) -> Result<Zeroizing<Vec<u8>>, Unread> {
    let most = limits.size.min(most);
    // Refused by its announced length, before reading would make hyper send `100 Continue`.
    if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > most) {
        return Err(Unread::TooLarge);
    }
    let whole = Limited::new(body, most).collect();
    match tokio::time::timeout(limits.deadline, whole).await {
        Err(_) => Err(Unread::TooSlow),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) => Err(Unread::BrokenOff),
        Ok(Ok(body)) => Ok(Zeroizing::new(body.to_bytes().to_vec())),
    }
}

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// 413: it is too large.
    TooLarge,
    /// 408: it took too long.
    TooSlow,
    /// 400: the connection broke.
    BrokenOff,
}

impl Unread {
    /// It, in a clause.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::TooLarge => "the body is too large",
            Self::TooSlow => "the body took too long to arrive",
            Self::BrokenOff => "the body broke off",
        }
    }
}

impl IntoResponse for Unread {
    fn into_response(self) -> Response {
        let mut reply = Reject(Error::Usage { what: self.what().into() }).into_response();
        let status = match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenOff => return reply,
        };
        *reply.status_mut() = status;
        // The rest of the body is left behind, so the connection can't be used again.
        reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        reply
    }
}
