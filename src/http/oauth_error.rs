//! Errors as an OAuth client reads them (RFC 6749 §5.2): the code by a table, message and hint as its description.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::contract::{ErrorCode, ErrorReply};
use crate::error::{Error, Obstacle};

/// The body of an error reply.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OAuthError {
    error: &'static str,
    error_description: String,
}

/// What an OAuth client gets for a code of our own: its code and status. `invalid_grant` is not among them: clients drop
/// what they hold for a refresh token on it, which is the program's key.
pub(super) const TABLE: [(ErrorCode, &str, u16); 15] = [
    (ErrorCode::Usage, "invalid_request", 400),
    (ErrorCode::UnknownAccount, "invalid_request", 400),
    (ErrorCode::Unauthorized, "invalid_client", 401),
    (ErrorCode::Forbidden, "access_denied", 403),
    (ErrorCode::NotFound, "invalid_request", 404),
    (ErrorCode::MethodNotAllowed, "invalid_request", 405),
    (ErrorCode::Internal, "server_error", 500),
    (ErrorCode::ProviderRefused, "server_error", 502),
    (ErrorCode::UpstreamFailed, "server_error", 502),
    (ErrorCode::ProviderUnreachable, TEMPORARY, 503),
    (ErrorCode::LoginRequired, TEMPORARY, 503),
    (ErrorCode::LoginFailed, TEMPORARY, 503),
    (ErrorCode::NeedsConfirmation, TEMPORARY, 503),
    (ErrorCode::StoreUnavailable, TEMPORARY, 503),
    (ErrorCode::NoDaemon, TEMPORARY, 503),
];
const TEMPORARY: &str = "temporarily_unavailable";

/// A code for one error that says more than the one of its row. They are of RFC 6749 §5.2 and RFC 8707 §2, with their
/// status.
pub(super) fn special(error: &Error) -> Option<&'static str> {
    match error {
        Error::Obstacle(Obstacle::NoSuchGrant) => Some("unsupported_grant_type"),
        Error::Obstacle(Obstacle::NoTokensFor { part: "scope", .. }) => Some("invalid_scope"),
        Error::Obstacle(Obstacle::NoTokensFor { .. } | Obstacle::NotAResource { .. }) => Some("invalid_target"),
        Error::Beyond { .. } => Some("unauthorized_client"),
        _ => None,
    }
}

fn row(error: &Error) -> (&'static str, u16) {
    if let Some(code) = special(error) {
        return (code, 400);
    }
    let found = TABLE.iter().find(|(code, ..)| *code == error.code());
    found.map_or(("server_error", 500), |(_, code, status)| (code, *status))
}

/// The status of the row, for a reply whose own is `status`: one that says more, such as 413, stays.
pub(super) fn status_for(error: &Error, status: StatusCode) -> StatusCode {
    let theirs = TABLE.iter().find(|(code, ..)| *code == error.code()).map(|(.., theirs)| *theirs);
    let usual = error.code().row().status == status.as_u16();
    theirs.filter(|_| usual).and_then(|theirs| StatusCode::from_u16(theirs).ok()).unwrap_or(status)
}

/// The reply in place of one of our own, whose status is `status` and whose body would be `own`.
pub(super) fn reply(error: &Error, own: &ErrorReply, status: StatusCode) -> Response {
    let (code, their_status) = row(error);
    // A status that says more than the row's, such as 413, stays.
    let usual = error.code().row().status == status.as_u16();
    let status = if usual { StatusCode::from_u16(their_status).unwrap_or(status) } else { status };
    let error_description = described(&own.error_description, &own.hint);
    let mut reply = (status, Json(OAuthError { error: code, error_description })).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let basic = HeaderValue::from_static(r#"Basic realm="ringback""#);
        reply.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    }
    reply
}

/// Message and hint in the characters that a description may have (RFC 6749 §5.2).
fn described(message: &str, hint: &str) -> String {
    let fit = |c| match c {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => c,
        _ => '?',
    };
    format!("{message}. {hint}").chars().map(fit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_row_and_none_makes_a_client_drop_its_key() {
        for row in ErrorCode::TABLE {
            let rows = TABLE.iter().filter(|(code, ..)| *code == row.code).count();
            assert_eq!(rows, 1, "{}", row.name);
        }
        assert!(TABLE.iter().all(|(_, code, _)| *code != "invalid_grant"));
    }

    #[tokio::test]
    async fn an_error_is_in_the_form_and_the_characters_of_the_rfc() {
        let login = Error::LoginRequired { account: "work".into(), why: "it said \"n\u{f6}\\\n\"".into() };
        for (error, status, code, their_status) in [
            (login, 428, "temporarily_unavailable", 503),
            (Error::Unauthorized { why: "a key is needed" }, 401, "invalid_client", 401),
            (Error::Beyond { why: "no".into() }, 403, "unauthorized_client", 400),
            (Error::Obstacle(Obstacle::NoSuchGrant), 400, "unsupported_grant_type", 400),
            (Error::Usage { what: "the body is too large".into() }, 413, "invalid_request", 413),
        ] {
            let reply = reply(&error, &error.reply(), StatusCode::from_u16(status).unwrap());
            assert_eq!(reply.status(), their_status, "{error}");
            let basic =
                reply.headers().get("www-authenticate").is_some_and(|value| value == "Basic realm=\"ringback\"");
            assert_eq!(basic, their_status == 401, "{error}");
            let body = axum::body::to_bytes(reply.into_body(), 10_000).await.unwrap();
            let body: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&body).unwrap();
            assert_eq!((body.len(), body["error"].as_str().unwrap()), (2, code));
            let text = body["error_description"].as_str().unwrap();
            assert!(text.bytes().all(|b| (0x20..=0x7e).contains(&b) && b != b'"' && b != b'\\'), "{text}");
            assert_eq!(text, described(&error.to_string(), &error.hint()));
        }
        let said = described("account `work` needs a login: it said \"n\u{f6}\\\n\"", "Run `ringback login work`.");
        assert_eq!(said, "account `work` needs a login: it said 'n?/?'. Run `ringback login work`.");
    }
}
