//! What a token can do, for how long, and how often.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{error_of, refresh_of, start, text, works};

#[tokio::test]
async fn tokens_expire() {
    let world = start("--access-lifetime 10m --refresh-lifetime 1h --token-status 200").await;
    let code = world.code(&[]).await;
    let (status, reply) = world.exchange(&code).await;
    assert_eq!((status, &reply["expires_in"]), (200, &json!(600)));
    assert!(works(&world, &reply).await);
    world.advance("601s").await;
    assert!(!works(&world, &reply).await);
    world.advance("1h").await;
    let late = world.refresh(text(&reply, "refresh_token")).await;
    assert_eq!(error_of(&late), (400, "invalid_grant"));
}

#[tokio::test]
async fn the_lifetime_can_be_a_string_absent_or_endless() {
    for (flags, expires_in, expires_at) in [
        ("--expires-in string", Some(json!("3600")), true),
        ("--expires-in absent", None, true),
        ("--access-lifetime never", None, false),
    ] {
        let world = start(flags).await;
        let reply = world.login().await;
        assert_eq!(reply.get("expires_in").cloned(), expires_in, "{flags}");
        let path = "/v4/oauth/access-token/details";
        let (_, details) = world.get(path, text(&reply, "access_token")).await;
        assert_eq!(details.get("expires_at").is_some(), expires_at, "{flags}");
    }
}

#[tokio::test]
async fn details_tell_scope_expiry_and_account() {
    let world = start("").await;
    let scopes = [("scope", "account-owner openid extension-user call-logs")];
    let (_, reply) = world.exchange(&world.code(&scopes).await).await;
    let token = text(&reply, "access_token");
    for path in ["/v4/oauth/access-token", "/v4/oauth/access-token/details?mode=full"] {
        let (status, details) = world.get(path, token).await;
        assert_eq!(status, 200);
        assert_eq!(
            details["scope_details"],
            json!([
                { "scope": "openid" },
                { "scope": "call-logs" },
                { "scope": "extension-user", "voip_id": 1_000_001, "extension_id": 2_000_001 },
                { "scope": "account-owner", "voip_id": 1_000_001 },
            ])
        );
        let end = details["expires_at"].as_u64().expect("seconds");
        assert!((1_700_000_000..10_000_000_000).contains(&end), "{end}");
    }
    let (_, brief) = world.get("/v4/oauth/access-token/details?mode=brief", token).await;
    assert_eq!(brief.get("scope_details"), None);
    let (status, _) = world.get("/v4/oauth/access-token/details?mode=long", token).await;
    assert_eq!(status, 422);
    let (status, refused) = world.get("/v4/oauth/access-token", "unknown").await;
    assert_eq!((status, text(&refused, "error")), (401, "invalid_token"));

    let mut body = refresh_of(text(&reply, "refresh_token"));
    body["client_id"] = json!(world.facts.client_id);
    body["client_secret"] = json!(world.facts.client_secret);
    let request = world
        .request(Method::POST, "/v4/oauth/access-token?mode=details")
        .header("content-type", "application/json")
        .body(body.to_string());
    let (status, instead) = world.send(request).await;
    assert_eq!(status, 201);
    assert!(instead["scope_details"].is_array() && instead.get("access_token").is_none());
}

#[tokio::test]
async fn delete_ends_an_access_token_at_once_or_later() {
    let delete = "/v4/oauth/access-token";
    let world = start("").await;
    let reply = world.login().await;
    let token = text(&reply, "access_token");
    for status in [200, 401] {
        let request = world.request(Method::DELETE, delete).bearer_auth(token);
        assert_eq!(world.send(request).await.0, status);
    }
    assert_eq!(world.refresh(text(&reply, "refresh_token")).await.0, 201);

    let world = start("--deactivate-delay 5m").await;
    let reply = world.login().await;
    let request = world.request(Method::DELETE, delete);
    world.send(request.bearer_auth(text(&reply, "access_token"))).await;
    assert!(works(&world, &reply).await);
    world.advance("5m").await;
    assert!(!works(&world, &reply).await);
}

#[tokio::test]
async fn sample_resources_need_the_right_token() {
    let world = start("").await;
    let owner = world.login().await;
    let (_, user) = world.exchange(&world.code(&[("scope", "extension-user")]).await).await;
    for (reply, path, status) in [
        (&owner, "/v4/accounts/1000001", 200),
        (&owner, "/v4/accounts/1000002", 403),
        (&owner, "/v4/accounts/1000001/extensions/2000001", 200),
        (&user, "/v4/accounts/1000001", 403),
        (&user, "/v4/accounts/1000001/extensions/2000001", 200),
        (&user, "/v4/accounts/1000001/extensions/2000002", 403),
        (&user, "/v4/elsewhere", 404),
        (&user, "/v4/ping", 200),
    ] {
        let (seen, body) = world.get(path, text(reply, "access_token")).await;
        assert_eq!(seen, status, "{path} {body}");
        assert_eq!(body["@error"]["@httpStatusCode"].as_u64().unwrap_or(200), u64::from(status));
    }
    let (status, body) = world.send(world.request(Method::PUT, "/v4/ping")).await;
    assert_eq!((status, &body["@error"]["@httpStatusCode"]), (405, &json!(405)));
}

#[tokio::test]
async fn the_rate_limit_answers_as_in_the_documented_sample() {
    let world = start("--retry-after-header").await;
    for _ in 0..30 {
        assert_eq!(world.refresh("unknown").await.0, 400);
    }
    let response = world.token_request(refresh_of("unknown")).send().await;
    let response = response.expect("an answer");
    assert_eq!(response.status(), 429);
    let header = response.headers()["retry-after"].clone();
    let body: Value = serde_json::from_slice(&response.bytes().await.expect("body")).expect("json");
    let envelope = body["@error"].as_object().expect("@error");
    assert_eq!(body.as_object().expect("object").len(), 1);
    assert_eq!(envelope["@message"], "Too much requests");
    assert_eq!(envelope["@httpStatusCode"], 429);
    assert!(envelope["@time"].is_string() && envelope.len() == 4);
    let limit = envelope["@rateLimit"].as_object().expect("@rateLimit");
    assert_eq!((&limit["RateLimit-Limit"], &limit["RateLimit-Remaining"]), (&json!(30), &json!(0)));
    assert!(limit["RateLimit-Reset"].as_u64() > Some(1_700_000_000));
    let wait = limit["Retry-After"].as_u64().expect("seconds");
    assert!((25..=30).contains(&wait) && limit.len() == 4, "{limit:?}");
    assert_eq!(header.to_str().expect("ascii"), wait.to_string());

    world.advance("30s").await;
    assert_eq!(world.refresh("unknown").await.0, 400);
}

#[tokio::test]
async fn the_rate_limit_can_be_scaled_or_off_and_counts_per_account() {
    let world = start("--rate-limit 1/10").await;
    let alice = world.login().await;
    let token = text(&alice, "access_token");
    for status in [200, 200, 200, 429] {
        assert_eq!(world.get("/v4/accounts/1000001", token).await.0, status);
    }
    let (status, _) = world.get("/v4/oauth/access-token", token).await;
    assert_eq!(status, 200, "another endpoint has its own window");

    let world = start("--rate-limit off").await;
    for _ in 0..40 {
        assert_eq!(world.refresh("unknown").await.0, 400);
    }
}
