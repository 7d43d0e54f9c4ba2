mod flawed;

use std::time::Duration;

use super::*;
use crate::clock::Wall;
use crate::oauth::dialect::tests::dialect;
use crate::oauth::discovery::Metadata;
use crate::oauth::{authorize, describe, device};
use crate::secret::AccessToken;

/// Sun, 06 Nov 1994 08:49:37 GMT.
const NOW: Wall = Wall(784_111_777_000);

fn show(reply: ParsedReply) -> String {
    match reply {
        ParsedReply::Granted(g) => format!(
            "granted {} {} {} {} {}{}",
            g.access_token.as_ref().map_or("-", AccessToken::expose),
            g.refresh_token.as_ref().map_or("-", RefreshToken::expose),
            g.expires_in.map_or("-".into(), |d| d.as_secs().to_string()),
            g.scope.as_deref().unwrap_or("-"),
            Value::Object(g.extra),
            g.flaws.iter().map(|flaw| ["; ", flaw].concat()).collect::<String>()
        ),
        ParsedReply::Refused(r) => format!("refused {:?} {r}", r.blame),
        ParsedReply::Busy { retry_after, why } => {
            format!("busy {} {why}", retry_after.map_or("-".into(), |d| d.as_secs().to_string()))
        }
        ParsedReply::Pending { slow_down } => format!("pending, slow down: {slow_down}"),
        ParsedReply::Unclear { why } => format!("unclear {why}"),
    }
}

fn show_parsed(received: ReceivedReply<'_>) -> String {
    show(parse(received, &dialect()))
}

fn json(status: u16, body: &str) -> String {
    show_parsed(ReceivedReply {
        status,
        content_type: Some("application/json; charset=utf-8"),
        retry_after: None,
        body: body.as_bytes(),
        at: NOW,
    })
}

#[test]
fn grants_are_read_leniently() {
    for (status, body, expected) in [
        (
            201,
            r#"{"access_token":"a~6","token_type":"Bearer","expires_in":3600,"refresh_token":"r","scope":"x y"}"#,
            "granted a~6 r 3600 x y {}",
        ),
        (200, r#"{"access_token":"a","token_type":"bEaReR"}"#, "granted a - - - {}"),
        (200, r#"{"access_token":"a"}"#, "granted a - - - {}"),
        (200, r#"{"access_token":"a","expires_in":"3600"}"#, "granted a - 3600 - {}"),
        (200, r#"{"access_token":"a","expires_in":" 60 "}"#, "granted a - 60 - {}"),
        (200, r#"{"access_token":"a","expires_in":59.9}"#, "granted a - 59 - {}"),
        (200, r#"{"access_token":"a","expires_in":0}"#, "granted a - 0 - {}"),
        (200, r#"{"access_token":"a","expires_in":-5}"#, "granted a - 0 - {}"),
        (200, r#"{"access_token":"a","expires_in":"0"}"#, "granted a - 0 - {}"),
        (200, r#"{"access_token":"a","expires_in":1e300}"#, "granted a - - - {}"),
        (200, r#"{"access_token":"a","expires_in":null}"#, "granted a - - - {}"),
        (200, r#"{"access_token":"a","expires_in":"soon"}"#, "granted a - - - {}"),
        (200, r#"{"access_token":"a","error":null}"#, "granted a - - - {}"),
        (200, r#"{"access_token":"a","refresh_token":"","scope":["x","y"]}"#, "granted a - - x y {}"),
        (200, r#"{"access_token":"a","id":7,"team":{"n":[1]}}"#, r#"granted a - - - {"id":7,"team":{"n":[1]}}"#),
    ] {
        assert_eq!(json(status, body), expected, "{body}");
    }
}

#[test]
fn a_malformed_grant_is_never_accepted() {
    let long = format!(r#"{{"access_token":"{}"}}"#, "a".repeat(64 * 1024 + 1));
    let bad_token = "unclear access_token has characters that are not allowed in tokens";
    for (body, expected) in [
        ("", "unclear the reply is empty"),
        ("{}", "unclear there is no access_token"),
        ("[]", "unclear the reply has an unexpected shape (line 1, column 0)"),
        ("<html>hello</html>", "unclear the reply is not valid JSON (line 1, column 1)"),
        (r#"{"access_token":"a""#, "unclear the reply is cut off (line 1, column 19)"),
        (r#"{"access_token":7}"#, "unclear access_token is not text"),
        (r#"{"access_token":"a\r\nX: y"}"#, bad_token),
        (r#"{"access_token":"a b"}"#, bad_token),
        (r#"{"access_token":"ä"}"#, bad_token),
        (r#"{"access_token":""}"#, "unclear access_token is empty"),
        (
            r#"{"access_token":"a","token_type":"mac"}"#,
            "unclear token_type is `mac`: not a bearer token (if it can be used as one, set `token_type = \"any\"` for the provider)",
        ),
        (&long, "unclear access_token is longer than 64 KiB"),
    ] {
        assert_eq!(json(200, body), expected, "{body}");
    }
    let html = ReceivedReply {
        status: 200,
        content_type: Some("text/html"),
        retry_after: None,
        body: b"<html>{}</html>",
        at: NOW,
    };
    assert_eq!(show_parsed(html), "unclear the reply is not JSON but `text/html`");
}

#[test]
fn refusals_are_read_in_every_format_and_classified() {
    for (status, body, expected) in [
        (400, r#"{"error":"invalid_grant","error_description":"gone"}"#, "refused Grant invalid_grant: gone"),
        (401, r#"{"error":"invalid_client"}"#, "refused Client invalid_client"),
        (200, r#"{"error":"bad_refresh_token","ok":false}"#, "refused Grant bad_refresh_token"),
        (
            401,
            r#"{"@error":{"@message":"Nope","@httpStatusCode":401,"@code":"oauth2.access_denied"},"error":"invalid_grant","error_description":"d"}"#,
            "refused Grant invalid_grant: d",
        ),
        (
            403,
            r#"{"@error":{"@message":"Forbidden","@httpStatusCode":403,"@proxy":true}}"#,
            "refused Unknown http_403: Forbidden",
        ),
        (
            401,
            r#"{"@error":{"@message":"No","@code":"oauth2.access_denied"}}"#,
            "refused Unknown oauth2.access_denied: No",
        ),
        (422, r#"{"@error":{"@message":"Bad","fields":{"scope":["x"]}}}"#, "refused Unknown http_422: Bad; scope: x"),
        (400, r#"{"error":"a\u001b[31m\nb","error_description":"\u202ex"}"#, "refused Unknown a [31m b: x"),
        (400, r#"{"error":"temporarily_unavailable"}"#, "busy - the provider answered temporarily_unavailable"),
        // Error formats of other APIs: known codes are recognized in any member, and the text is reported.
        (400, r#"{"status":"BAD_REFRESH_TOKEN","message":"gone"}"#, "refused Grant BAD_REFRESH_TOKEN: gone"),
        (400, r#"{"errors":["invalid_grant"]}"#, "refused Grant invalid_grant"),
        (401, r#"[{"errorCode":"INVALID_SESSION","message":"m"}]"#, "refused Unknown INVALID_SESSION: m"),
        (400, r#"{"error":{"message":"no such token"}}"#, "refused Unknown http_400: no such token"),
        (401, r#"{"error":{"code":190,"type":"OAuthException","message":"m"}}"#, "refused Unknown OAuthException: m"),
        (403, r#"{"detail":"Nope"}"#, "refused Unknown http_403: Nope"),
        (400, r#"{"errors":[{"code":"x1","detail":"a"},{"code":"x2"}]}"#, "refused Unknown x1: a"),
        (404, r#"{"error":"Not Found"}"#, "refused Unknown Not Found"),
        (403, r#"{"error":"Forbidden"}"#, "refused Unknown Forbidden"),
        (
            401,
            "",
            "refused Unknown http_401: a reply that is not an OAuth error (`application/json; charset=utf-8`; from a proxy, firewall or captive portal?)",
        ),
        (
            400,
            "{}",
            "refused Unknown http_400: a reply that is not an OAuth error (`application/json; charset=utf-8`; from a proxy, firewall or captive portal?)",
        ),
        (
            400,
            r#"{"error":true}"#,
            "refused Unknown http_400: a reply that is not an OAuth error (`application/json; charset=utf-8`; from a proxy, firewall or captive portal?)",
        ),
        (
            403,
            "<html>Welcome to the hotel</html>",
            "refused Unknown http_403: a reply that is not an OAuth error (`application/json; charset=utf-8`; from a proxy, firewall or captive portal?)",
        ),
        // Errors that are temporary by their own code.
        (200, r#"{"ok":false,"error":"service_unavailable"}"#, "busy - the provider answered service_unavailable"),
        (
            400,
            r#"{"error":{"status":"RESOURCE_EXHAUSTED","message":"quota"}}"#,
            "busy - the provider answered RESOURCE_EXHAUSTED: quota",
        ),
        (400, r#"{"error":{"is_transient":true,"message":"later"}}"#, "busy - the provider answered http_400: later"),
        (
            400,
            r#"{"error":"too many requests continuously"}"#,
            "busy - the provider answered too many requests continuously",
        ),
        (400, r#"{"error":"upstream_timeout"}"#, "busy - the provider answered upstream_timeout"),
        (407, "<html>", "busy - a proxy requires authentication (407)"),
    ] {
        assert_eq!(json(status, body), expected, "{body}");
    }
}

#[test]
fn an_undecided_reply_is_busy_or_unclear() {
    let limited = r#"{"@error":{"@message":"Too much requests","@httpStatusCode":429,"@rateLimit":{"RateLimit-Limit":30,"Retry-After":11}}}"#;
    assert_eq!(json(429, limited), "busy 11 too many requests (429): Too much requests");
    let received =
        ReceivedReply { status: 429, content_type: None, retry_after: Some(" 30 "), body: limited.as_bytes(), at: NOW };
    assert_eq!(show_parsed(received), "busy 30 too many requests (429): Too much requests");
    assert_eq!(json(503, "<html>"), "busy - the provider answered 503");
    assert_eq!(
        json(500, r#"{"error":"invalid_grant"}"#),
        "busy - the provider answered 500: invalid_grant",
        "a 500 is never a refusal"
    );
    assert_eq!(json(504, ""), "unclear a gateway of the provider answered 504");
    assert_eq!(json(302, ""), "busy - unexpected status 302 (redirects are not followed)");
    let later = ReceivedReply { status: 403, content_type: None, retry_after: Some("7"), body: b"<html>", at: NOW };
    assert_eq!(show_parsed(later), "busy 7 the provider answered 403", "a reply with `Retry-After` is no refusal");
    for (status, code) in [(403, "rate_limit_exceeded"), (400, "temporarily_unavailable"), (200, "server_error")] {
        let body = format!(r#"{{"error":"{code}"}}"#);
        let received =
            ReceivedReply { status, content_type: None, retry_after: Some("120"), body: body.as_bytes(), at: NOW };
        assert_eq!(show_parsed(received), format!("busy 120 the provider answered {code}"), "{status}");
    }
    let long = format!(r#"{{"error":"x","error_description":"{}"}}"#, "y".repeat(900));
    assert_eq!(json(400, &long).len(), "refused Unknown x: ".len() + 500);
}

proptest::proptest! {
    #[test]
    fn no_input_makes_a_parser_panic(status in 100u16..600, body: Vec<u8>, text in "[{}\\[\\]\":,a-z0-9\\\\]{0,80}") {
        for body in [&body[..], text.as_bytes()] {
            let received = ReceivedReply { status, content_type: None, retry_after: Some("x"), body, at: NOW };
            let _ = parse(received, &dialect());
            let _ = describe::parse(describe::DescribeEndpoint::Details, received);
            let _ = describe::parse(describe::DescribeEndpoint::Introspection, received);
            let _ = device::parse(received);
            let _ = authorize::pushed(received);
            let _ = Metadata::parse("https://id.example", received);
        }
    }
}

#[test]
fn members_are_read_from_the_configured_paths() {
    let paths = [
        ("access_token", "authed_user.access_token"),
        ("refresh_token", "authed_user.refresh_token"),
        ("scope", "authed_user.scope"),
    ];
    let slack = Dialect {
        response_paths: paths.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect(),
        ..dialect()
    };
    let read = |body: &str| {
        let received =
            ReceivedReply { status: 200, content_type: None, retry_after: None, body: body.as_bytes(), at: NOW };
        show(parse(received, &slack))
    };
    for (body, expected) in [
        (
            r#"{"ok":true,"access_token":"bot","refresh_token":"botr","token_type":"bot","authed_user":{"id":"U","access_token":"user","refresh_token":"r","scope":"a,b"}}"#,
            r#"granted user r - a,b {"authed_user":{"id":"U"},"ok":true}"#,
        ),
        (r#"{"access_token":"bot","authed_user":{"id":"U"}}"#, "unclear there is no access_token"),
        (r#"{"access_token":"bot","authed_user":"U"}"#, "unclear there is no access_token"),
        (r#"{"access_token":"user2","refresh_token":"r2","token_type":"user"}"#, "granted user2 r2 - - {}"),
        (r#"{"ok":false,"error":"invalid_refresh_token"}"#, "refused Grant invalid_refresh_token"),
    ] {
        assert_eq!(read(body), expected, "{body}");
    }
    assert_eq!(
        json(200, r#"{"access_token":"a","team":[{"refresh_token":"leak","id":1}]}"#),
        r#"granted a - - - {"team":[{"id":1}]}"#,
        "a refresh token never goes to a caller"
    );
}

#[test]
fn a_lifetime_is_read_in_the_configured_unit() {
    for (unit, value, expected) in [
        (Duration::from_millis(1), "3600000", Some(3600)),
        (Duration::from_millis(1), "999", None),
        (Duration::from_secs(60), "60", Some(3600)),
        (Duration::from_secs(60), "\"60.7\"", Some(3600)),
        (Duration::from_secs(60), "18446744073709551615", None),
        (Duration::from_secs(1), "315360001", None),
    ] {
        let body = format!(r#"{{"access_token":"a","expires_in":{value}}}"#);
        let by = Dialect { expires_in_unit: unit, ..dialect() };
        let received =
            ReceivedReply { status: 200, content_type: None, retry_after: None, body: body.as_bytes(), at: NOW };
        let expected = expected.map_or("-".to_owned(), |seconds: u64| seconds.to_string());
        assert_eq!(show(parse(received, &by)), format!("granted a - {expected} - {{}}"), "{value} x {unit:?}");
    }
}

#[test]
fn token_details_supply_the_expiry_and_do_not_replace_the_token() {
    let now = NOW.unix_seconds();
    for (body, expected) in [
        (
            format!(r#"{{"access_token":"a","expires_at":{}}}"#, now + 60),
            format!(r#"granted a - 60 - {{"expires_at":{}}}"#, now + 60),
        ),
        (
            format!(r#"{{"access_token":"a","expires_in":5,"expires_at":{}}}"#, now + 60),
            format!(r#"granted a - 5 - {{"expires_at":{}}}"#, now + 60),
        ),
        (
            format!(r#"{{"access_token":"a","expires_in":0,"expires_at":{}}}"#, now + 60),
            format!(r#"granted a - 60 - {{"expires_at":{}}}"#, now + 60),
        ),
        (
            format!(r#"{{"access_token":"a","expires_at":{}}}"#, now - 1),
            format!(r#"granted a - 0 - {{"expires_at":{}}}"#, now - 1),
        ),
        (r#"{"access_token":"a","expires_at":null}"#.into(), r#"granted a - - - {"expires_at":null}"#.into()),
        (
            r#"{"scope":"s","expires_at":1,"scope_details":[]}"#.into(),
            "unclear the reply has details of the token instead of the token: remove `mode=details` from `token_url`"
                .into(),
        ),
    ] {
        assert_eq!(json(200, &body), expected, "{body}");
    }
}

#[test]
fn only_two_codes_mean_pending() {
    for (status, code, expected) in [
        (400, "authorization_pending", "pending, slow down: false"),
        (400, "slow_down", "pending, slow down: true"),
        (200, "authorization_pending", "pending, slow down: false"),
        (400, "expired_token", "refused Grant expired_token"),
        (400, "access_denied", "refused Client access_denied"),
        (503, "authorization_pending", "busy - the provider answered 503: authorization_pending"),
    ] {
        assert_eq!(json(status, &format!(r#"{{"error":"{code}"}}"#)), expected, "{status} {code}");
    }
}

#[test]
fn every_phonecom_error_format_is_reported() {
    for (status, body, expected) in [
        (
            409,
            r#"{"@error":{"@message":"Conflict","@messages":["one","two"]}}"#,
            "refused Unknown http_409: Conflict; one; two",
        ),
        (
            409,
            r#"{"@error":{"@message":"Conflict","@messages":[{"@message":"one","n":1},{"x":{"y":"two"}}]}}"#,
            "refused Unknown http_409: Conflict; one; two",
        ),
        (
            422,
            r#"{"@error":{"@message":"Bad","fields":{"code":"gone","scope":["x","y"]}}}"#,
            "refused Unknown http_422: Bad; code: gone; scope: x, y",
        ),
        (401, r#"{"@error":{"@message":"No","@details":"why","@code":"c"}}"#, "refused Unknown c: No; why"),
        (401, r#"{"@error":{"@message":"No","@details":"No"}}"#, "refused Unknown http_401: No"),
        (401, r#"{"@error":"text"}"#, "refused Unknown http_401"),
        (403, r#"{"error":"","@error":{"@message":7}}"#, "refused Unknown http_403"),
        (400, r#"{"@error":{"@code":"invalid_grant"}}"#, "refused Grant invalid_grant"),
    ] {
        assert_eq!(json(status, body), expected, "{body}");
    }
}

#[test]
fn retry_after_is_read_from_every_known_format() {
    let reset = NOW.unix_seconds() + 9;
    for (header, limit, expected) in [
        (None, r#""Retry-After":11"#.to_owned(), "11"),
        (None, r#""Retry-After":"12""#.to_owned(), "12"),
        (None, format!(r#""RateLimit-Reset":{reset}"#), "9"),
        (None, r#""RateLimit-Reset":1"#.to_owned(), "-"),
        (None, format!(r#""RateLimit-Reset":"{reset}","Retry-After":0"#), "9"),
        (Some("Sun, 06 Nov 1994 08:50:07 GMT"), String::new(), "30"),
        (Some("Sunday, 06-Nov-94 08:50:07 GMT"), String::new(), "30"),
        (Some("Sun, 06 Nov 1994 08:49:07 GMT"), String::new(), "-"),
        (Some("soon"), String::new(), "-"),
        (Some("5"), r#""Retry-After":7"#.to_owned(), "7"),
    ] {
        let body = format!(r#"{{"@error":{{"@message":"x","@rateLimit":{{{limit}}}}}}}"#);
        let received =
            ReceivedReply { status: 429, content_type: None, retry_after: header, body: body.as_bytes(), at: NOW };
        assert_eq!(show_parsed(received), format!("busy {expected} too many requests (429): x"), "{header:?} {limit}");
    }
}
