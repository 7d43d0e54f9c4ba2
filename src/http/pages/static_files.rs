//! The files that pages need: the style sheet and the one script.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// `GET /static/style.css`.
pub(in crate::http) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../../static/style.css")).into_response()
}

/// `GET /favicon.ico`: there is none.
pub(in crate::http) async fn no_icon() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `GET /static/fragment.js`.
pub(in crate::http) async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../../../static/fragment.js"))
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_script_is_served_as_one() {
        assert_eq!(script().await.headers()["content-type"], "text/javascript; charset=utf-8");
    }
}
