//! `GET /metrics`: what it counts, for whom, and what is never in it.

use rustix::process::Signal;

use crate::api_server::{ApiServer, with_key};
use crate::http::{Reply, Request};
use crate::idp::{Idp, unavailable};
use crate::world::{SECRET, World, account, provider, until};

/// The value of the series, if it is there.
fn value(world: &World, series: &str) -> Option<i64> {
    let text = world.get("/metrics").body;
    let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned));
    found.map(|value| value.parse().unwrap())
}

fn is(world: &World, series: &str, expected: i64) {
    let seen = value(world, series);
    assert_eq!(seen, Some(expected), "{series}\n{}", world.get("/metrics").body);
}

fn by_key(world: &World, key: &str) -> Reply {
    world.ask_tcp(&Request::get("/metrics").header("Authorization", &format!("Bearer {key}")))
}

#[test]
fn requests_and_refreshes_are_counted_by_result() {
    let idp = Idp::start();
    let world = World::start(&idp);
    is(&world, r#"ringback_account_state{account="work",state="signed_out"}"#, 1);
    assert_eq!(value(&world, r#"ringback_token_expires_in_seconds{account="work"}"#), None);
    world.log_in("work");
    is(&world, r#"ringback_account_state{account="work",state="signed_out"}"#, 0);
    is(&world, r#"ringback_account_state{account="work",state="active"}"#, 1);
    is(&world, r#"ringback_account_health{account="work",health="usable"}"#, 1);
    let left = value(&world, r#"ringback_token_expires_in_seconds{account="work"}"#).unwrap();
    assert!((1..=3600).contains(&left), "{left}");
    is(&world, r#"ringback_refreshes_total{account="work",result="ok"}"#, 0);
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 200);
    is(&world, r#"ringback_refreshes_total{account="work",result="ok"}"#, 1);
    idp.next_at("/token", unavailable());
    assert_ne!(world.post("/v1/accounts/work/refresh").status, 200);
    let failed = ["busy", "lost"].map(|result| {
        value(&world, &format!(r#"ringback_refreshes_total{{account="work",result="{result}"}}"#)).unwrap()
    });
    assert_eq!(failed.iter().sum::<i64>(), 1, "{failed:?}");
    // The code's exchange, and two refreshes.
    is(&world, r#"ringback_provider_request_duration_seconds_count{provider="idp"}"#, 3);

    let tokens = r#"ringback_http_requests_total{method="GET",route="/v1/accounts/{name}/token",code="200"}"#;
    let before = value(&world, tokens).unwrap_or(0);
    for _ in 0..3 {
        world.token("work");
    }
    is(&world, tokens, before + 3);
    assert_eq!(world.get("/v1/accounts/nowhere/token").status, 404);
    is(&world, r#"ringback_http_requests_total{method="GET",route="/v1/accounts/{name}/token",code="404"}"#, 1);
    assert_eq!(world.get("/nowhere").status, 404);
    is(&world, r#"ringback_http_requests_total{method="other",route="other",code="404"}"#, 1);
    let written = || value(&world, r#"ringback_audit_lines_total{result="written"}"#);
    until("the lines of the audit log are counted", || written().filter(|lines| *lines >= 3));
    is(&world, r#"ringback_callers_waiting{transport="unix"}"#, 0);
}

#[test]
fn an_account_that_is_gone_from_the_config_is_gone_from_the_metrics() {
    let idp = Idp::start();
    let with = |accounts: &[&str]| {
        let accounts = accounts.iter().map(|name| account(name, "idp", ""));
        [provider("idp", &idp, "/token", "")].into_iter().chain(accounts).collect::<String>()
    };
    let mut world = World::with_config(&with(&["work", "home"]));
    world.run();
    is(&world, "ringback_accounts{}", 2);
    is(&world, r#"ringback_account_state{account="home",state="signed_out"}"#, 1);
    world.configure(&with(&["work"]));
    world.signal(Signal::HUP);
    until("it is gone", || (!world.get("/metrics").body.contains("home")).then_some(()));
    is(&world, "ringback_accounts{}", 1);
    is(&world, r#"ringback_account_state{account="work",state="signed_out"}"#, 1);
}

#[test]
fn an_app_sees_its_own_accounts_and_no_secret_is_shown() {
    let idp = Idp::start();
    let config = [provider("idp", &idp, "/token", ""), account("work", "idp", ""), account("home", "idp", "")];
    let mut world = World::with_config(&config.concat());
    world.run();
    world.log_in("work");
    let (home, all) = (world.add_app(&["of-home", "--account", "home"]), world.add_app(&["of-all", "--all-accounts"]));
    let reply = by_key(&world, &home);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    assert!(reply.body.contains(r#"account="home""#), "{}", reply.body);
    for hidden in ["work", "ringback_http_requests_total", "idp", "ringback_accounts"] {
        assert!(!reply.body.contains(hidden), "{hidden}\n{}", reply.body);
    }
    let whole = by_key(&world, &all).body;
    assert!(whole.contains(r#"account="work""#) && whole.contains("ringback_http_requests_total"), "{whole}");
    for secret in [world.token("work").as_str(), &home, &all, &world.key(), SECRET] {
        assert!(!whole.contains(secret), "{secret}");
    }
    assert_eq!(world.ask_tcp(&Request::get("/metrics")).status, 401);
    assert_eq!(world.get("/metrics?account=work").status, 400);
}

#[test]
fn a_locked_store_shows_and_hides_what_it_knew() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    assert_eq!(world.post("/v1/lock").status, 200);
    is(&world, r#"ringback_account_health{account="work",health="store_unavailable"}"#, 1);
    assert_eq!(value(&world, r#"ringback_token_expires_in_seconds{account="work"}"#), None);
}

#[test]
fn requests_to_a_proxy_are_counted_by_program_and_result() {
    let idp = Idp::start();
    let api = ApiServer::start(|received, line| {
        line.body();
        let target = received.line().to_owned();
        if let Some(status) = ["201", "302", "404", "500"].iter().find(|status| target.contains(**status)) {
            return line.answer(status.parse().unwrap(), "", "12345");
        }
        line.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        false
    });
    let mut world = World::with_config(&(api.config(&idp, "") + "[audit]\nenabled = true\n"));
    world.run();
    assert_eq!(world.get("/proxy/work/201").status, 503, "refused: nobody has logged in");
    world.log_in("work");
    let (agent, all) =
        (world.add_app(&["agent", "--proxy", "work", "--method", "POST"]), world.add_app(&["all", "--all-accounts"]));
    let work = world.add_app(&["work", "--account", "work"]);
    let post = |key: &str, path: &str| {
        let request = Request::new("POST", path).json("{\"a\":1}");
        world.ask_tcp(&request.header("Authorization", &format!("Bearer {key}"))).status
    };
    for status in [201, 302, 404, 500] {
        assert_eq!(post(&agent, &format!("/proxy/work/{status}")), status);
    }
    let by_get = Request::get("/proxy/work/201").header("Authorization", &format!("Bearer {agent}"));
    assert_eq!(world.ask_tcp(&by_get).status, 403, "no rule allows it");
    let mut wire = crate::http::Wire::tcp(&world.authority());
    wire.send(&with_key(&world, Request::get("/proxy/work/broken")).bytes(&world.authority()));
    wire.rest();
    let series = |app: &str, result: &str| {
        format!(r#"ringback_proxy_requests_total{{account="work",app="{app}",result="{result}"}}"#)
    };
    let counted = |series: &str| until("it is counted", || value(&world, series).filter(|count| *count > 0));
    for (app, result) in [
        ("-", "refused"),
        ("agent", "2xx"),
        ("agent", "3xx"),
        ("agent", "4xx"),
        ("agent", "5xx"),
        ("agent", "refused"),
        ("default", "broken_off"),
    ] {
        assert_eq!(counted(&series(app, result)), 1, "{app} {result}");
    }
    is(&world, r#"ringback_proxy_request_body_bytes_total{account="work",app="agent"}"#, 28);
    is(&world, r#"ringback_proxy_response_body_bytes_total{account="work",app="agent"}"#, 20);
    assert!(by_key(&world, &all).body.contains(&series("agent", "2xx")), "who sees every account sees every program");
    assert!(!by_key(&world, &work).body.contains(r#"app="agent""#), "an app for some accounts sees itself alone");
    assert_eq!(world.cli(&["app", "remove", "agent"]).0, 0);
    assert_eq!(value(&world, &series("agent", "2xx")), None, "it is gone with its key");
}
