//! The token endpoint, and what a token can do.

use reqwest::Method;
use ringback::sandbox::{Options, bind};
use serde_json::{Value, json};

use crate::world::{World, exchange_of, options, refresh_of, start, text};

fn error_of(reply: &(u16, Value)) -> (u16, &str) {
    (reply.0, text(&reply.1, "error"))
}

async fn works(world: &World, reply: &Value) -> bool {
    let (status, _) = world
        .get("/v4/accounts/1000001", text(reply, "access_token"))
        .await;
    assert!(matches!(status, 200 | 401), "{status}");
    status == 200
}

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
        let request = world
            .token_request(body)
            .basic_auth(&world.facts.client_id, Some(&world.facts.client_secret));
        let (status, reply) = world.send(request).await;
        assert_eq!((status, text(&reply, "error")), (401, "invalid_client"));
        let envelope = &reply["@error"];
        assert_eq!(envelope["@httpStatusCode"], 401);
        assert_eq!(envelope["@code"], "oauth2.invalid_client");
        assert_eq!(
            text(envelope, "@time").len(),
            "2020-09-23T17:50:34.195Z".len()
        );
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
        .header(
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        )
        .body(form);
    assert_eq!(lenient.send(request).await.0, 201);
}

#[tokio::test]
async fn error_shapes() {
    for (shape, status, members) in [
        ("both", 400, vec!["@error", "error", "error_description"]),
        ("phonecom", 400, vec!["@error"]),
        (
            "phonecom",
            401,
            vec!["@error", "error", "error_description"],
        ),
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
    assert_eq!(
        counters["granted_by_grant"],
        json!({ "authorization_code": 1, "refresh_token": 1 })
    );
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
    assert_eq!(
        error_of(&world.token(body.clone()).await),
        (400, "invalid_scope")
    );
    body["scope"] = json!("call-logs");
    let (status, narrow) = world.token(body).await;
    assert_eq!((status, text(&narrow, "scope")), (201, "call-logs"));
    let (status, wide) = world.refresh(text(&narrow, "refresh_token")).await;
    assert_eq!(
        (status, text(&wide, "scope")),
        (201, "call-logs account-owner")
    );
}

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
    for path in [
        "/v4/oauth/access-token",
        "/v4/oauth/access-token/details?mode=full",
    ] {
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
    let (_, brief) = world
        .get("/v4/oauth/access-token/details?mode=brief", token)
        .await;
    assert_eq!(brief.get("scope_details"), None);
    let (status, _) = world
        .get("/v4/oauth/access-token/details?mode=long", token)
        .await;
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
    world
        .send(request.bearer_auth(text(&reply, "access_token")))
        .await;
    assert!(works(&world, &reply).await);
    world.advance("5m").await;
    assert!(!works(&world, &reply).await);
}

#[tokio::test]
async fn sample_resources_need_the_right_token() {
    let world = start("").await;
    let owner = world.login().await;
    let (_, user) = world
        .exchange(&world.code(&[("scope", "extension-user")]).await)
        .await;
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
        assert_eq!(
            body["@error"]["@httpStatusCode"].as_u64().unwrap_or(200),
            u64::from(status)
        );
    }
    let (status, body) = world.send(world.request(Method::PUT, "/v4/ping")).await;
    assert_eq!(
        (status, &body["@error"]["@httpStatusCode"]),
        (405, &json!(405))
    );
}

#[tokio::test]
async fn client_credentials_and_password_grants() {
    let world = start("").await;
    let (status, reply) = world
        .token(json!({ "grant_type": "client_credentials" }))
        .await;
    assert_eq!(status, 201);
    assert_eq!(reply.get("refresh_token"), None);
    assert!(works(&world, &reply).await);
    for (who, password, expected) in [
        (
            json!({ "username": "bob" }),
            json!("practice-password"),
            201,
        ),
        (json!({ "username": "bob" }), json!("guess"), 400),
        (
            json!({ "username": "mallory" }),
            json!("practice-password"),
            400,
        ),
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
    assert_eq!(
        (&limit["RateLimit-Limit"], &limit["RateLimit-Remaining"]),
        (&json!(30), &json!(0))
    );
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

#[tokio::test]
async fn a_token_can_be_revoked_by_the_test() {
    for (what, access, refresh) in [
        ("access", 401, 201),
        ("refresh", 200, 400),
        ("all", 401, 400),
    ] {
        let world = start("").await;
        let reply = world.login().await;
        world
            .control("/_sandbox/revoke", json!({ "what": what }))
            .await;
        let (seen, _) = world
            .get("/v4/accounts/1000001", text(&reply, "access_token"))
            .await;
        assert_eq!(seen, access, "{what}");
        let (seen, _) = world.refresh(text(&reply, "refresh_token")).await;
        assert_eq!(seen, refresh, "{what}");
    }
}

#[tokio::test]
async fn the_journal_tells_all_but_the_secrets() {
    let world = start("").await;
    let code = world.code(&[]).await;
    let mut body = exchange_of(&code);
    body["clientSecret"] = json!("misspelt");
    let (_, reply) = world.token(body).await;
    world.refresh("unknown").await;
    let journal = world.journal().await;
    let requests = journal["requests"].as_array().expect("requests");
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0]["outcome"], "granted");
    assert_eq!(requests[0]["grant_type"], "authorization_code");
    assert_eq!(requests[0]["content_type"], "application/json");
    assert_eq!(
        requests[0]["names"],
        json!([
            "clientSecret",
            "client_id",
            "client_secret",
            "code",
            "grant_type",
            "redirect_uri"
        ])
    );
    assert_eq!(
        requests[0]["params"]["client_id"],
        world.facts.client_id.as_str()
    );
    // printf practice-secret | sha256sum | cut -c1-8
    assert_eq!(requests[0]["params"]["client_secret"], "782313ad");
    assert_eq!(requests[1]["outcome"], "invalid_grant");
    assert_eq!(requests[1]["fault"], Value::Null);
    let shown = journal.to_string();
    for secret in [
        code.as_str(),
        "misspelt",
        "practice-secret",
        text(&reply, "access_token"),
    ] {
        assert!(!shown.contains(secret));
    }
    assert_eq!(journal["counters"]["max_in_flight"], 1);
    assert_eq!(journal["counters"]["in_flight"], 0);

    world
        .send(world.request(Method::DELETE, "/_sandbox/journal"))
        .await;
    assert_eq!(world.journal().await["requests"], json!([]));
}

#[tokio::test]
async fn requests_at_the_same_time_are_noticed() {
    let world = start("--latency 100ms").await;
    tokio::join!(
        world.refresh("one"),
        world.refresh("two"),
        world.refresh("three")
    );
    assert_eq!(world.journal().await["counters"]["max_in_flight"], 3);
}

#[tokio::test]
async fn the_client_secret_can_come_from_a_file() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("secret");
    for (content, secret) in [(" s3cret\n", Some("s3cret")), (" \n", None)] {
        std::fs::File::create(&file)
            .and_then(|mut file| std::io::Write::write_all(&mut file, content.as_bytes()))
            .expect("written");
        let options = options(&format!("--client-secret-file {}", file.display()));
        let facts = bind(&options).await.ok().map(|sandbox| sandbox.describe());
        let seen = facts.as_ref().map(|facts| facts.client_secret.as_str());
        assert_eq!(seen, secret);
        assert!(!format!("{facts:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn shutdown_ends_it_and_frees_the_port() {
    let options = Options {
        port: 0,
        ..Options::default()
    };
    let sandbox = bind(&options).await.expect("bind");
    let address = sandbox.address();
    assert!(address.ip().is_loopback());
    sandbox.run(async {}).await.expect("a clean end");
    tokio::net::TcpListener::bind(address)
        .await
        .expect("free again");
}
