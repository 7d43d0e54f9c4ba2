//! The token endpoint.

use reqwest::Method;
use serde_json::json;

use crate::world::{error_of, exchange_of, refresh_of, start, text, works};

#[tokio::test]
async fn a_client_must_prove_itself_in_the_body() {
    let world = start("").await;
    for (member, value) in [
        ("client_secret", json!("wrong")),
        ("client_secret", json!(null)),
        ("client_secret", json!("")),
        ("client_id", json!("wrong")),
    ] {
        let mut body = exchange_of("any");
        body[member] = value;
        let request = world.token_request(body).basic_auth(&world.facts.client_id, Some(&world.facts.client_secret));
        let (status, reply) = world.send(request).await;
        assert_eq!((status, text(&reply, "error")), (401, "invalid_client"));
        let envelope = &reply["@error"];
        assert_eq!(envelope["@httpStatusCode"], 401);
        assert_eq!(envelope["@code"], "oauth2.invalid_client");
        assert_eq!(text(envelope, "@time").len(), "2020-09-23T17:50:34.195Z".len());
    }
}

#[tokio::test]
async fn malformed_requests_get_the_documented_statuses() {
    let world = start("").await;
    let id = &world.facts.client_id;
    let secret = &world.facts.client_secret;
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    for (content_type, query, body, status) in [
        ("application/json", "", "not json".to_owned(), 400),
        ("application/json", "", "[]".to_owned(), 400),
        ("application/json", "", "{\"client_id\": 5}".to_owned(), 422),
        ("application/json", "", "{}".to_owned(), 401),
        ("application/x-www-form-urlencoded", "", form.clone(), 422),
        ("text/plain", "", form.clone(), 422),
        ("application/json", form.as_str(), String::new(), 201),
        ("application/json", "a=1&a=2", String::new(), 422),
    ] {
        let request = world
            .request(Method::POST, &format!("/v4/oauth/access-token?{query}"))
            .header("content-type", content_type)
            .body(body.clone());
        let (seen, reply) = world.send(request).await;
        assert_eq!(seen, status, "{content_type} {query} {body} {reply}");
        assert_eq!(reply.get("@error").is_none(), status == 201);
    }
    let missing = world.token(json!({})).await;
    assert_eq!(missing.0, 422);
    assert_eq!(missing.1["@error"]["fields"]["grant_type"], "is required");
    let unknown = world.token(json!({ "grant_type": "telepathy" })).await;
    assert_eq!(error_of(&unknown), (400, "unsupported_grant_type"));

    let lenient = start("--accept-form").await;
    let request = lenient
        .request(Method::POST, "/v4/oauth/access-token")
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(form);
    assert_eq!(lenient.send(request).await.0, 201);
}

#[tokio::test]
async fn error_shapes() {
    for (shape, status, members) in [
        ("both", 400, vec!["@error", "error", "error_description"]),
        ("phonecom", 400, vec!["@error"]),
        ("phonecom", 401, vec!["@error", "error", "error_description"]),
        ("rfc6749", 400, vec!["error", "error_description"]),
    ] {
        let world = start(&format!("--error-shape {shape}")).await;
        let mut body = refresh_of("unknown");
        if status == 401 {
            body["client_secret"] = json!("wrong");
        }
        let (seen, reply) = world.token(body).await;
        let names = reply.as_object().expect("object").keys();
        let names: Vec<_> = names.map(String::as_str).collect();
        assert_eq!((seen, names), (status, members), "{shape}");
    }
}

#[tokio::test]
async fn a_refresh_rotates_and_a_replaced_token_ends_the_family() {
    let world = start("").await;
    let first = world.login().await;
    let (status, second) = world.refresh(text(&first, "refresh_token")).await;
    assert_eq!(status, 201);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_ne!(first["access_token"], second["access_token"]);
    assert!(works(&world, &first).await && works(&world, &second).await);

    let reused = world.refresh(text(&first, "refresh_token")).await;
    assert_eq!(error_of(&reused), (400, "invalid_grant"));
    assert!(!works(&world, &second).await);
    let newest = world.refresh(text(&second, "refresh_token")).await;
    assert_eq!(error_of(&newest), (400, "invalid_grant"));
    let counters = &world.journal().await["counters"];
    assert_eq!(counters["reuse_detected"], 1);
    assert_eq!(counters["families_revoked"], 1);
    assert_eq!(counters["granted_by_grant"], json!({ "authorization_code": 1, "refresh_token": 1 }));
}

#[tokio::test]
async fn reuse_can_be_merely_refused_or_accepted() {
    for (policy, old, new) in [("refuse", 400, 201), ("accept", 201, 201)] {
        let world = start(&format!("--reuse {policy}")).await;
        let first = world.login().await;
        let (_, second) = world.refresh(text(&first, "refresh_token")).await;
        let reused = world.refresh(text(&first, "refresh_token")).await;
        assert_eq!(reused.0, old, "{policy}");
        let newer = world.refresh(text(&second, "refresh_token")).await;
        assert_eq!(newer.0, new, "{policy}");
    }
}

#[tokio::test]
async fn within_the_grace_a_replaced_token_gets_the_same_pair() {
    let world = start("--reuse-grace 30s").await;
    let first = world.login().await;
    let (_, second) = world.refresh(text(&first, "refresh_token")).await;
    world.advance("20s").await;
    let (status, again) = world.refresh(text(&first, "refresh_token")).await;
    assert_eq!(status, 201);
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    assert_eq!(again["access_token"], second["access_token"]);
    assert!(again["expires_in"].as_u64() < second["expires_in"].as_u64());
    world.advance("11s").await;
    assert_eq!(world.refresh(text(&first, "refresh_token")).await.0, 400);
}

#[tokio::test]
async fn refresh_tokens_can_stay_be_left_out_or_be_missing() {
    for (flags, repeated) in [("--rotate never", true), ("--rotate silent", false)] {
        let world = start(flags).await;
        let first = world.login().await;
        let token = text(&first, "refresh_token");
        for _ in 0..2 {
            let (status, reply) = world.refresh(token).await;
            assert_eq!(status, 201);
            assert_eq!(reply["refresh_token"] == token, repeated, "{flags}");
        }
    }
    let world = start("--no-refresh-token").await;
    assert_eq!(world.login().await.get("refresh_token"), None);
}

#[tokio::test]
async fn a_refresh_can_narrow_the_scope_but_not_widen_it() {
    let world = start("").await;
    let first = world.login().await;
    let mut body = refresh_of(text(&first, "refresh_token"));
    body["scope"] = json!("billing-api");
    assert_eq!(error_of(&world.token(body.clone()).await), (400, "invalid_scope"));
    body["scope"] = json!("call-logs");
    let (status, narrow) = world.token(body).await;
    assert_eq!((status, text(&narrow, "scope")), (201, "call-logs"));
    let (status, wide) = world.refresh(text(&narrow, "refresh_token")).await;
    assert_eq!((status, text(&wide, "scope")), (201, "call-logs account-owner"));
}

#[tokio::test]
async fn client_credentials_and_password_grants() {
    let world = start("").await;
    let (status, reply) = world.token(json!({ "grant_type": "client_credentials" })).await;
    assert_eq!(status, 201);
    assert_eq!(reply.get("refresh_token"), None);
    assert!(works(&world, &reply).await);
    for (who, password, expected) in [
        (json!({ "username": "bob" }), json!("practice-password"), 201),
        (json!({ "username": "bob" }), json!("guess"), 400),
        (json!({ "username": "mallory" }), json!("practice-password"), 400),
        (json!({ "phonenumber": "+12025550103" }), json!(null), 201),
        (json!({ "phonenumber": "12025550103" }), json!(null), 201),
        (json!({}), json!("practice-password"), 422),
    ] {
        let mut body = who;
        body["grant_type"] = json!("password");
        body["password"] = password;
        let (status, reply) = world.token(body.clone()).await;
        assert_eq!(status, expected, "{body} {reply}");
        assert_eq!(reply.get("refresh_token").is_some(), status == 201);
    }
}
