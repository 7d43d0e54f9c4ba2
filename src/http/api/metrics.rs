//! `GET /metrics`: the text format of Prometheus.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use crate::error::Error;
use crate::http::gate::caller::Caller;
use crate::http::metrics::{CONTENT_TYPE, Observed, text};
use crate::http::query;
use crate::http::reply::Reject;
use crate::http::state::Http;

/// An app sees its own accounts, as in `GET /v1/accounts`, and what concerns all of them only if it has a right to all.
pub(in crate::http) async fn metrics(
    caller: Caller,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> Result<Response, Reject> {
    query::read(query.as_deref(), [])?;
    // With thousands of accounts that is some megabytes of text, which must not hold up those who want a token.
    let written = tokio::task::spawn_blocking(move || text(&Observed::by(&caller, &http))).await;
    let failed = || Reject(Error::Internal { what: "the metrics could not be written".into() });
    let text = written.ok().and_then(Result::ok).ok_or_else(failed)?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE))], text).into_response())
}
