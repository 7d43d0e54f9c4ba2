//! Redirects within a login, and the path of its outcome page.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::error::Error;
use crate::http::reply::Reject;

pub(super) fn outcome_path(id: &str) -> String {
    format!("/login/outcome/{id}")
}

/// 303, never 307: what the browser sends next is a GET without a body (RFC 9700 §4.12).
pub(super) fn see_other(to: &str) -> Result<Response, Reject> {
    let to = HeaderValue::from_str(to).map_err(|_| unsendable("a redirect"))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response())
}

pub(super) fn unsendable(what: &str) -> Reject {
    Reject(Error::Internal { what: format!("{what} is not valid in a header") })
}
