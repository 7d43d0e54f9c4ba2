//! The parameters in the queries of requests.

use schemars::json_schema;
use serde_json::Value;

use super::schemas::parameter;
use crate::http::query::{MIN_TTL, Seconds, WAIT};

/// A number of seconds.
pub(super) fn seconds(known: Seconds, about: &str) -> Value {
    let schema = json_schema!({ "type": "integer", "minimum": 0, "maximum": known.most });
    parameter("query", known.name, about, &schema)
}

/// What a request for a token may ask for.
pub(super) fn token_query() -> Vec<Value> {
    let text = |name, about, pattern: &str| {
        let schema = json_schema!({ "type": "string", "minLength": 1, "maxLength": 2048, "pattern": pattern });
        parameter("query", name, about, &schema)
    };
    vec![
        seconds(MIN_TTL, "Seconds that the token has to stay valid; a token with less left is refreshed first."),
        seconds(WAIT, "How many seconds to wait for a refresh or a login."),
        text("scope", "Only these of the granted scopes, separated by spaces.", r"^[!#-\[\]-~]+( [!#-\[\]-~]+)*$"),
        text("audience", "A token for this audience.", "^[!-~]+$"),
        text(
            "resource",
            "A token for this resource: an absolute URI without a fragment (RFC 8707).",
            r"^https?://[a-z0-9.-]+(/[!$-;=?-Z_a-z~]*)?$",
        ),
    ]
}

/// The URL whose account is asked for.
pub(super) fn url_query() -> Vec<Value> {
    let schema = json_schema!({ "type": "string", "minLength": 1, "maxLength": 2048, "pattern": "^https://[a-z0-9.-]+(/[A-Za-z0-9._-]*)*$" });
    vec![parameter("query", "url", "Only the account that this URL is for.", &schema)]
}
