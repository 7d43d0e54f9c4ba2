//! The consent page and the code that it leads to.

use reqwest::Method;
use serde_json::json;

use crate::world::{REDIRECT, exchange_of, member, start, text, transaction};

/// RFC 7636 Appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[tokio::test]
async fn a_click_on_allow_brings_a_code_of_the_documented_shape() {
    let world = start("").await;
    let location = world.decide("allow", &[]).await;
    let (before, state) = location.split_once("&state=").expect("state");
    let code = before.strip_prefix(&format!("{REDIRECT}&code=")).expect("code");
    assert_eq!(state, "s%20t%26a%3Dte");
    assert_eq!(code.len(), 42);
    assert!(code.ends_with("706656~6"), "{code}");

    let (status, body) = world.exchange(code).await;
    assert_eq!(status, 201);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["scope"], "call-logs account-owner");
    assert_eq!(body["expires_in"], 3600);
    assert!(text(&body, "access_token").contains('~'));
    assert!(text(&body, "refresh_token").len() > 30);
}

#[tokio::test]
async fn state_is_there_even_when_empty_and_deny_is_an_error() {
    let world = start("").await;
    let location = world.decide("allow", &[("state", ""), ("redirect_uri", "http://localhost/")]).await;
    assert!(location.starts_with("http://localhost/?code="), "{location}");
    assert!(location.ends_with("~6&state="), "{location}");
    let denied = world.decide("deny", &[]).await;
    assert_eq!(denied, format!("{REDIRECT}&error=access_denied&state=s%20t%26a%3Dte"));
}

#[tokio::test]
async fn the_root_shows_the_same_page_and_escapes_what_it_shows() {
    let world = start("").await;
    let mut url = world.authorize_url(&[("scope", "<script>alert(1)</script>")]);
    url.set_path("/");
    let response = world.client.get(url).send().await.expect("page");
    let policy = response.headers()["content-security-policy"].clone();
    assert!(policy.to_str().expect("ascii").contains("default-src 'none'"));
    let html = response.text().await.expect("html");
    assert!(html.contains("<button name=\"decision\" value=\"allow\">"));
    assert!(html.contains("Alice Ringer (account 1000001)"));
    assert!(!html.contains("<script>"), "{html}");
    let style = world.client.get(world.url("/_sandbox/style.css")).send();
    assert_eq!(style.await.expect("css").status(), 200);
}

#[tokio::test]
async fn a_consent_form_works_once() {
    let world = start("").await;
    let page = world.client.get(world.authorize_url(&[])).send().await;
    let html = page.expect("page").text().await.expect("html");
    let id = transaction(&html);
    assert_eq!(world.submit(&id, "perhaps").await.0, 400);
    assert_eq!(world.submit(&id, "allow").await.0, 302);
    assert_eq!(world.submit(&id, "allow").await.0, 400);
}

#[tokio::test]
async fn mistakes_stay_here_while_the_target_is_in_doubt_and_go_to_the_app_after() {
    let world = start("").await;
    for (name, value, status) in [
        ("client_id", "somebody-else", 401),
        ("client_id", "", 401),
        ("redirect_uri", "", 400),
        ("redirect_uri", "https://127.0.0.1/", 400),
        ("redirect_uri", "http://example.com/", 400),
        ("redirect_uri", "http://localhost.example.com/", 400),
        ("redirect_uri", "http://user@localhost/", 400),
        ("redirect_uri", "http://localhost/#fragment", 400),
        ("redirect_uri", "http://local\nhost/", 400),
    ] {
        let url = world.authorize_url(&[(name, value)]);
        let response = world.client.get(url).send().await.expect("page");
        assert_eq!(response.status(), status, "{name}={value}");
        assert!(response.headers().get("location").is_none(), "{name}={value}");
    }
    for (name, value, error) in [
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_type", "", "unsupported_response_type"),
        ("scope", "", "invalid_scope"),
        ("code_challenge", CHALLENGE, "invalid_request"),
    ] {
        let url = world.authorize_url(&[(name, value)]);
        let response = world.client.get(url).send().await.expect("page");
        assert_eq!(response.status(), 302, "{name}={value}");
        let location = response.headers()["location"].to_str().expect("ascii");
        assert_eq!(member(location, "error").as_deref(), Some(error));
        assert_eq!(member(location, "state").as_deref(), Some("s t&a=te"));
    }
    let twice = format!("{}&state=again", world.authorize_url(&[]));
    let response = world.client.get(twice).send().await.expect("page");
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn a_registered_redirect_uri_is_compared_byte_for_byte() {
    let world = start("--redirect-uri http://127.0.0.1:7464/cb --redirect-uri https://app.example/cb").await;
    for (uri, status) in [
        ("http://127.0.0.1:7464/cb", 200),
        ("https://app.example/cb", 200),
        ("http://127.0.0.1:7464/cb/", 400),
        ("http://127.0.0.1:7465/cb", 400),
        ("http://localhost:7464/cb", 400),
    ] {
        let url = world.authorize_url(&[("redirect_uri", uri)]);
        let response = world.client.get(url).send().await.expect("page");
        assert_eq!(response.status(), status, "{uri}");
    }
}

#[tokio::test]
async fn a_code_is_bound_to_its_redirect_uri_and_challenge_and_works_once() {
    let world = start("").await;
    let pkce = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let code = world.code(&pkce).await;
    for (member, value) in [
        ("redirect_uri", json!("http://127.0.0.1:7464/callback/phonecom")),
        ("redirect_uri", json!(null)),
        ("code_verifier", json!("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX")),
        ("code_verifier", json!(null)),
        ("code", json!("unknown")),
    ] {
        let mut body = exchange_of(&code);
        body["code_verifier"] = json!(VERIFIER);
        body[member] = value;
        let (status, reply) = world.token(body).await;
        assert_eq!((status, text(&reply, "error")), (400, "invalid_grant"), "{member}");
    }
    let mut body = exchange_of(&code);
    body["code_verifier"] = json!(VERIFIER);
    let (status, reply) = world.token(body.clone()).await;
    assert_eq!(status, 201, "{reply}");

    // A second use is refused, and revokes the tokens of the first (RFC 6749 §4.1.2).
    let access = text(&reply, "access_token");
    assert_eq!(world.get("/v4/accounts/1000001", access).await.0, 200);
    assert_eq!(world.token(body).await.0, 400);
    assert_eq!(world.get("/v4/accounts/1000001", access).await.0, 401);
    assert_eq!(world.journal().await["counters"]["families_revoked"], 1);
}

#[tokio::test]
async fn a_code_expires() {
    let world = start("--code-lifetime 10s").await;
    let code = world.code(&[]).await;
    world.advance("11s").await;
    let (status, reply) = world.exchange(&code).await;
    assert_eq!((status, text(&reply, "error")), (400, "invalid_grant"));
}

#[tokio::test]
async fn pkce_can_be_ignored_or_refused() {
    let pkce = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let world = start("--pkce ignore").await;
    let code = world.code(&pkce).await;
    assert_eq!(world.exchange(&code).await.0, 201);
    let world = start("--pkce refuse").await;
    let response = world.client.get(world.authorize_url(&pkce)).send().await;
    let location = response.expect("page").headers()["location"].clone();
    assert!(location.to_str().expect("ascii").contains("error=invalid_request"));
}

#[tokio::test]
async fn the_implicit_grant_answers_in_the_fragment() {
    let world = start("").await;
    let location = world.decide("allow", &[("response_type", "token")]).await;
    assert!(location.starts_with(&format!("{REDIRECT}#access_token=")), "{location}");
    assert!(location.contains("token_type=Bearer"));
    assert_eq!(member(&location, "state").as_deref(), Some("s t&a=te"));
    let token = member(&location, "access_token").expect("token");
    assert_eq!(world.get("/v4/accounts/1000001", &token).await.0, 200);
}

#[tokio::test]
async fn names_of_other_machines_are_refused() {
    let world = start("").await;
    for (host, status) in [
        ("127.0.0.1", 200),
        ("localhost:1", 200),
        ("LOCALHOST", 200),
        ("[::1]:80", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost@evil.example", 421),
        ("", 421),
    ] {
        let request = world.request(Method::GET, "/v4/ping").header("host", host);
        assert_eq!(world.send(request).await.0, status, "{host}");
    }
}
