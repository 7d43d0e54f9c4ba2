//! Errors as replies. A handler returns [`Reject`]; it travels through the router as an empty reply, and `negotiate`
//! writes its body at the end.

use std::any::Any;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::head::Excess;
use crate::contract::ErrorCode;
use crate::error::Error;

/// What a handler of the API gives.
pub(super) type ApiReply<T> = Result<Json<T>, Reject>;

/// An error as a handler's reply. `?` makes one of every [`Error`].
#[derive(Debug, Clone)]
pub(super) struct Reject(pub(super) Error);

impl From<Error> for Reject {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Reject {
    fn into_response(self) -> Response {
        let mut reply = status_of(self.0.code()).into_response();
        reply.extensions_mut().insert(self);
        reply
    }
}

/// Why a request was turned away, for the log. A fixed text: nothing of the request is in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reason(pub(super) &'static str);

impl Reason {
    /// The reply, with this reason.
    pub(super) fn given(mut reply: Response, reason: &'static str) -> Response {
        reply.extensions_mut().insert(Self(reason));
        reply
    }
}

fn status_of(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A head that is larger than is taken: 431, with a page that says what to do.
pub(super) fn head_too_large(excess: Excess) -> Response {
    let mut reply = Reject(Error::Usage { what: excess.what().into() }).into_response();
    *reply.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    reply.extensions_mut().insert(excess);
    reply
}

/// For methods that the router does not know on a path. The gate answers before; this is for a router
/// that has fewer routes than the table.
pub(super) async fn method_not_allowed() -> Reject {
    Reject(Error::MethodNotAllowed)
}

/// For paths without a route and without a pending login: the same words for all of them.
pub(super) fn not_found() -> Reject {
    Reject(Error::NotFound { what: "this route".into() })
}

/// A handler panicked. The message is in the panic hook's hands and not in ours.
pub(super) fn panicked(_message: Box<dyn Any + Send>) -> Response {
    Reject(Error::Internal { what: "a handler panicked".into() }).into_response()
}
