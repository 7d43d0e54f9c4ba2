use super::*;

fn show(reply: Reply) -> String {
    match reply {
        Reply::Granted(g) => format!(
            "granted {} {} {} {} {}",
            g.access_token.expose(),
            g.refresh_token.as_ref().map_or("-", RefreshToken::expose),
            g.expires_in.map_or("-".into(), |d| d.as_secs().to_string()),
            g.scope.as_deref().unwrap_or("-"),
            Value::Object(g.extra)
        ),
        Reply::Refused(r) => format!("refused {:?} {r}", r.blame),
        Reply::Busy { retry_after, why } => {
            format!("busy {} {why}", retry_after.map_or("-".into(), |d| d.as_secs().to_string()))
        }
        Reply::Pending { slow_down } => format!("pending, slow down: {slow_down}"),
        Reply::Unclear { why } => format!("unclear {why}"),
    }
}

fn json(status: u16, body: &str) -> String {
    show(parse(Received {
        status,
        content_type: Some("application/json; charset=utf-8"),
        retry_after: None,
        body: body.as_bytes(),
    }))
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
        (200, r#"{"access_token":"a","expires_in":0}"#, "granted a - - - {}"),
        (200, r#"{"access_token":"a","expires_in":-5}"#, "granted a - - - {}"),
        (200, r#"{"access_token":"a","expires_in":1e300}"#, "granted a - - - {}"),
        (200, r#"{"access_token":"a","expires_in":null}"#, "granted a - - - {}"),
        (200, r#"{"access_token":"a","expires_in":"soon"}"#, "granted a - - - {}"),
        (200, r#"{"access_token":"a","refresh_token":"","scope":["x","y"]}"#, "granted a - - x y {}"),
        (200, r#"{"access_token":"a","id":7,"team":{"n":[1]}}"#, r#"granted a - - - {"id":7,"team":{"n":[1]}}"#),
    ] {
        assert_eq!(json(status, body), expected, "{body}");
    }
}

#[test]
fn what_cannot_be_a_grant_is_never_taken_for_one() {
    let deep = format!(r#"{{"access_token":"a","x":{}1{}}}"#, "[".repeat(40), "]".repeat(40));
    let long = format!(r#"{{"access_token":"{}"}}"#, "a".repeat(16 * 1024 + 1));
    let bad_token = "unclear access_token is empty, too long or has characters that no token may have";
    for (body, expected) in [
        ("", "unclear the reply is empty"),
        ("{}", "unclear there is no access_token"),
        ("[]", "unclear the reply has an unexpected shape (line 1, column 0)"),
        ("<html>hello</html>", "unclear the reply is not valid JSON (line 1, column 1)"),
        (r#"{"access_token":"a""#, "unclear the reply is cut off (line 1, column 19)"),
        (r#"{"access_token":"a","access_token":"b"}"#, "unclear the reply has an unexpected shape (line 1, column 39)"),
        (r#"{"access_token":7}"#, "unclear access_token is not text"),
        (r#"{"access_token":"a\r\nX: y"}"#, bad_token),
        (r#"{"access_token":"a b"}"#, bad_token),
        (r#"{"access_token":"ä"}"#, bad_token),
        (r#"{"access_token":""}"#, bad_token),
        (r#"{"access_token":"a","token_type":"mac"}"#, "unclear the token type is not Bearer"),
        (r#"{"access_token":"a","token_type":7}"#, "unclear the token type is not Bearer"),
        (r#"{"access_token":"a","refresh_token":{}}"#, "unclear refresh_token is not text"),
        (&deep, "unclear the reply is nested too deeply"),
        (&long, bad_token),
    ] {
        assert_eq!(json(200, body), expected, "{body}");
    }
    let html =
        Received { status: 200, content_type: Some("text/html"), retry_after: None, body: br#"{"access_token":"a"}"# };
    assert_eq!(show(parse(html)), "unclear the reply is not JSON");
}

#[test]
fn refusals_are_read_in_both_shapes_and_blamed_rightly() {
    for (status, body, expected) in [
        (400, r#"{"error":"invalid_grant","error_description":"gone"}"#, "refused Grant invalid_grant: gone"),
        (401, r#"{"error":"invalid_client"}"#, "refused Client invalid_client"),
        (200, r#"{"error":"bad_refresh_token","ok":false}"#, "refused Unsaid bad_refresh_token"),
        (
            401,
            r#"{"@error":{"@message":"Nope","@httpStatusCode":401,"@code":"oauth2.access_denied"},"error":"invalid_grant","error_description":"d"}"#,
            "refused Grant invalid_grant: d",
        ),
        (
            403,
            r#"{"@error":{"@message":"Forbidden","@httpStatusCode":403,"@proxy":true}}"#,
            "refused Unsaid http_403: Forbidden",
        ),
        (
            401,
            r#"{"@error":{"@message":"No","@code":"oauth2.access_denied"}}"#,
            "refused Unsaid oauth2.access_denied: No",
        ),
        (422, r#"{"@error":{"@message":"Bad","fields":{"scope":["x"]}}}"#, "refused Unsaid http_422: Bad"),
        (400, r#"{"error":"a\u001b[31m\nb","error_description":"\u202ex"}"#, "refused Unsaid a [31m b: x"),
        (400, r#"{"error":"temporarily_unavailable"}"#, "busy - the provider answered temporarily_unavailable"),
    ] {
        assert_eq!(json(status, body), expected, "{body}");
    }
}

#[test]
fn what_decides_nothing_is_busy_or_unclear() {
    let limited = r#"{"@error":{"@message":"Too much requests","@httpStatusCode":429,"@rateLimit":{"RateLimit-Limit":30,"Retry-After":11}}}"#;
    assert_eq!(json(429, limited), "busy 11 too many requests (429)");
    let received = Received { status: 429, content_type: None, retry_after: Some(" 30 "), body: limited.as_bytes() };
    assert_eq!(show(parse(received)), "busy 30 too many requests (429)");
    assert_eq!(json(503, "<html>"), "busy - the provider answered 503");
    assert_eq!(
        json(500, r#"{"error":"invalid_grant"}"#),
        "busy - the provider answered 500",
        "a 500 is never a refusal"
    );
    assert_eq!(json(504, ""), "unclear a gateway of the provider answered 504");
    assert_eq!(json(302, ""), "busy - unexpected status 302 (redirects are not followed)");
    assert_eq!(
        json(403, "<html>Welcome to the hotel</html>"),
        "busy - status 403 without an OAuth error (a proxy or captive portal?)"
    );
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(status in 100u16..600, body: Vec<u8>, text in "[{}\\[\\]\":,a-z0-9\\\\]{0,80}") {
        for bytes in [&body[..], text.as_bytes()] {
            let _ = parse(Received { status, content_type: None, retry_after: Some("x"), body: bytes });
        }
    }
}
