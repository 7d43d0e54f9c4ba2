//! Refreshes: ahead of expiry, single-flight, across restarts, with many callers.

use std::time::{Duration, Instant};

use ringback::contract::{AccountHealth, AccountState};
use rustix::process::{Resource, Rlimit, Signal};

use crate::http::{Browser, Request, Wire, parse};
use crate::idp::{Act, Idp, Manner, plain};
use crate::world::{World, account, provider, until, until_past};

const CALLERS: usize = 500;

#[test]
fn five_hundred_callers_at_expiry_cause_one_provider_request_and_get_the_new_token() {
    // Both ends of the connections are in this process and its child.
    let limit = rustix::process::getrlimit(Resource::Nofile);
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let idp = Idp::living(1);
    // A third of the connections may wait on each transport, and one app may use half of that.
    let listen = "[listen]\ntcp = [\"127.0.0.1:0\"]\nmax_connections = 1600\n";
    let config = [listen, &provider("idp", &idp, "/token", ""), &account("work", "idp", "")].concat();
    let mut world = World::with_config(&config);
    world.run();
    world.log_in("work");
    let old = world.token("work");
    idp.set_lifetime(3600);
    idp.next(Act::WorkAndHold);
    // The refresh is sent ahead of expiry and hangs until the old token has expired.
    idp.until_holding();
    until("the old token has expired", || {
        Some(world.get("/v1/accounts/work/token?wait=0")).filter(|reply| reply.status == 503)
    });
    let (authority, key) = (world.authority(), format!("Bearer {}", world.key()));
    let request = Request::get("/v1/accounts/work/token?wait=15").header("Authorization", &key).bytes(&authority);
    let mut callers: Vec<Wire> = (0..CALLERS)
        .map(|number| {
            let mut wire = if number % 2 == 0 { Wire::tcp(&authority) } else { world.wire() };
            wire.send(&request);
            wire
        })
        .collect();
    assert_eq!(idp.refreshes(), 1);
    idp.release();
    let tokens: Vec<String> = callers
        .iter_mut()
        .map(|wire| {
            let reply = parse(&wire.rest());
            assert_eq!(reply.status, 200, "{reply:?}");
            reply.json()["access_token"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(tokens.len(), CALLERS);
    assert!(tokens.iter().all(|token| *token == tokens[0] && *token != old), "{tokens:?}");
    assert!(idp.honours(&tokens[0]));
    assert_eq!((idp.refreshes(), idp.most_in_flight(), idp.reuses()), (1, 1, 0));
}

#[test]
fn impatient_callers_cause_no_request_storm_at_a_failing_provider() {
    let idp = Idp::living(1);
    let world = World::start(&idp);
    world.log_in("work");
    idp.always_at("/token", Act::Raw(plain(500, "text/plain", "oops")));
    until("the token has expired", || {
        Some(world.get("/v1/accounts/work/token?wait=0")).filter(|reply| reply.status == 503)
    });
    let (before, begun) = (idp.refreshes(), Instant::now());
    for _ in 0..300 {
        let reply = world.get("/v1/accounts/work/token?wait=0");
        assert_eq!((reply.status, reply.code().as_str()), (503, "provider_unreachable"), "{reply:?}");
    }
    // Attempts are at least a quarter of a second apart.
    let most = 2 + usize::try_from(begun.elapsed().as_millis() / 250).unwrap();
    assert!(idp.refreshes() - before <= most, "{} attempts", idp.refreshes() - before);
}

#[test]
fn short_lived_tokens_are_served_without_a_gap() {
    let idp = Idp::living(2);
    let world = World::start(&idp);
    world.log_in("work");
    until("it was refreshed three times", || {
        let reply = world.get("/v1/accounts/work/token");
        assert_eq!(reply.status, 200, "{reply:?}");
        let token = reply.json()["access_token"].as_str().unwrap().to_owned();
        assert!(idp.honours(&token));
        (world.account("work").generation > 3).then_some(())
    });
    assert_eq!((idp.reuses(), idp.most_in_flight()), (0, 1));
}

#[test]
fn after_a_restart_the_token_is_served_without_a_provider_request() {
    let idp = Idp::start();
    let mut world = World::start(&idp);
    world.log_in("work");
    let token = world.token("work");
    for restart in [World::restart, |world: &mut World| (world.kill(), world.run()).1] {
        restart(&mut world);
        assert_eq!(world.token("work"), token);
        assert_eq!(world.account("work").generation, 1);
    }
    assert_eq!(idp.refreshes(), 0);
}

#[test]
fn after_a_restart_a_due_token_is_refreshed_and_callers_wait_for_an_expired_one() {
    let idp = Idp::living(1);
    let mut world = World::start(&idp);
    world.log_in("work");
    let old = world.token("work");
    let ends = world.account("work").expires_at;
    world.stop();
    until_past(ends);
    idp.set_lifetime(3600);
    idp.next(Act::WorkAndHold);
    world.run();
    idp.until_holding();
    let impatient = world.get("/v1/accounts/work/token?wait=0");
    assert_eq!((impatient.status, impatient.code().as_str()), (503, "provider_unreachable"), "{impatient:?}");
    let mut patient = world.wire();
    patient.send(&Request::get("/v1/accounts/work/token?wait=15").bytes("localhost"));
    let mut usual = world.wire();
    usual.send(&Request::get("/v1/accounts/work/token").bytes("localhost"));
    idp.release();
    for wire in [&mut patient, &mut usual] {
        let reply = parse(&wire.rest());
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_ne!(reply.json()["access_token"], old.as_str());
    }
    assert_eq!(idp.refreshes(), 1);
}

#[test]
fn a_provider_that_does_not_rotate_gets_the_same_refresh_token_every_time() {
    let idp = Idp::with(Manner { lifetime: 1, rotates: false, ..Manner::default() });
    let mut world = World::start(&idp);
    world.log_in("work");
    idp.until_refreshes(1);
    world.restart();
    idp.until_refreshes(3);
    let sent: Vec<String> = idp
        .seen()
        .iter()
        .filter(|seen| seen.is_refresh())
        .map(|seen| seen.parameters()["refresh_token"].clone())
        .collect();
    assert!(sent.iter().all(|token| *token == sent[0]), "{sent:?}");
    assert_eq!(world.account("work").scope.as_deref(), Some("one two"));
}

#[test]
fn without_a_refresh_token_the_account_needs_a_login_when_the_token_expires() {
    let idp = Idp::start();
    let world = World::start(&idp);
    idp.next(Act::Raw(plain(200, "application/json", "{\"access_token\":\"AT~canary-only\",\"expires_in\":\"1\"}")));
    world.log_in("work");
    assert_eq!(world.token("work"), "AT~canary-only");
    assert!(!world.account("work").refreshable);
    let view = world.until_state("work", AccountState::NeedsLogin);
    assert!(view.reason.unwrap_or_default().contains("no refresh token"));
    assert_eq!(world.get("/v1/accounts/work/token").code(), "login_required");
    assert_eq!(idp.refreshes(), 0);
}

#[test]
fn a_token_without_an_expiry_is_served_with_unknown_expiry() {
    let idp = Idp::start();
    let world = World::start(&idp);
    idp.next(Act::Raw(plain(
        201,
        "application/json",
        "{\"access_token\":\"AT~canary-only\",\"refresh_token\":\"RT~canary\"}",
    )));
    world.log_in("work");
    let reply = world.get("/v1/accounts/work/token?min_ttl=3600").json();
    assert_eq!((&reply["expiry"], reply.get("expires_in")), (&"unknown".into(), None), "{reply}");
}

#[test]
fn a_rejected_token_report_causes_at_most_one_refresh_and_none_of_a_fresh_token() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    for _ in 0..5 {
        assert_eq!(world.post("/v1/accounts/work/rejected").status, 200);
    }
    assert_eq!(idp.refreshes(), 0, "the token is seconds old, so the caller must have used an older one");
}

#[test]
fn a_lost_reply_is_replayed_once_promptly_and_inside_the_grace_window() {
    let idp = Idp::with(Manner { grace: Some(Duration::from_secs(10)), ..Manner::default() });
    let world = World::start(&idp);
    world.log_in("work");
    let old = world.token("work");
    idp.next(Act::WorkAndClose);
    let reply = world.post("/v1/accounts/work/refresh");
    assert_eq!((reply.status, reply.code().as_str()), (503, "provider_unreachable"), "{reply:?}");
    assert_eq!(world.token("work"), old);
    until("the replay brings a new token", || (world.token("work") != old).then_some(()));
    assert_eq!((idp.refreshes(), idp.reuses()), (2, 1));
    assert_eq!(world.account("work").state, AccountState::Active);
}

#[test]
fn a_second_lost_reply_is_not_replayed_while_the_old_token_is_valid() {
    let idp = Idp::with(Manner { lifetime: 20, ..Manner::default() });
    let world = World::start(&idp);
    world.log_in("work");
    let old = world.token("work");
    idp.always_at("/token", Act::Close);
    world.post("/v1/accounts/work/refresh");
    idp.until_refreshes(2);
    let held = until("the replay has failed", || {
        Some(world.account("work")).filter(|view| view.last_error.as_ref().is_some_and(|error| error.failures > 1))
    });
    assert!(held.next_refresh_at >= held.expires_at, "held until the access token expires: {held:?}");
    assert_eq!(idp.refreshes(), 2);
    assert_eq!(world.token("work"), old);
}

#[test]
fn a_caller_that_hangs_up_cannot_cancel_the_refresh_that_it_began() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    let old = world.token("work");
    idp.next(Act::WorkAndHold);
    let mut asking = world.wire();
    asking.send(&Request::new("POST", "/v1/accounts/work/refresh").bytes("localhost"));
    idp.until_holding();
    drop(asking);
    idp.release();
    until("the new token is kept", || (world.token("work") != old).then_some(()));
    assert_eq!((idp.refreshes(), idp.reuses()), (1, 0));
}

#[test]
fn a_refresh_request_matches_each_provider_exactly() {
    let secret = crate::world::SECRET;
    for (of_provider, authorization, body) in [
        ("", true, "grant_type=refresh_token&refresh_token=RT%7Ecanary-2".to_owned()),
        (
            "client_auth = \"post\"",
            false,
            "grant_type=refresh_token&refresh_token=RT%7Ecanary-2&client_id=the+client&client_secret=SECRET%7Ecanary"
                .into(),
        ),
        (
            "client_auth = \"post\"\nbody = \"json\"",
            false,
            format!(
                "{{\"grant_type\":\"refresh_token\",\"refresh_token\":\"RT~canary-2\",\
                 \"client_id\":\"the client\",\"client_secret\":\"{secret}\"}}"
            ),
        ),
    ] {
        let idp = Idp::start();
        let world = World::start_with(&idp, "", of_provider, "");
        world.log_in("work");
        assert_eq!(world.post("/v1/accounts/work/refresh").status, 200);
        let seen = idp.seen_at("/token").pop().unwrap();
        assert_eq!((seen.body.as_str(), seen.header("authorization").is_some()), (body.as_str(), authorization));
    }
}

#[test]
fn the_client_secret_is_read_where_the_config_says() {
    let idp = Idp::start();
    let top = provider("idp", &idp, "/token", "client_auth = \"post\"");
    let inline = format!("client_secret = \"{}\"", crate::world::SECRET);
    let with = |source: &str| [top.clone(), account("work", "idp", "").replace(&inline, source)].concat();
    let mut world = World::with_config(&with(&inline));
    let file = world.config_file().with_file_name("secret");
    std::fs::write(&file, "FILE~canary\n").unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    for (source, secret) in [
        ("client_secret_file = \"secret\"", "FILE~canary"),
        ("client_secret_command = [\"/bin/echo\", \"COMMAND~canary\"]", "COMMAND~canary"),
    ] {
        world.configure(&with(source));
        world.run();
        world.log_in("work");
        assert_eq!(idp.seen_at("/token").pop().unwrap().parameters()["client_secret"], secret);
        world.stop();
    }
    std::fs::remove_file(&file).unwrap();
    world.configure(&with("client_secret_file = \"secret\""));
    world.run();
    let sent = idp.seen().len();
    let reply = world.post("/v1/accounts/work/refresh");
    assert_eq!((reply.status, reply.code().as_str()), (503, "provider_unreachable"), "{reply:?}");
    assert!(reply.body.contains("client secret"), "{reply:?}");
    assert_eq!(idp.seen().len(), sent, "without the secret nothing is sent");
}

#[test]
fn the_client_id_may_be_printed_by_a_command_and_tokens_survive_the_move_to_one() {
    let idp = Idp::start();
    let top = provider("idp", &idp, "/token", "client_auth = \"post\"");
    let with = |id: &str| [top.clone(), account("work", "idp", "").replace("client_id = \"the client\"", id)].concat();
    let mut world = World::with_config(&with("client_id = \"the client\""));
    let file = world.root().join("id");
    std::fs::write(&file, "the client\n").unwrap();
    world.run();
    world.log_in("work");
    let command = format!("client_id_command = [\"/bin/cat\", \"{}\"]", file.display());
    world.configure(&with(&command));
    world.signal(Signal::HUP);
    world.until_logged("the config was reloaded");
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 200, "the tokens may be of that client");
    assert_eq!(idp.seen_at("/token").pop().unwrap().parameters()["client_id"], "the client");

    std::fs::write(&file, "another\n").unwrap();
    let started = world.start_login("work", "caller_browser");
    let (provider, _) =
        Browser::default().go_until(started.start_url.as_deref().unwrap(), |url| url.path() == "/authorize");
    let id = provider.query_pairs().find(|(name, _)| name == "client_id").unwrap().1.into_owned();
    assert_eq!(id, "another", "it is run again for each login");
    std::fs::remove_file(&file).unwrap();
    world.restart();
    let sent = idp.seen().len();
    let reply = world.post("/v1/accounts/work/refresh");
    assert_eq!((reply.status, reply.code().as_str()), (503, "provider_unreachable"), "{reply:?}");
    assert!(reply.body.contains("the client id is not available: the command `/bin/cat` failed"), "{reply:?}");
    assert_eq!(idp.seen().len(), sent, "without the id nothing is sent");
    assert!(!reply.body.contains(&file.display().to_string()), "an argument may be secret: {reply:?}");
}

#[test]
fn a_lazy_account_is_idle_after_its_token_until_somebody_asks() {
    let idp = Idp::living(2);
    let world = World::start_with(&idp, "", "", "lazy = true");
    world.log_in("work");
    let health = || world.account("work").health.map(|health| health.now);
    until("the token has expired", || (health() == Some(AccountHealth::Idle)).then_some(()));
    let (code, status, _) = world.cli(&["status"]);
    assert!(code == 0 && status.contains("idle"), "{status}");
    assert_eq!(idp.refreshes(), 0);
    idp.set_lifetime(3600);
    assert_eq!(world.get("/v1/accounts/work/token?wait=15").status, 200);
    assert_eq!((idp.refreshes(), health()), (1, Some(AccountHealth::Usable)));
    assert_eq!(world.account("work").next_refresh_at, None);
    assert_eq!(world.get("/v1/accounts/work/token?min_ttl=1000").status, 200);
    assert_eq!(idp.refreshes(), 1, "it is valid for long enough");
}
