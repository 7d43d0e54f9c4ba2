//! The files that pages need: the style sheet and the scripts.

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
    served(include_str!("../../../static/fragment.js"))
}

/// `GET /static/status.js`.
pub(in crate::http) async fn status_script() -> Response {
    served(include_str!("../../../static/status.js"))
}

fn served(script: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], script).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_scripts_are_served_as_such() {
        for reply in [script().await, status_script().await] {
            assert_eq!(reply.headers()["content-type"], "text/javascript; charset=utf-8");
        }
    }

    #[test]
    fn the_status_pages_script_stores_nothing_and_makes_no_code_of_text() {
        const SCRIPT: &str = include_str!("../../../static/status.js");
        for never in ["innerHTML", "outerHTML", "document.write", "Storage", "console", "eval", "Function(", "http:"] {
            assert!(!SCRIPT.contains(never), "{never}");
        }
    }
}
