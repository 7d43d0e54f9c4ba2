//! Which account a URL is for: `GET /v1/api-urls`.

use axum::Json;
use axum::extract::{RawQuery, State};

use crate::contract::{ApiUrlsReply, VERSION};
use crate::http::gate::caller::Caller;
use crate::http::query;
use crate::http::reply::ApiReply;
use crate::http::state::Http;

/// An app finds the accounts that it was given, and learns nothing of the others.
pub(in crate::http) async fn api_urls(
    caller: Caller,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> ApiReply<ApiUrlsReply> {
    let sees = |account: &str| caller.sees(account);
    let api_urls = match query::url(query.as_deref())? {
        None => http.broker.api_urls(sees),
        Some(url) => vec![http.broker.account_for(&url, sees)?],
    };
    Ok(Json(ApiUrlsReply { version: VERSION, api_urls }))
}
