//! A provider that is down until the token has expired, and then recovers.

use std::time::Duration;

use ringback::contract::AccountState;

use crate::http::Reply;
use crate::idp::{Act, Idp, plain, unavailable};
use crate::world::{World, until};

/// Longer than any request to a provider may take.
const UNANSWERED: Duration = Duration::from_secs(60);

fn now(world: &World) -> Reply {
    world.get("/v1/accounts/work/token?wait=0")
}

/// A world whose token is valid for two seconds; later ones are valid for an hour.
fn short_lived() -> (Idp, World) {
    let idp = Idp::living(2);
    let world = World::start(&idp);
    world.log_in("work");
    idp.set_lifetime(3600);
    (idp, world)
}

fn until_expired(world: &World) {
    until("the token has expired", || (now(world).status == 503).then_some(()));
}

fn last_error(world: &World) -> String {
    world.account("work").last_error.map(|error| error.error_description).unwrap_or_default()
}

#[test]
fn after_an_outage_of_every_kind_the_next_call_gets_a_token() {
    let (idp, world) = short_lived();
    idp.go_down();
    until_expired(&world);
    let (code, said, _) = world.cli(&["status"]);
    assert!(code == 7 && said.contains("recovering"), "{code} {said}");
    until("it is refused often", || (world.account("work").last_error?.failures >= 3).then_some(()));
    assert!(last_error(&world).contains("refused"), "{}", last_error(&world));
    idp.always_at("/token", unavailable());
    idp.come_back();
    until("it answers 503", || {
        assert_eq!(world.cli(&["token", "work"]).0, 7);
        last_error(&world).contains("503").then_some(())
    });
    idp.always_at("/token", Act::Stall(Vec::new(), UNANSWERED));
    let sent = idp.refreshes();
    until("it is asked", || {
        now(&world);
        (idp.refreshes() > sent).then_some(())
    });
    until("it does not answer in time", || last_error(&world).contains("no reply within").then_some(()));
    assert_eq!(world.account("work").state, AccountState::Active, "{:?}", world.account("work"));
    idp.always_at("/token", Act::Behave);
    let (code, token, said) = world.cli(&["token", "work"]);
    assert!(code == 0 && idp.honours(token.trim()), "{code} {said}");
    assert_eq!((world.cli(&["status"]).0, idp.reuses()), (0, 0));
}

#[test]
fn after_refused_connections_the_next_call_gets_a_token() {
    let (idp, world) = short_lived();
    idp.go_down();
    until_expired(&world);
    until("the breaker is open", || (world.account("work").last_error?.failures >= 4).then_some(()));
    assert_eq!(world.cli(&["token", "work"]).0, 7);
    idp.come_back();
    let (code, token, said) = world.cli(&["token", "work"]);
    assert!(code == 0 && idp.honours(token.trim()), "{code} {said}");
}

#[test]
fn a_forced_refresh_is_sent_while_the_circuit_breaker_is_open() {
    let (idp, world) = short_lived();
    idp.always_at("/token", unavailable());
    until_expired(&world);
    until("the breaker is open", || (idp.refreshes() >= 4).then_some(()));
    for _ in 0..3 {
        let sent = idp.refreshes();
        let (code, _, said) = world.cli(&["refresh", "work"]);
        assert!(code == 7 && said.contains("503"), "{code} {said}");
        assert!(idp.refreshes() > sent, "no request was sent");
    }
    idp.always_at("/token", Act::Behave);
    let (code, _, said) = world.cli(&["refresh", "work"]);
    assert_eq!(code, 0, "{said}");
    // The same for a provider that refuses connections.
    idp.go_down();
    for _ in 0..5 {
        assert_eq!(world.cli(&["refresh", "work"]).0, 7);
    }
    idp.come_back();
    let (code, _, said) = world.cli(&["refresh", "work"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn callers_get_the_providers_retry_after() {
    let (idp, world) = short_lived();
    let body = r#"{"@error":{"@code":"tooMany","@rateLimit":{"Retry-After":11}}}"#;
    idp.always_at("/token", Act::Raw(plain(429, "application/json", body)));
    let reply = until("the token has expired", || Some(now(&world)).filter(|reply| reply.status == 503));
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=13).contains(&seconds), "{reply:?}");
    let sent = idp.refreshes();
    let (code, _, said) = world.cli(&["token", "work"]);
    assert!(code == 7 && said.contains("retries in "), "{said}");
    let (code, _, said) = world.cli(&["refresh", "work"]);
    assert_eq!((code, idp.refreshes()), (7, sent), "no request before its `Retry-After` is over: {said}");
    // A forced refresh fails with the pause, also while a valid token is served.
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    idp.always_at("/token", Act::Raw(plain(429, "application/json", body)));
    for target in ["/v1/accounts/work/refresh", "/v1/accounts/work/refresh"] {
        let reply = world.post(target);
        let seconds: u64 = reply.header("retry-after").unwrap_or("99999").parse().unwrap();
        assert!((1..=13).contains(&seconds), "{reply:?}");
    }
    assert_eq!(now(&world).status, 200);
}
