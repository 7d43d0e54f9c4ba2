//! A hostile provider's device authorization and revocation endpoints.

use std::sync::atomic::Ordering;

use ringback::contract::AccountState;

use crate::http::Request;
use crate::idp::{Act, Idp, plain, with_header};
use crate::provider::{Elsewhere, json, redirect};
use crate::report::Report;
use crate::world::{World, until};

/// Name, and the reply, given the URL of another server.
type Attack = (&'static str, fn(&str) -> Vec<u8>);

/// A good reply with one member set.
fn device(name: &str, value: &str) -> Vec<u8> {
    let mut members = serde_json::json!({
        "device_code": "D", "user_code": "AB-CD", "verification_uri": "https://id.example/device", "expires_in": 900,
    });
    members[name] = serde_json::from_str(value).unwrap();
    json(&members.to_string())
}

#[rustfmt::skip]
const DEVICE: &[Attack] = &[
    ("a page that is a script", |_| device("verification_uri", r#""javascript:alert(1)""#)),
    ("a page that is a file", |_| device("verification_uri", r#""file:///etc/passwd""#)),
    ("a page that is data", |_| device("verification_uri", r#""data:text/html,x""#)),
    ("a page of a program", |_| device("verification_uri", r#""ms-msdt:/id""#)),
    ("a page without TLS", |_| device("verification_uri", r#""http://id.example/device""#)),
    ("a page that is a flag", |_| device("verification_uri", r#""--version""#)),
    ("a page with a user's name", |_| device("verification_uri", r#""https://google.com@evil.example/""#)),
    ("a page that is a path", |_| device("verification_uri", r#""/device""#)),
    ("a page that is a number", |_| device("verification_uri", "7")),
    ("a page of a mebibyte", |_| device("verification_uri", &format!("\"https://id.example/{}\"", "x".repeat(1 << 20)))),
    ("no code to type in", |_| device("user_code", r#""""#)),
    ("a code that is a letter to the user", |_| device("user_code", &format!("\"{}\"", "CALL 555 ".repeat(20)))),
    ("a device's code with a line break", |_| device("device_code", r#""a\r\nX-Evil: 1""#)),
    ("a device's code with a space", |_| device("device_code", r#""a b""#)),
    ("a device's code of more than 64 KiB", |_| device("device_code", &format!("\"{}\"", "a".repeat(65_537)))),
    ("a life of no time", |_| device("expires_in", "0")),
    ("a life before now", |_| device("expires_in", "-1")),
    ("a life without end", |_| device("expires_in", "1e308")),
    ("a life of a week", |_| device("expires_in", "604800")),
    ("307 to another server for a device", |e| redirect(307, e)),
    ("302 to another server for a device", |e| redirect(302, e)),
    ("a captive portal's page for a device", |_| plain(200, "text/html", "<html>")),
    ("an escape in a refusal", |_| plain(400, "application/json", r#"{"error":"invalid_client","error_description":"\u001b[2J<script>alert(1)</script>"}"#)),
];

#[test]
fn no_device_endpoint_shows_the_user_an_unsafe_url_or_code() {
    let (idp, elsewhere) = (Idp::start(), Elsewhere::open());
    let world = World::start_with(&idp, "", &format!("device_url = \"{}\"", idp.url("/device")), "");
    let ask = || world.ask(&Request::new("POST", "/v1/accounts/work/login").json(r#"{"via":"device"}"#));
    let mut report = Report::default();
    for (name, reply) in DEVICE {
        report.row();
        idp.next_at("/device", Act::Raw(reply(&elsewhere.url)));
        let told = ask();
        report.expect(name, told.status >= 400, &told);
        let clean = !told.body.contains('\u{1b}') && !told.body.contains("\\u001b") && !told.body.contains("evil");
        report.expect(name, clean, &told);
        // The account's state is published a moment after the reply.
        let view =
            until("the login is over", || Some(world.account("work")).filter(|view| view.login_pending.is_none()));
        report.expect(name, view.state == AccountState::SignedOut, &view);
        report.expect(name, idp.seen_at("/token").is_empty(), "a token was requested");
        report.expect(name, elsewhere.visits.load(Ordering::SeqCst) == 0, "another server received a request");
    }
    report.expect("the log", !world.log().contains('\u{1b}'), "an escape sequence is in it");
    idp.next_at("/device", Act::Raw(device("user_code", r#""AB\u001b[2J\u202eCD""#)));
    let shown = ask();
    assert_eq!(shown.status, 200, "the control: {shown:?}");
    assert!(
        !shown.body.contains("\\u001b") && !shown.body.contains('\u{202e}'),
        "the code is shown sanitized: {shown:?}"
    );
    report.end();
}

#[rustfmt::skip]
const REVOKE: &[Attack] = &[
    ("301 to another server at a logout", |e| redirect(301, e)),
    ("302 to another server at a logout", |e| redirect(302, e)),
    ("303 to another server at a logout", |e| redirect(303, e)),
    ("307 to another server at a logout", |e| redirect(307, e)),
    ("308 to another server at a logout", |e| redirect(308, e)),
    ("401 and a challenge at a logout", |_| with_header(401, "WWW-Authenticate: Basic realm=\"x\"", "")),
    ("503 without end at a logout", |_| with_header(503, "Retry-After: 99999999999", "")),
    ("an escape at a logout", |_| plain(400, "application/json", r#"{"error":"x\u001b[2J","error_description":"<script>\u001b[31m"}"#)),
    ("8 MiB at a logout", |_| plain(200, "application/json", " ".repeat(8 << 20))),
    ("no HTTP at a logout", |_| b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
    ("nothing at a logout", |_| Vec::new()),
    ("a new token at a logout", |_| json(r#"{"access_token":"AT~evil","token_type":"bearer","expires_in":3600}"#)),
];

#[test]
fn no_revocation_endpoint_prevents_a_logout_or_redirects_a_token() {
    let (idp, elsewhere) = (Idp::start(), Elsewhere::open());
    let world = World::start_with(&idp, "", &format!("revoke_url = \"{}\"", idp.url("/revoke")), "");
    let mut report = Report::default();
    for (number, (name, reply)) in REVOKE.iter().enumerate() {
        report.row();
        world.log_in("work");
        let token = world.token("work");
        idp.next_at("/revoke", Act::Raw(reply(&elsewhere.url)));
        let (_, out, said) = world.cli(&["logout"]);
        let told = [out, said].concat();
        report.expect(name, !told.contains('\u{1b}') && !told.contains(&token) && !told.contains("canary"), &told);
        report.expect(name, world.account("work").state == AccountState::SignedOut, world.account("work"));
        report.expect(name, world.get("/v1/accounts/work/token?wait=0").status == 428, ());
        report.expect(name, idp.seen_at("/revoke").len() > number, "the control: the endpoint received a request");
        report.expect(name, elsewhere.visits.load(Ordering::SeqCst) == 0, "another server received a request");
    }
    let log = world.log();
    report.expect("the log", !log.contains('\u{1b}') && !log.contains("canary") && !log.contains("AT~evil"), &log);
    report.end();
}
