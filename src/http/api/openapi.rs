//! `GET /openapi.json`: the description of this API for programs that make clients of it. A test makes the file
//! (`http/openapi_document.rs`).

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

pub(in crate::http) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../../../docs/openapi.json")).into_response()
}
