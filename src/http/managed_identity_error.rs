//! Errors as a client of Azure's managed identities reads them: `statusCode` and `message`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::oauth_error;
use crate::contract::ErrorReply;
use crate::error::Error;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManagedIdentityError {
    status_code: u16,
    message: String,
}

/// The reply in place of one of our own, whose status is `status` and whose body would be `own`. A login that is needed is
/// 503, after which clients ask again.
pub(super) fn reply(error: &Error, own: &ErrorReply, status: StatusCode) -> Response {
    let status = oauth_error::status_for(error, status);
    let message = format!("{}. {}", own.error_description, own.hint);
    (status, Json(ManagedIdentityError { status_code: status.as_u16(), message })).into_response()
}
