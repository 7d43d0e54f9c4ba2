//! Replies to requests that are not forwarded, or whose upstream can't be used: JSON as everywhere, and JSON-RPC for a
//! client that speaks it, since such a client shows the user nothing else.
//!
//! Nothing here is a 401 or a 428, and nothing has a `WWW-Authenticate`: on these, clients of an API start a login of
//! their own.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::contract::ErrorCode;
use crate::error::{Error, UpstreamFailure};
use crate::http::reply::Reject;

/// What a client waits before it asks again, in seconds, if only a person can help: long enough not to be a nuisance.
const WHILE_A_PERSON_ACTS: u64 = 30;
/// JSON-RPC 2.0, §5.1: of the range that is left to servers.
const SERVER_ERROR: i64 = -32_001;

/// How a client wants to be told.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Speaks {
    /// As programs do.
    Http,
    /// JSON-RPC 2.0; the id of its request, `null` if there is none or several.
    JsonRpc(Value),
}

/// The part of a request that says what it is.
#[derive(Deserialize)]
struct RpcRequest {
    jsonrpc: String,
    #[serde(default)]
    id: Value,
}

impl Speaks {
    /// What the body of a request shows.
    pub(super) fn of(headers: &HeaderMap, body: &[u8]) -> Self {
        if !may_be_rpc(headers) {
            return Self::Http;
        }
        match serde_json::from_slice::<RpcRequest>(body) {
            Ok(RpcRequest { jsonrpc, id }) if jsonrpc == "2.0" => {
                Self::JsonRpc(if id.is_string() || id.is_number() { id } else { Value::Null })
            }
            _ if serde_json::from_slice::<Vec<RpcRequest>>(body).is_ok_and(|batch| !batch.is_empty()) => {
                Self::JsonRpc(Value::Null)
            }
            _ => Self::Http,
        }
    }
}

/// Whether the body is worth a look.
pub(super) fn may_be_rpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// The reply, for whoever asked.
pub(super) fn reply(error: Error, speaks: Speaks) -> Response {
    let status = status(&error, &speaks);
    let own = error.reply();
    let wait = (status == 503).then(|| own.retry_after.unwrap_or(WHILE_A_PERSON_ACTS));
    let mut reply = match speaks {
        Speaks::Http => Reject(error).into_response(),
        Speaks::JsonRpc(id) => {
            let message = format!("{}: {}. {}", own.error.row().name, own.error_description, own.hint);
            let error = json!({ "code": SERVER_ERROR, "message": message, "data": own });
            Json(json!({ "jsonrpc": "2.0", "id": id, "error": error })).into_response()
        }
    };
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    if let Some(wait) = wait {
        reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    reply
}

fn status(error: &Error, speaks: &Speaks) -> u16 {
    match (error, error.code()) {
        // An MCP client takes a 403 for a reason to log in, too.
        (Error::Upstream { failure: UpstreamFailure::NeedsScope { .. }, .. }, _) if *speaks != Speaks::Http => 503,
        // The error of one request, as JSON-RPC has it: no other request would fare better or worse.
        (Error::Beyond { .. }, _) if matches!(speaks, Speaks::JsonRpc(id) if !id.is_null()) => 200,
        (Error::Upstream { failure, .. }, _) => failure.status(),
        // Only a person can help, or time.
        (
            _,
            ErrorCode::LoginRequired | ErrorCode::LoginFailed | ErrorCode::StoreUnavailable | ErrorCode::Unauthorized,
        ) => 503,
        (_, code) => code.row().status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ScopeStep;

    #[test]
    fn json_rpc_is_known_by_its_body() {
        let json =
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"))]);
        let rpc = |id: Value| Speaks::JsonRpc(id);
        for (body, expected) in [
            (r#"{"jsonrpc":"2.0","id":7,"method":"x"}"#, rpc(json!(7))),
            (r#"{"jsonrpc":"2.0","id":"a","method":"x"}"#, rpc(json!("a"))),
            (r#"{"jsonrpc":"2.0","method":"x"}"#, rpc(Value::Null)),
            (r#"{"jsonrpc":"2.0","id":{"a":1},"method":"x"}"#, rpc(Value::Null)),
            (r#"[{"jsonrpc":"2.0","id":1},{"jsonrpc":"2.0","id":2}]"#, rpc(Value::Null)),
            (r#"{"jsonrpc":"1.0","id":7}"#, Speaks::Http),
            (r#"{"id":7}"#, Speaks::Http),
            ("[]", Speaks::Http),
            ("{", Speaks::Http),
            ("", Speaks::Http),
        ] {
            assert_eq!(Speaks::of(&json, body.as_bytes()), expected, "{body}");
        }
        assert_eq!(Speaks::of(&HeaderMap::new(), br#"{"jsonrpc":"2.0","id":7}"#), Speaks::Http);
    }

    #[test]
    fn no_client_is_led_to_a_login_of_its_own() {
        let (account, why) = (String::from("work"), String::from("x"));
        let upstream = |failure| Error::Upstream { account: "work".into(), host: "h".into(), failure };
        for (error, http, rpc) in [
            (Error::LoginRequired { account: account.clone(), why: why.clone() }, 503, 503),
            (Error::StoreLocked, 503, 503),
            (Error::Beyond { why: why.clone() }, 403, 200),
            (Error::Busy, 503, 503),
            (upstream(UpstreamFailure::RejectsToken), 503, 503),
            (upstream(UpstreamFailure::WantsNonce), 503, 503),
            (upstream(UpstreamFailure::NeedsScope { scope: String::new(), next: ScopeStep::Login }), 403, 503),
            (upstream(UpstreamFailure::Unreachable { why: why.clone() }), 502, 502),
            (upstream(UpstreamFailure::TooLate { why }), 504, 504),
        ] {
            for (speaks, expected) in [(Speaks::Http, http), (Speaks::JsonRpc(json!(1)), rpc)] {
                let reply = reply(error.clone(), speaks);
                assert_eq!(reply.status().as_u16(), expected, "{error:?}");
                assert!(!reply.headers().contains_key(header::WWW_AUTHENTICATE));
                assert_eq!(reply.headers().contains_key(header::RETRY_AFTER), expected == 503, "{error:?}");
            }
        }
        let to_nobody = reply(Error::Beyond { why: "x".into() }, Speaks::JsonRpc(Value::Null));
        assert_eq!(to_nobody.status().as_u16(), 403, "a batch or a notification: there is no request to answer");
    }
}
