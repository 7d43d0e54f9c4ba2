//! Bad replies of token endpoints: each causes the documented error, at a login and at a refresh, and the daemon keeps
//! serving.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use ringback::contract::{AccountState, LoginStatus};

use crate::http::Request;
use crate::idp::{Act, Idp, plain, with_header};
use crate::world::{World, account, provider, until};

/// One reply and the required outcome.
struct Bad {
    what: &'static str,
    act: fn() -> Act,
    /// Part of the failed login's message.
    told: &'static str,
    /// Status and error code of a refresh.
    refresh: (u16, &'static str),
}

const UNREACHABLE: (u16, &str) = (503, "provider_unreachable");
const REFUSED: (u16, &str) = (502, "provider_refused");
const NEEDS_LOGIN: (u16, &str) = (428, "login_required");

fn raw(status: u16, kind: &str, body: &str) -> Act {
    Act::Raw(plain(status, kind, body))
}

fn ok(body: &str) -> Act {
    raw(200, "application/json", body)
}

fn error(status: u16, body: &str) -> Act {
    raw(status, "application/json", body)
}

const fn bad(what: &'static str, act: fn() -> Act, told: &'static str, refresh: (u16, &'static str)) -> Bad {
    Bad { what, act, told, refresh }
}

const TABLE: &[Bad] = &[
    bad("empty", || ok(""), "the reply is empty", UNREACHABLE),
    bad("nothing", || Act::Close, "the connection broke", UNREACHABLE),
    bad("no-http", || Act::Raw(b"hello\r\n\r\n".to_vec()), "the connection broke", UNREACHABLE),
    bad("html", || raw(200, "text/html", "<html>Hello</html>"), "not JSON but `text/html`", UNREACHABLE),
    bad("html-as-json", || ok("<html>Hello</html>"), "not valid JSON", UNREACHABLE),
    bad("captive", || raw(403, "text/html", "<html>Pay</html>"), "captive portal", UNREACHABLE),
    bad(
        "huge",
        || ok(&format!("{{\"access_token\":\"a\",\"x\":\"{}\"}}", "x".repeat(300_000))),
        "256 KiB",
        UNREACHABLE,
    ),
    bad("cut", || Act::Raw(b"HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\n{\"acc".to_vec()), "broke off", UNREACHABLE),
    bad("cut-json", || ok("{\"access_token\":\"a"), "cut off", UNREACHABLE),
    bad(
        "slow",
        || Act::Stall(b"HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\n{".to_vec(), Duration::from_millis(300)),
        "broke off",
        UNREACHABLE,
    ),
    bad("array", || ok("[1]"), "unexpected shape", UNREACHABLE),
    bad("no-token", || ok("{\"expires_in\":3600}"), "there is no access_token", UNREACHABLE),
    bad("number", || ok("{\"access_token\":5}"), "access_token is not text", UNREACHABLE),
    bad(
        "newline",
        || ok("{\"access_token\":\"a\\r\\nX: y\"}"),
        "characters that are not allowed in tokens",
        UNREACHABLE,
    ),
    bad("nul", || ok("{\"access_token\":\"a\\u0000\"}"), "characters that are not allowed in tokens", UNREACHABLE),
    bad("space", || ok("{\"access_token\":\"a b\"}"), "characters that are not allowed in tokens", UNREACHABLE),
    bad(
        "mac",
        || ok("{\"access_token\":\"a\",\"token_type\":\"mac\"}"),
        "token_type is `mac`: not a bearer token",
        UNREACHABLE,
    ),
    bad("307", || Act::Raw(with_header(307, "Location: /trap", "")), "redirects are not followed", UNREACHABLE),
    bad("302", || Act::Raw(with_header(302, "Location: /trap", "")), "redirects are not followed", UNREACHABLE),
    bad("500", || raw(500, "text/plain", "oops"), "answered 500", UNREACHABLE),
    bad("502", || raw(502, "text/html", "<h1>Bad gateway"), "answered 502", UNREACHABLE),
    bad("429", || Act::Raw(with_header(429, "Retry-After: 40", "")), "too many requests", UNREACHABLE),
    bad(
        "429-phonecom",
        || error(429, "{\"@error\":{\"@code\":\"x\",\"@rateLimit\":{\"Retry-After\":40}}}"),
        "too many requests",
        UNREACHABLE,
    ),
    bad("busy", || error(400, "{\"error\":\"temporarily_unavailable\"}"), "temporarily_unavailable", UNREACHABLE),
    bad(
        "grant",
        || error(400, "{\"error\":\"invalid_grant\",\"error_description\":\"gone\\u001b[31m\"}"),
        "invalid_grant: gone [31m",
        NEEDS_LOGIN,
    ),
    bad("grant-with-200", || ok("{\"error\":\"invalid_grant\"}"), "invalid_grant", NEEDS_LOGIN),
    bad("client", || error(401, "{\"error\":\"invalid_client\"}"), "invalid_client", REFUSED),
    bad(
        "at-error",
        || error(401, "{\"@error\":{\"@code\":\"authBad\",\"@message\":\"No!\"}}"),
        "authBad: No!",
        UNREACHABLE,
    ),
    bad("at-error-bare", || error(400, "{\"@error\":{}}"), "http_400", UNREACHABLE),
];

#[test]
fn a_login_that_gets_a_bad_reply_fails_with_the_reason_and_the_next_one_works() {
    let idp = Idp::start();
    let world = World::start(&idp);
    for row in TABLE {
        idp.next((row.act)());
        let (page, end) = world.try_log_in("work");
        let failure = end.failure.unwrap_or_else(|| panic!("{}: no failure", row.what));
        assert_eq!((end.status, failure.error.row().name), (LoginStatus::Failed, "login_failed"), "{}", row.what);
        assert!(failure.error_description.contains(row.told), "{}: {failure:?}", row.what);
        assert!(!failure.error_description.contains('\u{1b}'), "{}: {failure:?}", row.what);
        assert_eq!(page.status, 200, "{}", row.what);
        assert!(page.body.contains("ringback login"), "{}: has a hint: {}", row.what, page.body);
        assert_eq!(world.account("work").state, AccountState::SignedOut, "{}", row.what);
    }
    assert_eq!(idp.seen_at("/token").len(), TABLE.len(), "a code is sent once, whatever the reply");
    assert!(idp.seen_at("/trap").is_empty(), "no redirect with secrets is followed");
    world.log_in("work");
}

#[test]
fn after_a_bad_refresh_reply_the_token_is_served_until_expiry_and_then_the_documented_error() {
    let idp = Idp::living(4);
    let mut config = String::from("default_account = \"good\"\n");
    for name in TABLE.iter().map(|row| row.what).chain(["good"]) {
        let path = format!("/token/{name}");
        write!(config, "{}{}", provider(name, &idp, &path, ""), account(name, name, "")).unwrap();
    }
    let mut world = World::with_config(&config);
    world.run();
    world.log_in("good");
    for row in TABLE {
        let what = row.what;
        idp.always_at(&format!("/token/{what}"), (row.act)());
        world.log_in(what);
        let (old, logged_in) = (world.token(what), Instant::now());
        let reply = world.post(&format!("/v1/accounts/{what}/refresh"));
        assert_eq!((reply.status, reply.code().as_str()), row.refresh, "{what}: {reply:?}");
        if what.starts_with("429") {
            let wait: u64 =
                reply.header("retry-after").expect("the provider's `Retry-After` is passed on").parse().unwrap();
            assert!((39..=45).contains(&wait), "{what}: {wait}");
        }
        if logged_in.elapsed() < Duration::from_secs(3) {
            assert_eq!(world.token(what), old, "{what}: a valid token is served");
        }
    }
    for row in TABLE {
        let target = format!("/v1/accounts/{}/token?wait=0", row.what);
        let reply = until(row.what, || Some(world.get(&target)).filter(|reply| reply.status != 200));
        assert_eq!((reply.status, reply.code().as_str()), row.refresh, "{}: {reply:?}", row.what);
    }
    assert!(idp.seen_at("/trap").is_empty(), "no redirect with secrets is followed");
    // None of it affected the account of the good provider.
    let good = world.ask(&Request::get("/token"));
    assert_eq!(good.status, 200, "{good:?}");
    assert!(world.account("good").generation >= 2);
    assert_eq!(world.get("/healthz").status, 200);
}

#[test]
fn after_any_bad_reply_a_good_one_restores_the_account() {
    let idp = Idp::start();
    let names = ["500", "empty", "client", "slow"];
    let rows: Vec<&Bad> = names.iter().filter_map(|name| TABLE.iter().find(|row| row.what == *name)).collect();
    assert_eq!(rows.len(), names.len());
    let mut config = String::new();
    for name in names {
        write!(config, "{}{}", provider(name, &idp, &format!("/token/{name}"), ""), account(name, name, "")).unwrap();
    }
    let mut world = World::with_config(&config);
    world.run();
    for row in &rows {
        world.log_in(row.what);
        idp.next_at(&format!("/token/{}", row.what), (row.act)());
        assert_ne!(world.post(&format!("/v1/accounts/{}/refresh", row.what)).status, 200);
        assert!(world.account(row.what).last_error.is_some(), "{}", row.what);
    }
    for row in &rows {
        // Some accounts recover by themselves. A forced refresh waits until two seconds after the previous
        // attempt, so that a program in a loop can't flood the provider.
        until(&format!("{} has recovered", row.what), || {
            let mended = |world: &World| Some(world.account(row.what)).filter(|view| view.generation > 1);
            mended(&world).or_else(|| {
                world.post(&format!("/v1/accounts/{}/refresh", row.what));
                mended(&world)
            })
        });
        let view = world.account(row.what);
        assert_eq!((view.state, view.last_error), (AccountState::Active, None), "{}", row.what);
        assert_eq!(idp.seen_at(&format!("/token/{}", row.what)).len(), 3, "{}: login, bad, good", row.what);
    }
    assert_eq!(idp.reuses(), 0);
}
