//! The control routes, and the start and end of the server.

use reqwest::Method;
use ringback_sandbox::{Options, bind};
use serde_json::{Value, json};

use crate::world::{exchange_of, options, start, text};

#[tokio::test]
async fn a_token_can_be_revoked_by_the_test() {
    for (what, access, refresh) in [("access", 401, 201), ("refresh", 200, 400), ("all", 401, 400)] {
        let world = start("").await;
        let reply = world.login().await;
        world.control("/_sandbox/revoke", json!({ "what": what })).await;
        let (seen, _) = world.get("/v4/accounts/1000001", text(&reply, "access_token")).await;
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
        json!(["clientSecret", "client_id", "client_secret", "code", "grant_type", "redirect_uri"])
    );
    assert_eq!(requests[0]["params"]["client_id"], world.facts.client_id.as_str());
    // printf practice-secret | sha256sum | cut -c1-8
    assert_eq!(requests[0]["params"]["client_secret"], "782313ad");
    assert_eq!(requests[1]["outcome"], "invalid_grant");
    assert_eq!(requests[1]["fault"], Value::Null);
    let shown = journal.to_string();
    for secret in [code.as_str(), "misspelt", "practice-secret", text(&reply, "access_token")] {
        assert!(!shown.contains(secret));
    }
    assert_eq!(journal["counters"]["max_in_flight"], 1);
    assert_eq!(journal["counters"]["in_flight"], 0);

    world.send(world.request(Method::DELETE, "/_sandbox/journal")).await;
    assert_eq!(world.journal().await["requests"], json!([]));
}

#[tokio::test]
async fn requests_at_the_same_time_are_noticed() {
    let world = start("--latency 250ms").await;
    tokio::join!(world.refresh("one"), world.refresh("two"), world.refresh("three"));
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
        let facts = bind(&options).await.ok().map(|sandbox| sandbox.facts());
        let seen = facts.as_ref().map(|facts| facts.client_secret.as_str());
        assert_eq!(seen, secret);
        assert!(!format!("{facts:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn shutdown_ends_it_and_frees_the_port() {
    let options = Options { port: 0, ..Options::default() };
    let sandbox = bind(&options).await.expect("bind");
    let address = sandbox.address();
    assert!(address.ip().is_loopback());
    sandbox.run(async {}).await.expect("a clean end");
    tokio::net::TcpListener::bind(address).await.expect("free again");
}
