//! Headers of every reply, and the form of refusals.

use super::super::headers::{CONTENT_SECURITY_POLICY, Scripted};
use super::*;

#[tokio::test]
async fn every_reply_has_the_security_headers_and_our_request_id() {
    for (target, lines) in
        [("/token", &[HOST, KEY, "X-Request-Id: theirs"] as &[&str]), ("/token", &[HOST]), ("/nowhere", &[])]
    {
        let reply = ask("GET", target, lines, tcp()).await;
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("content-security-policy", CONTENT_SECURITY_POLICY),
        ] {
            assert_eq!(reply.headers()[name], value, "{target}");
        }
        let names: Vec<&str> = reply.headers().keys().map(axum::http::HeaderName::as_str).collect();
        assert!(!names.iter().any(|name| name.starts_with("access-control") || *name == "server"), "{names:?}");
        let id = reply.headers()["x-request-id"].to_str().unwrap();
        assert!(id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    }
}

#[tokio::test]
async fn only_a_page_with_a_script_may_load_it_and_connect_to_us() {
    let page = Router::new().fallback(|| async { axum::Extension(Scripted) });
    let reply = guard(page, gate()).send(request("GET", "/cb", &[HOST], tcp())).await;
    let policy = reply.headers()["content-security-policy"].to_str().unwrap();
    let usual = policy.replace(" script-src 'self'; connect-src 'self';", "");
    assert!(
        usual != policy && usual == CONTENT_SECURITY_POLICY,
        "more than script-src and connect-src differs: {policy}"
    );
}

#[tokio::test]
async fn refusals_are_json_and_echo_nothing_of_the_request() {
    for (method, target) in
        [("GET", "/canary%00"), ("POST", "/canary"), ("GET", "/token?canary=1&canary=1"), ("CANARY", "/token")]
    {
        let reply = ask(method, target, &[HOST, KEY], tcp()).await;
        assert_eq!(reply.headers()["content-type"], "application/json", "{target}");
        let body = axum::body::to_bytes(reply.into_body(), 10_000).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(r#""error":"#) && !body.to_lowercase().contains("canary"), "{body}");
    }
}

#[tokio::test]
async fn method_not_allowed_lists_the_methods() {
    for (target, allowed) in
        [("/token", "GET"), ("/v1/accounts/a/token", "GET, DELETE"), ("/v1/accounts/a/login", "POST")]
    {
        assert_eq!(ask("OPTIONS", target, &[HOST], tcp()).await.headers()["allow"], allowed);
    }
}

#[tokio::test]
async fn browsers_get_html_errors_and_programs_get_json() {
    let (html, json) = ("text/html; charset=utf-8", "application/json");
    let old_browser = "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
    for (method, target, lines, status, kind) in [
        ("GET", "/token", &[NAVIGATES] as &[&str], 401, html),
        ("GET", "/v1/nowhere", &[NAVIGATES], 200, ""),
        ("PUT", "/v1/nowhere", &[NAVIGATES], 404, html),
        ("POST", "/token", &[NAVIGATES], 405, html),
        ("GET", "/token?a=1&a=2", &[NAVIGATES], 400, html),
        ("GET", "/", &[NAVIGATES, "Sec-Fetch-Site: cross-site"], 403, html),
        ("POST", "/callback/p", &[NAVIGATES, "Origin: https://provider.example"], 403, html),
        ("GET", "/token", &[old_browser], 401, html),
        ("GET", "/token", &["Accept: */*"], 401, json),
        ("GET", "/token", &["Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"], 401, json),
        ("GET", "/nowhere/x?a", &[old_browser, KEY, "Origin: https://evil.example"], 403, json),
        ("GET", "/token", &["Accept: application/json, text/plain"], 401, json),
        ("GET", "/token", &[old_browser, "Sec-Fetch-Mode: cors"], 401, json),
        ("GET", "/token", &[], 401, json),
    ] {
        let lines: Vec<&str> = lines.iter().copied().chain([HOST]).collect();
        let reply = ask(method, target, &lines, tcp()).await;
        assert_eq!(reply.status(), status, "{method} {target} {lines:?}");
        let found = reply.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        assert!(kind.is_empty() || found == kind, "{method} {target} {lines:?}: {found}");
    }
}

#[tokio::test]
async fn oversized_headers_are_refused_with_a_hint() {
    let cookies = format!("Cookie: a={}", "x".repeat(33 * 1024));
    let other = format!("X-Long: {}", "x".repeat(33 * 1024));
    for (target, line, status, told) in [
        ("/token", &cookies, 431, "Delete the cookies of this site"),
        ("/login/start/t", &cookies, 431, "Delete the cookies of this site"),
        ("/token", &other, 431, "header lines have more than 32 KiB"),
        ("/static/style.css", &cookies, 200, "reached"),
        // The callback's handler refuses it, and notifies the caller that waits for the login.
        ("/callback/p", &cookies, 200, "fallback"),
    ] {
        let reply = ask("GET", target, &[HOST, KEY, NAVIGATES, line], tcp()).await;
        assert_eq!(reply.status(), status, "{target}");
        let body = axum::body::to_bytes(reply.into_body(), 10_000).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains(told), "{target}: {body:?}");
    }
    let for_programs = ask("GET", "/token", &[HOST, KEY, &other], tcp()).await;
    assert_eq!(
        (for_programs.status().as_u16(), &for_programs.headers()["content-type"]),
        (431, &"application/json".parse().unwrap())
    );
}
