//! Request targets: the paths and queries of the routes.

use std::fmt::Write as _;

use url::form_urlencoded;

/// What kind of token is wanted. `None` leaves a choice to the daemon's config.
#[derive(Debug, Clone, Default)]
pub struct TokenOptions {
    /// How long the token has to be valid at least, in seconds.
    pub min_ttl: Option<u64>,
    /// How long to wait for a login or refresh, in seconds.
    pub wait: Option<u64>,
    /// A token for these of the granted scopes only, separated by spaces.
    pub scope: Option<String>,
    /// A token for this audience.
    pub audience: Option<String>,
    /// A token for this resource (RFC 8707).
    pub resource: Option<String>,
}

/// `GET /v1/accounts/{account}/token` with its query.
pub(crate) fn token_target(account: &str, options: &TokenOptions) -> String {
    let target = account_target(account, "/token");
    let parameters = [
        ("min_ttl", options.min_ttl.map(|seconds| seconds.to_string())),
        ("wait", options.wait.map(|seconds| seconds.to_string())),
        ("scope", options.scope.clone()),
        ("audience", options.audience.clone()),
        ("resource", options.resource.clone()),
    ];
    let given = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    if query.is_empty() { target } else { format!("{target}?{query}") }
}

/// `GET /v1/api-urls`, of all accounts or for one URL.
pub(crate) fn api_urls_target(url: Option<&str>) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(url.map(|url| ("url", url))).finish();
    if query.is_empty() { "/v1/api-urls".to_owned() } else { format!("/v1/api-urls?{query}") }
}

/// `/v1/accounts/{account}` and what follows.
pub(crate) fn account_target(account: &str, rest: &str) -> String {
    format!("/v1/accounts/{}{rest}", segment(account))
}

/// `text` as one path segment. A name may have dots, which stay as they are; those of `.` and `..`, which could leave the
/// path, are encoded, and the daemon refuses them.
pub(crate) fn segment(text: &str) -> String {
    let is_step = matches!(text, "." | "..");
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && !is_step) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
