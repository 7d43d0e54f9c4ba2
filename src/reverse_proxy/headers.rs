//! Which header lines pass the proxy. Hop-by-hop ones (RFC 9110 §7.6.1) pass in neither direction, nor does what would
//! carry the key to the upstream, the token back to the client, or a cookie anywhere.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::oauth::challenge::Challenge;

/// Where a program shows its key if it can't set `Authorization`.
pub(crate) const KEY: HeaderName = HeaderName::from_static("x-ringback-key");

/// Of one connection, whatever `Connection` says.
const HOP_BY_HOP: [&str; 7] =
    ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"];

/// What is set anew for the upstream, is the browser's business with us, or would tell a server another target, client or
/// caller than the request has.
const NOT_UPSTREAM: [&str; 18] = [
    "host",
    "content-length",
    "expect",
    "authorization",
    "dpop",
    "cookie",
    "cookie2",
    "origin",
    "referer",
    "forwarded",
    "via",
    "x-real-ip",
    "x-original-url",
    "x-rewrite-url",
    "x-original-host",
    "x-host",
    "max-forwards",
    "x-ringback-key",
];
const NOT_UPSTREAM_BEGINNINGS: [&str; 4] = ["proxy-", "x-forwarded-", "sec-fetch-", "x-ringback-"];

/// What a browser would remember of us on behalf of the upstream, what starts a login of the client's own, and what concerns
/// our credentials.
const NOT_BACK: [&str; 16] = [
    "set-cookie",
    "set-cookie2",
    "www-authenticate",
    "dpop-nonce",
    "authentication-info",
    "authorization",
    "location",
    "strict-transport-security",
    "public-key-pins",
    "public-key-pins-report-only",
    "alt-svc",
    "clear-site-data",
    "refresh",
    "service-worker-allowed",
    "report-to",
    "nel",
];
const NOT_BACK_BEGINNINGS: [&str; 3] = ["proxy-", "access-control-", "x-ringback-"];

/// By which a server may take a request for another method than it has.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// The beginning of every key, and how much follows at least.
const KEY_PREFIX: &[u8] = b"rbk_";
const KEY_REST: usize = 49;

/// A key of ours is where it would reach the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyElsewhere;

/// The lines that go to the upstream.
pub(crate) fn outgoing(headers: &HeaderMap) -> Result<HeaderMap, KeyElsewhere> {
    let named = named_by_connection(headers);
    let mut passed = HeaderMap::with_capacity(headers.len() + 1);
    for (name, value) in headers {
        if dropped(name, &NOT_UPSTREAM, &NOT_UPSTREAM_BEGINNINGS) || named.contains(name) {
            continue;
        }
        if has_key(value.as_bytes()) {
            return Err(KeyElsewhere);
        }
        passed.append(name, value.clone());
    }
    Ok(passed)
}

/// Leaves the lines that go to the client. Where `secret`, which is the token, is in one of a name, none of it does.
pub(crate) fn incoming(headers: &mut HeaderMap, secret: &[u8]) {
    let named = named_by_connection(headers);
    let unfit = |name: &HeaderName, value: &HeaderValue| {
        let leaks = !secret.is_empty() && contains(value.as_bytes(), secret);
        leaks || dropped(name, &NOT_BACK, &NOT_BACK_BEGINNINGS) || named.contains(name)
    };
    let unfit: Vec<_> =
        headers.iter().filter(|(name, value)| unfit(name, value)).map(|(name, _)| name.clone()).collect();
    for name in unfit {
        headers.remove(name);
    }
}

/// Whether a key of ours stands in `text`.
pub(crate) fn has_key(text: &[u8]) -> bool {
    let is_of_key = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    // As most header lines are.
    let is_too_short = text.len() < KEY_PREFIX.len() + KEY_REST;
    !is_too_short
        && text.windows(KEY_PREFIX.len()).enumerate().filter(|(_, window)| *window == KEY_PREFIX).any(|(at, _)| {
            text.get(at + KEY_PREFIX.len()..)
                .is_some_and(|rest| rest.iter().take_while(|byte| is_of_key(byte)).count() >= KEY_REST)
        })
}

/// Whether the request wants another method than its own at some servers.
pub(crate) fn overrides_method(headers: &HeaderMap) -> bool {
    METHOD_OVERRIDES.iter().any(|name| headers.contains_key(*name))
}

/// Whether a WebSocket is asked for (RFC 6455 §4.1).
pub(crate) fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let mut asked = headers.get_all(header::UPGRADE).iter().filter_map(|value| value.to_str().ok());
    asked.any(|value| value.split(',').any(|word| word.trim().eq_ignore_ascii_case("websocket")))
        || headers.contains_key(header::SEC_WEBSOCKET_KEY)
}

/// The scope that a 403 asks for (RFC 6750 §3.1): `None` if it is about something else, and empty if it does not say.
pub(crate) fn missing_scope(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let challenge =
        Challenge::read(values).filter(|challenge| challenge.error.as_deref() == Some("insufficient_scope"))?;
    let scope = challenge.scope.join(" ");
    let fit = |c: char| c.is_ascii_graphic() || c == ' ';
    Some(if scope.len() <= 1000 && scope.chars().all(fit) { scope } else { String::new() })
}

fn dropped(name: &HeaderName, names: &[&str], beginnings: &[&str]) -> bool {
    let name = name.as_str();
    HOP_BY_HOP.contains(&name) || names.contains(&name) || beginnings.iter().any(|start| name.starts_with(start))
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let lines = headers.get_all(header::CONNECTION).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.len() >= part.len() && text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        map
    }

    fn names(map: &HeaderMap) -> Vec<&str> {
        map.keys().map(HeaderName::as_str).collect()
    }

    #[test]
    fn only_what_is_the_upstreams_business_goes_there() {
        let passing = [
            ("accept", "text/event-stream"),
            ("content-type", "application/json"),
            ("user-agent", "x"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-param-x", "1"),
            ("last-event-id", "7"),
            ("x-api-version", "2"),
            ("range", "bytes=0-1"),
        ];
        let mut lines = passing.to_vec();
        let dropped = HOP_BY_HOP.iter().chain(&NOT_UPSTREAM);
        lines.extend(dropped.filter(|name| **name != "connection").map(|name| (*name, "x")));
        lines.extend([("connection", "close, X-Hop"), ("x-hop", "1"), ("proxy-authorization", "x")]);
        lines.extend([("x-forwarded-host", "x"), ("sec-fetch-mode", "cors"), ("x-ringback-request", "x")]);
        assert_eq!(names(&outgoing(&map(&lines)).unwrap()), passing.map(|(name, _)| name));
    }

    #[test]
    fn no_key_goes_upstream() {
        let key = format!("rbk_{}", "a".repeat(49));
        for (value, fits) in [
            (key.as_str(), false),
            (&format!("Token {key}"), false),
            (&format!("user:{key}@"), false),
            ("rbk_short", true),
            ("x", true),
        ] {
            assert_eq!(outgoing(&map(&[("x-api-key", value)])).is_ok(), fits, "{value}");
        }
        assert!(outgoing(&map(&[("authorization", &key), ("x-ringback-key", &key)])).unwrap().is_empty());
    }

    #[test]
    fn neither_cookies_nor_challenges_nor_the_token_come_back() {
        let passing =
            [("content-type", "text/plain"), ("x-request-id", "r"), ("content-length", "3"), ("retry-after", "1")];
        let mut lines = passing.to_vec();
        lines.extend(HOP_BY_HOP.iter().chain(&NOT_BACK).filter(|name| **name != "connection").map(|name| (*name, "x")));
        lines.extend([("connection", "X-Hop"), ("x-hop", "1"), ("access-control-allow-origin", "*")]);
        lines.extend([
            ("x-echo", "ok"),
            ("x-echo", "Bearer the-token"),
            ("proxy-authenticate", "Basic"),
            ("x-ringback-key", "x"),
        ]);
        let mut headers = map(&lines);
        incoming(&mut headers, b"the-token");
        let mut left = names(&headers);
        left.sort_unstable();
        assert_eq!(left, ["content-length", "content-type", "retry-after", "x-request-id"]);
    }

    #[test]
    fn a_missing_scope_is_read_from_the_challenge() {
        for (challenge, expected) in [
            (r#"Bearer error="insufficient_scope", scope="calls read""#, Some("calls read")),
            (r#"Bearer error="insufficient_scope""#, Some("")),
            (r#"Bearer error="invalid_token""#, None),
            (r#"Basic realm="x""#, None),
        ] {
            assert_eq!(missing_scope(&map(&[("www-authenticate", challenge)])).as_deref(), expected, "{challenge}");
        }
        assert_eq!(missing_scope(&HeaderMap::new()), None);
    }

    #[test]
    fn a_websocket_is_known_by_its_header_lines() {
        for (name, value, asked) in [
            ("upgrade", "websocket", true),
            ("upgrade", "h2c, WebSocket", true),
            ("upgrade", "h2c", false),
            ("sec-websocket-key", "x", true),
            ("accept", "websocket", false),
        ] {
            assert_eq!(asks_for_websocket(&map(&[(name, value)])), asked, "{name}: {value}");
        }
    }
}
