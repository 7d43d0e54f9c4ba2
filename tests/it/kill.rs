//! SIGKILL at every step of a refresh and of a login: the state afterwards, for a provider that revokes a grant when a
//! replaced refresh token is reused, and for one with a grace window.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use ringback::contract::{AccountState, LoginStatus};

use crate::http::{Browser, Request};
use crate::idp::{Act, Idp, Manner};
use crate::world::{World, until};

/// The required outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// Nothing was spent: the old token is served, and the provider gets no request.
    Old,
    /// Nothing was spent, but the daemon can't know: the old token is served, and one replay gets the new one.
    Replayed,
    /// The provider rotated and the reply is lost: inside a grace window the replay gets a new token; without
    /// one a login is needed, and the old token is served until it expires.
    Lost,
    /// The new token was stored: it is served at once, and the provider gets no request.
    New,
}

/// The steps of a refresh at which the process is killed, in order.
const STEPS: [(&str, After); 9] = [
    ("before_intent", After::Old),
    ("after_intent", After::Replayed),
    ("before_send", After::Replayed),
    ("after_reply", After::Lost),
    ("before_write", After::Lost),
    ("after_write", After::Lost),
    ("after_rename", After::New),
    ("after_commit", After::New),
    ("after_mark", After::New),
];

fn strict() -> Idp {
    Idp::start()
}

fn lenient() -> Idp {
    Idp::with(Manner { grace: Some(Duration::from_secs(20)), ..Manner::default() })
}

/// Logs in, and stops: the next daemon's refresh is its first, so that it reaches each step once.
fn logged_in(idp: &Idp) -> (World, String) {
    let mut world = World::start(idp);
    world.log_in("work");
    let old = world.token("work");
    world.stop();
    (world, old)
}

/// Restarts and compares the state with `after`.
fn check(world: &mut World, idp: &Idp, old: &str, after: After, graceful: bool, step: &str) {
    let context = format!("killed at {step}, {} provider", if graceful { "lenient" } else { "strict" });
    let sent = idp.refreshes();
    world.run();
    let at_once = world.token("work");
    let view = match after {
        After::Old => {
            assert_eq!((at_once.as_str(), idp.refreshes()), (old, sent), "{context}");
            world.account("work")
        }
        After::New => {
            assert_ne!(at_once, old, "{context}");
            assert!(idp.honours(&at_once), "{context}");
            assert_eq!(idp.refreshes(), sent, "{context}");
            world.account("work")
        }
        After::Replayed => replayed(world, &context),
        After::Lost if graceful => replayed(world, &context),
        After::Lost => {
            let view = world.until_state("work", AccountState::NeedsLogin);
            let reason = view.reason.clone().unwrap_or_default();
            assert!(reason.contains("the reply to a refresh was lost"), "{context}: {reason}");
            assert_eq!(world.token("work"), old, "{context}: nothing says that the old token is invalid");
            assert_eq!(idp.refreshes(), sent + 1, "{context}: one replay and no more");
            view
        }
    };
    let lost = after == After::Lost && !graceful;
    assert_eq!(view.state == AccountState::NeedsLogin, lost, "{context}");
    assert_eq!(idp.reuses(), usize::from(after == After::Lost), "{context}");
    // The needed login is visible before it is stored.
    until(&format!("{context}: no temporary files are left"), || {
        (world.account_files() == ["work.sealed"]).then_some(())
    });
    if lost {
        world.log_in("work");
    }
    // In any case the account works now, and after a restart.
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 200, "{context}");
    let newest = world.token("work");
    assert!(idp.honours(&newest), "{context}");
    world.restart();
    assert_eq!(world.token("work"), newest, "{context}");
    assert_eq!(world.account("work").state, AccountState::Active, "{context}");
    // The minimum pause between forced refreshes applies within one run of the daemon.
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 200, "{context}");
    assert!(idp.honours(&world.token("work")), "{context}");
}

fn replayed(world: &World, context: &str) -> ringback::contract::AccountReply {
    let view = until(&format!("{context}: the replay brings a new token"), || {
        Some(world.account("work")).filter(|view| view.generation == 2)
    });
    assert_eq!(view.state, AccountState::Active, "{context}");
    view
}

fn at_every_step(idp: fn() -> Idp, graceful: bool) {
    for (step, after) in STEPS {
        let idp = idp();
        let (mut world, old) = logged_in(&idp);
        world.run_until(step);
        // Kept open, since the daemon drops a request when its client disconnects.
        let mut wire = world.wire();
        wire.send(&Request::new("POST", "/v1/accounts/work/refresh").bytes("localhost"));
        assert_eq!(world.ended().signal(), Some(9), "{step} was not reached");
        check(&mut world, &idp, &old, after, graceful, step);
    }
}

#[test]
fn killed_at_any_step_of_a_refresh_a_strict_providers_account_is_usable_or_says_why_not() {
    at_every_step(strict, false);
}

#[test]
fn killed_at_any_step_of_a_refresh_a_lenient_providers_account_is_usable() {
    at_every_step(lenient, true);
}

#[test]
fn killed_while_waiting_for_the_reply_only_a_strict_provider_requires_a_login() {
    for (idp, graceful) in [(strict(), false), (lenient(), true)] {
        let (mut world, old) = logged_in(&idp);
        world.run();
        idp.next(Act::WorkAndHold);
        let mut asking = world.wire();
        asking.send(&Request::new("POST", "/v1/accounts/work/refresh").bytes("localhost"));
        idp.until_holding();
        world.kill();
        idp.release();
        check(&mut world, &idp, &old, After::Lost, graceful, "the wait for the reply");
    }
}

#[test]
fn killed_before_the_provider_acts_nothing_is_lost() {
    let idp = strict();
    let (mut world, old) = logged_in(&idp);
    world.run();
    // The request reaches the provider without effect, which the daemon can't distinguish.
    idp.next(Act::Close);
    assert_eq!(world.post("/v1/accounts/work/refresh").code(), "provider_unreachable");
    world.kill();
    check(&mut world, &idp, &old, After::Replayed, false, "the pause before the replay");
}

/// The steps of a login's code exchange at which the process is killed, and whether the account exists afterwards.
const LOGIN_STEPS: [(&str, bool); 7] = [
    ("before_send", false),
    ("after_reply", false),
    ("before_write", false),
    ("after_write", false),
    ("after_rename", true),
    ("after_commit", true),
    ("after_mark", true),
];

#[test]
fn killed_at_any_step_of_a_login_the_account_is_complete_or_absent() {
    for (step, kept) in LOGIN_STEPS {
        let idp = strict();
        let config = [crate::world::provider("idp", &idp, "/token", ""), crate::world::account("work", "idp", "")];
        let mut world = World::with_config(&config.concat());
        world.run_until(step);
        let started = world.start_login("work", "caller_browser");
        let mut browser = Browser::default();
        let (callback, _) =
            browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
        // The reply never comes, which the test browser can't handle.
        let authority = world.authority();
        let (.., name, value) = browser.cookies[0].clone();
        let request = Request::get(&callback[url::Position::BeforePath..]).header("Cookie", &format!("{name}={value}"));
        let mut wire = crate::http::Wire::tcp(&authority);
        wire.send(&request.bytes(&authority));
        assert_eq!(world.ended().signal(), Some(9), "{step} was not reached");
        world.run();
        let state = world.account("work").state;
        assert_eq!(state, if kept { AccountState::Active } else { AccountState::SignedOut }, "{step}");
        if kept {
            assert!(idp.honours(&world.token("work")), "{step}");
        }
        let files = if kept { vec!["work.sealed"] } else { vec![] };
        assert_eq!(world.account_files(), files, "{step}: no temporary files are left");
        let (_, end) = world.try_log_in("work");
        assert_eq!(end.status, LoginStatus::Succeeded, "{step}");
    }
}

#[test]
fn killed_while_storing_a_refusal_the_account_still_needs_a_login() {
    for (step, asked_again) in [("before_write", 1), ("after_write", 1), ("after_rename", 0), ("after_commit", 0)] {
        let idp = strict();
        let (mut world, old) = logged_in(&idp);
        let refusal = || Act::Raw(crate::idp::plain(400, "application/json", "{\"error\":\"invalid_grant\"}"));
        idp.always_at("/token", refusal());
        world.run_until(step);
        // Kept open, since the daemon drops a request when its client disconnects.
        let mut wire = world.wire();
        wire.send(&Request::new("POST", "/v1/accounts/work/refresh").bytes("localhost"));
        assert_eq!(world.ended().signal(), Some(9), "{step} was not reached");
        world.run();
        world.until_state("work", AccountState::NeedsLogin);
        assert_eq!(world.token("work"), old, "{step}: valid until it expires");
        assert_eq!(idp.refreshes(), 1 + asked_again, "{step}");
        world.restart();
        assert_eq!(world.account("work").state, AccountState::NeedsLogin, "{step}");
        assert_eq!(idp.refreshes(), 1 + asked_again, "{step}: a refused refresh is not repeated");
        world.log_in("work");
        assert_ne!(world.token("work"), old, "{step}");
    }
}
