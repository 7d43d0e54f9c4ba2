//! Flawed replies: usable parts are used, and a refresh token is never lost.

use proptest::prelude::{Strategy, prop_oneof};
use proptest::sample::select;

use super::*;
use crate::oauth::dialect::ServedTypes;

fn received<'a>(content_type: Option<&'a str>, body: &'a [u8]) -> ReceivedReply<'a> {
    ReceivedReply { status: 200, content_type, retry_after: None, body, at: NOW }
}

fn plain(body: impl AsRef<[u8]>) -> String {
    show_parsed(received(Some("application/json"), body.as_ref()))
}

/// Shown instead of a type that is not a word, since it may be a token in the wrong member.
const NO_WORD: &str = "something that is not a word";

#[test]
fn json_is_read_under_any_content_type() {
    let body = br#"{"access_token":"a","refresh_token":"r"}"#;
    for kind in ["application/json", "APPLICATION/JSON; charset=latin1", "application/token+json", "text/json"] {
        assert_eq!(show_parsed(received(Some(kind), body)), "granted a r - - {}", "{kind}");
    }
    for kind in ["text/plain;charset=utf-8", "text/html", "application/x-www-form-urlencoded", ""] {
        let expected = format!("granted a r - - {{}}; the content type of the reply is `{kind}`");
        assert_eq!(show_parsed(received(Some(kind), body)), expected, "{kind}");
    }
    assert_eq!(show_parsed(received(None, body)), "granted a r - - {}");
}

#[test]
fn where_a_key_was_proved_only_a_bound_token_is_taken() {
    let key = DpopKey::new("key");
    for (kind, bound) in [
        (r#""DPoP""#, true),
        (r#"" dpop ""#, true),
        (r#""Bearer""#, false),
        (r#""N_A""#, false),
        ("null", false),
        ("7", false),
    ] {
        let body = format!(r#"{{"access_token":"a","refresh_token":"r","token_type":{kind}}}"#);
        let asked = Asked { spent: None, dpop_key: Some(&key) };
        let ParsedReply::Granted(grant) = parse_for(received(None, body.as_bytes()), &dialect(), asked) else {
            panic!("{kind}: a refresh token is kept")
        };
        assert_eq!((grant.access_token.is_some(), grant.flaws.is_empty()), (bound, bound), "{kind}: {grant:?}");
        assert!(bound || grant.flaws[0].contains("remove `dpop` from the account"), "{grant:?}");
        assert!(grant.refresh_token.is_some() && grant.dpop_key.is_some(), "{kind}: the key goes with it");
    }
}

#[test]
fn unusual_token_types_are_served_and_reported_and_unusable_ones_not_served() {
    let refused = |kind: &str| {
        let hint = "(if it can be used as one, set `token_type = \"any\"` for the provider)";
        format!("granted - r - - {{}}; token_type is `{kind}`: not a bearer token {hint}")
    };
    let odd = |kind: &str| format!("granted a r - - {{}}; token_type is `{kind}`");
    let usual = "granted a r - - {}".to_owned();
    for (kind, expected) in [
        ("\"bearer\"", usual.clone()),
        ("\" BEARER \"", usual.clone()),
        ("null", usual.clone()),
        ("\"user\"", usual),
        ("\"\"", odd("")),
        ("\"BearerToken\"", odd("BearerToken")),
        ("\"JWT\"", odd("JWT")),
        ("\"\\u001b[31m\\u202ex\"", odd(NO_WORD)),
        ("7", odd("7")),
        ("\"bearer-v2\"", odd("bearer-v2")),
        ("\"0123456789abcdefg\"", odd(NO_WORD)),
        ("[\"bearer\"]", odd(NO_WORD)),
        ("\"pop\"", refused("pop")),
        ("\"MAC\"", refused("MAC")),
        ("\"N_A\"", refused("N_A")),
    ] {
        let body = format!(r#"{{"access_token":"a","refresh_token":"r","token_type":{kind}}}"#);
        assert_eq!(plain(&body), expected, "{kind}");
    }
    let long = format!(r#"{{"access_token":"a","token_type":"{}"}}"#, "x".repeat(500));
    assert_eq!(
        plain(long),
        format!("granted a - - - {{}}; token_type is `{NO_WORD}`"),
        "the value may be a token, so it is not shown"
    );
    let dpop = plain(r#"{"access_token":"a","token_type":"dpop"}"#);
    assert!(dpop.contains("set `dpop = true` for the account"), "{dpop}");
    let any = Dialect { token_type: ServedTypes::Any, ..dialect() };
    let body = br#"{"access_token":"a","token_type":"DPoP"}"#;
    assert_eq!(show(parse(received(None, body), &any)), "granted a - - - {}; token_type is `DPoP`");
}

#[test]
fn a_refresh_token_is_kept_whatever_is_wrong_with_the_access_token() {
    let long = "x".repeat(64 * 1024);
    let row = |members: &str, expected: &str| (members.to_owned(), expected.to_owned());
    for (members, expected) in [
        row(r#""refresh_token":"r""#, "granted - r - - {}; there is no access_token"),
        row(r#""refresh_token":"r","access_token":null"#, "granted - r - - {}; there is no access_token"),
        row(r#""refresh_token":"r","access_token":"""#, "granted - r - - {}; access_token is empty"),
        row(r#""refresh_token":"r","access_token":{"x":1}"#, "granted - r - - {}; access_token is not text"),
        row(
            r#""refresh_token":"r","access_token":"a b""#,
            "granted - r - - {}; access_token has characters that are not allowed in tokens",
        ),
        row(
            &format!(r#""refresh_token":"r","access_token":"{long}x""#),
            "granted - r - - {}; access_token is longer than 64 KiB",
        ),
        row(
            &format!(r#""refresh_token":"{long}","access_token":"{long}""#),
            &format!("granted {long} {long} - - {{}}"),
        ),
        // A refresh token may contain more characters, since it is never sent in a header.
        row(r#""refresh_token":"r é&=\" ","access_token":"a""#, "granted a r é&=\"  - - {}"),
        row(r#""refresh_token":12345678901234567890,"access_token":"a""#, "granted a 12345678901234567890 - - {}"),
        // An access token with an invalid refresh token is served, and the old refresh token stays in use.
        row(r#""refresh_token":{},"access_token":"a""#, "granted a - - - {}; refresh_token is not text"),
        row(r#""refresh_token":false,"access_token":"a""#, "granted a - - - {}; refresh_token is not text"),
        row(
            r#""refresh_token":"r\n","access_token":"a""#,
            "granted a - - - {}; refresh_token has characters that are not allowed in tokens",
        ),
        row(
            &format!(r#""refresh_token":"r","access_token":"a","x":{}1{}"#, "[".repeat(40), "]".repeat(40)),
            "granted a r - - {}; a member is nested too deeply and was skipped",
        ),
        row(
            r#""refresh_token":"r","access_token":"a","expires_in":"soon","scope":7,"id":[]"#,
            r#"granted a r - - {"id":[]}"#,
        ),
    ] {
        assert_eq!(plain(format!("{{{members}}}")), expected, "{members:.200}");
    }
}

#[test]
fn of_repeated_members_the_last_text_is_used() {
    let twice = |tokens: &str| format!("granted {tokens} - - {{}}; the reply has a member twice; the last one is used");
    for (members, expected) in [
        (
            r#""access_token":"a","access_token":"a","refresh_token":"r","refresh_token":"r""#,
            "granted a r - - {}".into(),
        ),
        (r#""access_token":"a","access_token":"b""#, twice("b -")),
        (r#""access_token":"a","refresh_token":"r","refresh_token":"s""#, twice("a s")),
        (r#""access_token":"a","refresh_token":"r","refresh_token":null"#, twice("a r")),
        (r#""access_token":"a","refresh_token":"r","refresh_token":"""#, twice("a r")),
        (r#""access_token":"a","refresh_token":null,"refresh_token":"r""#, "granted a r - - {}".into()),
        (r#""access_token":"a","x":1,"x":2"#, r#"granted a - - - {"x":2}"#.into()),
    ] {
        assert_eq!(plain(format!("{{{members}}}")), expected, "{members}");
    }
}

#[test]
fn encodings_and_padding_around_json_are_accepted() {
    let good = r#"{"access_token":"a","refresh_token":"r"}"#;
    let utf16 =
        |to: fn(u16) -> [u8; 2], mark: [u8; 2]| mark.into_iter().chain(good.encode_utf16().flat_map(to)).collect();
    let good = good.as_bytes();
    for body in [
        [b"\xef\xbb\xbf", good].concat(),
        [b"\0 \r\n", good, b"\0\0\n"].concat(),
        utf16(u16::to_le_bytes, [0xff, 0xfe]),
        utf16(u16::to_be_bytes, [0xfe, 0xff]),
    ] {
        assert_eq!(plain(&body), "granted a r - - {}", "{body:?}");
    }
}

#[test]
fn broken_json_is_read_as_far_as_possible() {
    for (body, expected) in [
        (&b"{\"x\":\"caf\xe9\",\"access_token\":\"a\",\"refresh_token\":\"r\"}"[..], "granted a r"),
        (br#"{"x":"\ud800","access_token":"a","refresh_token":"r"}"#, "granted a r"),
        (br#"{"access_token":"a","refresh_token":"r","x":["\ud800"],"y":1}"#, "granted a r"),
        (br#"{"access_token":"a","refresh_token":"r",}"#, "granted a r"),
        (br#"{"access_token":"a","refresh_token":"r"},"#, "granted a r"),
        (br#"{"access_token":"a","refresh_token":"r"}{"access_token":"b"}"#, "granted a r"),
        (br#"{"access_token":"a","refresh_token":"r"}<!-- 0.02 s -->"#, "granted a r"),
        (br#")]}'{"access_token":"a","refresh_token":"r"}"#, "granted a r"),
        (b"<b>Warning</b>: x in y.php\n{\"access_token\":\"a\",\"refresh_token\":\"r\"}", "granted a r"),
        (br#"[{"access_token":"a","refresh_token":"r"}]"#, "granted a r"),
        (b"{\"x\":\"a\tb\",\"access_token\":\"a\",\"refresh_token\":\"r\"}", "granted a r"),
        (br#"{"x":NaN,"y":undefined,"z":01,"access_token":"a","refresh_token":"r"}"#, "granted a r"),
        // Truncated: only complete members count.
        (br#"{"access_token":"a","refresh_token":"r","scope":"x y"#, "granted a r"),
        (br#"{"access_token":"a","refresh_token":"r""#, "granted a r"),
        (br#"{"refresh_token":"r","access_token":"a"#, "granted - r"),
        (br#"{"access_token":"a","refresh_token":"r"#, "unclear"),
        (br#"{"access_token":"a","refresh_token":"r\"#, "unclear"),
        (br#"{"access_token":"a","refresh_token":1234"#, "unclear"),
        (br#"{"access_token":"a","expires_in":36"#, "unclear"),
        // A token with invalid UTF-8 is ignored.
        (b"{\"access_token\":\"a\",\"refresh_token\":\"r\xe9\"}", "granted a -"),
        (br#"{"access_token":"a","refresh_token":"\ud800r"}"#, "granted a -"),
        (br#"{"access_token":"a\ud800","refresh_token":"r"}"#, "granted - r"),
        // A refusal counts only if the whole reply is valid.
        (br#"{"error":"invalid_grant""#, "unclear"),
        (b"{\"error\":\"invalid_grant\",\"x\":\"\xe9\"}", "unclear"),
        (b"<html><style>a{color:red}</style></html>", "unclear"),
    ] {
        let told = plain(body);
        assert!(told.starts_with(expected), "{expected}: {told} of {}", String::from_utf8_lossy(body));
        assert!(told.starts_with("unclear") || told.contains("; "), "names the flaw: {told}");
    }
    assert_eq!(
        plain(br#"{"access_token":"a","refresh_token":"r","x":["\ud800"],"y":1}"#),
        r#"granted a r - - {"y":1}; the reply is not valid JSON (line 1, column 53)"#
    );
}

#[test]
fn configured_paths_are_found_in_broken_json_too() {
    let paths = [("access_token", "user.access_token"), ("refresh_token", "user.refresh_token")];
    let response_paths = paths.map(|(name, path)| (name.to_owned(), path.to_owned())).into();
    let elsewhere = Dialect { response_paths, ..dialect() };
    for body in [
        &b"{\"user\":{\"x\":\"\xe9\",\"access_token\":\"a\",\"refresh_token\":\"r\"}}"[..],
        br#"{"user":{"access_token":"a","refresh_token":"r","x":"cut"#,
        br#"{"user":{"access_token":"a","refresh_token":"r"},"x":"\ud800"}"#,
    ] {
        let told = show(parse(received(None, body), &elsewhere));
        assert!(told.starts_with("granted a r "), "{told}");
    }
}

#[test]
fn forms_are_read_under_any_content_type() {
    let form = "; the reply is a form and not JSON";
    for (body, expected) in [
        (
            "access_token=a&refresh_token=r%2B&expires_in=60&scope=x+y&id=7",
            format!(r#"granted a r+ 60 x y {{"id":"7"}}{form}"#),
        ),
        ("access_token=a&expires=60", format!(r#"granted a - - - {{"expires":"60"}}{form}"#)),
        ("refresh_token=r\r\n", format!("granted - r - - {{}}{form}; there is no access_token")),
        (
            "error=bad_verification_code&error_description=The+code",
            "refused Grant bad_verification_code: The code".into(),
        ),
        ("error=authorization_pending", "pending, slow down: false".into()),
        ("hello", "unclear the reply is not valid JSON (line 1, column 1)".into()),
        ("id=7", "unclear the reply is not valid JSON (line 1, column 1)".into()),
        ("Sorry: error=1", "unclear the reply is not valid JSON (line 1, column 1)".into()),
    ] {
        assert_eq!(plain(body), expected, "{body}");
        let as_form = show_parsed(received(Some("application/x-www-form-urlencoded"), body.as_bytes()));
        assert_eq!(as_form.starts_with("unclear"), expected.starts_with("unclear"), "{as_form}");
    }
}

#[test]
fn an_error_beside_tokens_is_resolved() {
    for nothing in ["false", "0", "null", "\"\"", "\"none\"", "\"0\"", "[]"] {
        let body = format!(r#"{{"error":{nothing},"@error":{nothing},"access_token":"a","refresh_token":"r"}}"#);
        assert!(plain(&body).starts_with("granted a r "), "{}", plain(&body));
    }
    let body = br#"{"error":"invalid_grant","error_description":"d","access_token":"a","refresh_token":"r"}"#;
    assert_eq!(plain(body), "granted - r - - {}; the reply has tokens and an error (invalid_grant: d)");
    let spent = |token: &str| {
        let asked = Asked { spent: Some(&RefreshToken::new(token)), dpop_key: None };
        show(parse_for(received(None, body), &dialect(), asked))
    };
    assert_eq!(spent("r"), "refused Grant invalid_grant: d", "`r` is the old refresh token, so nothing was granted");
    assert!(spent("q").starts_with("granted - r "), "{}", spent("q"));
    assert_eq!(plain(br#"{"error":"slow","access_token":"a"}"#), "refused Unknown slow");
    assert_eq!(json(400, r#"{"error":"invalid_grant","refresh_token":"r"}"#), "refused Grant invalid_grant");
}

#[test]
fn a_truncated_reply_is_used_if_it_has_a_token() {
    let cut = |body: &str| {
        show(parse_cut(received(None, body.as_bytes()), "the reply broke off".into(), &dialect(), Asked::default()))
    };
    for (body, expected) in [
        ("", "unclear the reply broke off"),
        (r#"{"access_token":"a","refr"#, "unclear the reply broke off"),
        (r#"{"access_token":"a","refresh_token":"r","x":"#, "granted a r - - {}; the reply broke off"),
        (
            r#"{"refresh_token":"r","access_token":"a"#,
            "granted - r - - {}; the reply broke off; there is no access_token",
        ),
        (r#"{"access_token":"a"}"#, "granted a - - - {}; the reply broke off"),
        ("access_token=a&refresh_token=r&sco", "granted a r - - {}; the reply broke off"),
        ("access_token=a&refresh_token=r", "unclear the reply broke off"),
        (r#"{"error":"invalid_grant"}"#, "unclear the reply broke off"),
    ] {
        assert_eq!(cut(body), expected, "{body}");
    }
}

/// One flaw in a good reply.
#[derive(Debug, Clone)]
enum Flaw {
    ContentType(&'static str),
    Member(&'static str, &'static str),
    Before(&'static [u8]),
    After(&'static [u8]),
    Inside(&'static [u8]),
    CutBehindToken(usize),
}

fn flaw() -> impl Strategy<Value = Flaw> {
    let names =
        vec!["token_type", "expires_in", "scope", "error", "@error", "id", "access_token", "expires_at", "ok", "user"];
    let values = vec![
        "null",
        "0",
        "false",
        "\"\"",
        "\"x\"",
        "\"DPoP\"",
        "[]",
        "{\"a\":[1]}",
        "-1",
        "1e400",
        "\"a b\"",
        "[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]",
    ];
    let inside = vec![
        &b"\"x\":\"\xe9\","[..],
        b"\"x\":\"\\ud800\",",
        b"\"x\":{\"y\":\"\\udfff\"},",
        b"\"x\":NaN,",
        b",",
        b"\"x\":\"\x01\",",
        b"\"x\":[\"\xff\"],",
        b"\"\xff\":1,",
        b"\"x\":+1,",
        b"\"x\":'y',",
    ];
    prop_oneof![
        select(vec!["text/html", "text/plain", "application/x-www-form-urlencoded", "x"]).prop_map(Flaw::ContentType),
        (select(names), select(values)).prop_map(|(name, value)| Flaw::Member(name, value)),
        select(vec![&b"\xef\xbb\xbf"[..], b" \n", b"\0", b")]}'\n", b"<b>Notice</b>", b"while(1);"])
            .prop_map(Flaw::Before),
        select(vec![&b"\0\0"[..], b",", b"}", b"\n<!-- x -->", b"{}", b"\xff"]).prop_map(Flaw::After),
        select(inside).prop_map(Flaw::Inside),
        (0_usize..200).prop_map(Flaw::CutBehindToken),
    ]
}

/// A good reply with `token` (first or later) and these flaws: content type and body.
fn flawed(token: &str, is_first: bool, flaws: &[Flaw]) -> (&'static str, Vec<u8>) {
    let own = format!("\"refresh_token\":{}", Value::from(token)).into_bytes();
    let mut members = vec![br#""access_token":"AT","expires_in":60"#.to_vec()];
    members.insert(usize::from(!is_first), own.clone());
    let (mut kind, mut cut) = ("application/json", None);
    let (mut head, mut inside, mut tail) = (Vec::new(), Vec::new(), Vec::new());
    for flaw in flaws {
        match flaw {
            Flaw::ContentType(other) => kind = other,
            Flaw::Member(name, value) => members.push(format!("\"{name}\":{value}").into_bytes()),
            Flaw::Before(bytes) => head = [bytes, &head[..]].concat(),
            Flaw::After(bytes) => tail.extend_from_slice(bytes),
            Flaw::Inside(bytes) => inside.extend_from_slice(bytes),
            Flaw::CutBehindToken(behind) => cut = Some(*behind),
        }
    }
    let mut body = [&head[..], b"{", &inside, &members.join(&b','), b"}", &tail].concat();
    if let Some(behind) = cut {
        let start = body.windows(own.len()).position(|window| window == own).unwrap();
        body.truncate(start + own.len() + behind);
    }
    (kind, body)
}

proptest::proptest! {
    /// The provider has rotated: whatever else is wrong with the reply, the new refresh token is kept.
    #[test]
    fn a_usable_refresh_token_in_a_success_is_never_lost(
        token in "[!-~]{1,60}",
        is_first: bool,
        flaws in proptest::collection::vec(flaw(), 0..5),
    ) {
        let (kind, body) = flawed(&token, is_first, &flaws);
        let reply = || received(Some(kind), &body);
        for reply in [parse(reply(), &dialect()), parse_cut(reply(), "cut".into(), &dialect(), Asked::default())] {
            let kept = match &reply {
                ParsedReply::Granted(grant) => grant.refresh_token.as_ref().map(RefreshToken::expose),
                _ => None,
            };
            assert_eq!(kept, Some(token.as_str()), "{} {reply:?}", String::from_utf8_lossy(&body));
        }
    }

    /// And for any reply that a JSON parser accepts.
    #[test]
    fn a_refresh_token_that_a_json_parser_finds_is_kept(token in "[ -~]{1,40}", other in "[{}\\[\\]\":,a-z0-9\\\\]{0,12}") {
        let body = format!("{{\"x\":{other},\"refresh_token\":{}}}", Value::from(token));
        if let Ok(Value::Object(members)) = serde_json::from_str(&body) {
            let found = members.get("refresh_token").and_then(Value::as_str);
            let reply = parse(received(None, body.as_bytes()), &dialect());
            let ParsedReply::Granted(grant) = &reply else { panic!("{body} {reply:?}") };
            assert_eq!(grant.refresh_token.as_ref().map(RefreshToken::expose), found, "{body}");
        }
    }
}
