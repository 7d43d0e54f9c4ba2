//! Every fault of a token request.

use std::time::Duration;

use ringback_sandbox::ScheduledFault;
use serde_json::{Value, json};

use crate::world::{World, refresh_of, start, text};

/// Logs in, queues one fault, and sends the refresh that meets it.
async fn meet(world: &World, fault: Value) -> (String, reqwest::Result<reqwest::Response>) {
    let reply = world.login().await;
    world.control("/_sandbox/faults", json!({ "next": [fault] })).await;
    let token = text(&reply, "refresh_token").to_owned();
    let response = world.token_request(refresh_of(&token)).send().await;
    (token, response)
}

/// Whether the refresh token was used up without the client learning of it.
async fn was_spent(world: &World, token: &str) -> bool {
    let (status, reply) = world.refresh(token).await;
    assert!(matches!(status, 201 | 400), "{reply}");
    status == 400
}

#[tokio::test]
async fn dropped_connections() {
    for (kind, spent) in [("drop-before", false), ("drop-after-rotate", true)] {
        let world = start("").await;
        let (token, response) = meet(&world, json!({ "kind": kind })).await;
        let error = response.expect_err(kind);
        assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
        assert_eq!(was_spent(&world, &token).await, spent, "{kind}");
        let journal = world.journal().await;
        let met = &journal["requests"][1];
        let outcome = if spent { "granted" } else { "fault" };
        assert_eq!((text(met, "fault"), text(met, "outcome")), (kind, outcome));
        assert_eq!(journal["counters"]["in_flight"], 0);
    }
}

#[tokio::test]
async fn an_error_status_before_or_after_the_grant() {
    let world = start("").await;
    let fault = json!({ "kind": "status", "status": 503, "retry_after": 2 });
    let (token, response) = meet(&world, fault).await;
    let response = response.expect("an answer");
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "2");
    let body: Value = serde_json::from_slice(&response.bytes().await.expect("body")).expect("json");
    assert_eq!(body["@error"]["@httpStatusCode"], 503);
    assert!(!was_spent(&world, &token).await);

    let fault = json!({ "kind": "status", "status": 500, "when": "after", "error": "server_error" });
    let (token, response) = meet(&world, fault).await;
    let bytes = response.expect("an answer").bytes().await.expect("body");
    let body: Value = serde_json::from_slice(&bytes).expect("json");
    assert_eq!(body["error"], "server_error");
    assert!(was_spent(&world, &token).await);

    let fault = json!({ "kind": "status", "status": 429, "retry_after": 7 });
    let (_, response) = meet(&world, fault).await;
    let bytes = response.expect("an answer").bytes().await.expect("body");
    let body: Value = serde_json::from_slice(&bytes).expect("json");
    assert_eq!(body["@error"]["@rateLimit"]["Retry-After"], 7);

    let (_, response) = meet(&world, json!({ "kind": "status", "body": "plain" })).await;
    assert_eq!(response.expect("an answer").text().await.expect("body"), "plain");
}

#[tokio::test]
async fn replies_that_are_no_token() {
    for (fault, status, location, body) in [
        (json!({ "kind": "garbage" }), 200, None, "<!doctype html>"),
        (json!({ "kind": "empty" }), 201, None, ""),
        (json!({ "kind": "redirect" }), 307, Some("/v4/ping"), ""),
        (
            json!({ "kind": "redirect", "location": "http://elsewhere.example/" }),
            307,
            Some("http://elsewhere.example/"),
            "",
        ),
        (json!({ "kind": "captive-portal" }), 302, Some("/_sandbox/portal"), ""),
    ] {
        let world = start("").await;
        let (token, response) = meet(&world, fault.clone()).await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), status, "{fault}");
        let seen = response.headers().get("location").cloned();
        assert_eq!(seen.as_ref().and_then(|value| value.to_str().ok()), location);
        let text = response.text().await.expect("body");
        assert!(text.starts_with(body) && (text.is_empty() == body.is_empty()), "{fault}");
        assert!(!was_spent(&world, &token).await, "{fault}");
    }
    let world = start("").await;
    let portal = world.client.get(world.url("/_sandbox/portal")).send().await;
    assert_eq!(portal.expect("portal").headers()["content-type"], "text/html; charset=utf-8");
}

#[tokio::test]
async fn a_truncated_body_arrives_in_part() {
    let world = start("").await;
    let (token, response) = meet(&world, json!({ "kind": "truncate" })).await;
    let mut response = response.expect("headers");
    assert_eq!(response.status(), 201);
    let promised = response.content_length().expect("a length");
    let half = response.chunk().await.expect("a piece").expect("some");
    assert!(half.starts_with(b"{") && (half.len() as u64) < promised);
    response.chunk().await.expect_err("the rest is missing");
    assert!(was_spent(&world, &token).await);
}

#[tokio::test]
async fn slow_replies_are_whole_in_the_end() {
    for fault in [json!({ "kind": "slow-body", "delay_ms": 0 }), json!({ "kind": "slow-headers", "delay_ms": 60 })] {
        let world = start("").await;
        let (_, response) = meet(&world, fault.clone()).await;
        let bytes = response.expect("headers").bytes().await.expect("body");
        let body: Value = serde_json::from_slice(&bytes).expect("json");
        assert!(body["access_token"].is_string(), "{fault}");
    }
    let world = start("").await;
    let reply = world.login().await;
    let fault = json!({ "kind": "slow-body", "delay_ms": 60 });
    world.control("/_sandbox/faults", json!({ "next": [fault] })).await;
    let request = world.token_request(refresh_of(text(&reply, "refresh_token")));
    let body = request.timeout(Duration::from_millis(400)).send().await;
    let late = body.expect("headers come at once").bytes().await;
    assert!(late.expect_err("a timeout").is_timeout());
}

#[tokio::test]
async fn replies_with_members_that_must_not_be_believed() {
    let world = start("").await;
    for fault in [
        json!({ "kind": "huge", "bytes": 3_000_000 }),
        json!({ "kind": "wrong-types" }),
        json!({ "kind": "control-characters" }),
    ] {
        let (token, response) = meet(&world, fault.clone()).await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), 201);
        let bytes = response.bytes().await.expect("body");
        let body: Value = serde_json::from_slice(&bytes).expect("json");
        let bad = match text(&fault, "kind") {
            "huge" => bytes.len() > 3_000_000 && body["access_token"].is_string(),
            "wrong-types" => body["access_token"].is_number() && body["expires_in"].is_object(),
            _ => text(&body, "access_token").contains("\r\n"),
        };
        assert!(bad, "{fault}");
        assert!(was_spent(&world, &token).await, "{fault}");
    }
}

#[tokio::test]
async fn faults_of_the_flags_come_back_and_queued_ones_come_first() {
    let world = start("--fault status=500:3 --fault empty:4").await;
    let mut seen = Vec::new();
    for _ in 0..8 {
        seen.push(world.refresh("unknown").await.0);
    }
    assert_eq!(seen, [400, 400, 500, 201, 400, 500, 400, 201]);

    let plan = json!({ "next": [{ "kind": "none" }, { "kind": "status", "status": 418 }] });
    world.control("/_sandbox/faults", plan.clone()).await;
    assert_eq!(world.refresh("unknown").await.0, 400, "the ninth, but `none` is queued");
    assert_eq!(world.refresh("unknown").await.0, 418);
    world.control("/_sandbox/faults", plan).await;
    world.send(world.request(reqwest::Method::DELETE, "/_sandbox/faults")).await;
    assert_eq!(world.refresh("unknown").await.0, 400);
}

#[tokio::test]
async fn plans_that_make_no_sense_are_refused() {
    let world = start("").await;
    for (content_type, body) in [
        ("text/plain", json!({ "next": [] })),
        ("application/json", json!({ "next": [{ "kind": "earthquake" }] })),
        ("application/json", json!({ "next": [{ "kind": "status", "statsu": 500 }] })),
        ("application/json", json!({ "then": [] })),
    ] {
        let request = world
            .request(reqwest::Method::POST, "/_sandbox/faults")
            .header("content-type", content_type)
            .body(body.to_string());
        let (status, _) = world.send(request).await;
        assert!((400..500).contains(&status), "{content_type} {body}: {status}");
    }
    for (flag, good) in [
        ("drop-before", true),
        ("status=429:10", true),
        ("slow-body=5", true),
        ("huge=1000000", true),
        ("earthquake", false),
        ("status=many", false),
        ("empty=1", false),
        ("empty:0", false),
    ] {
        assert_eq!(flag.parse::<ScheduledFault>().is_ok(), good, "{flag}");
    }
}
