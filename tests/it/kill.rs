//! SIGKILL at every step of a refresh and of a login: what is left afterwards, for a provider that ends a
//! grant when a replaced refresh token comes again, and for one with a grace window.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use ringback::contract::{AccountState, LoginStatus};

use crate::http::{Browser, Request};
use crate::idp::{Act, Idp, Manner};
use crate::world::{World, until};

/// What has to come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// Nothing was spent: the old token serves, and nothing is asked of the provider.
    Old,
    /// Nothing was spent, but that can't be known: the old token serves, one replay brings the new one.
    Replayed,
    /// The provider rotated and the reply is lost: the replay brings a new token inside a grace window;
    /// without one only the user can help, and the old token serves to its end.
    Lost,
    /// The new token was kept: it serves at once, and nothing is asked of the provider.
    New,
}

/// Where the process dies in a refresh, in the order in which it gets there.
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

/// Logs in, and stops: what follows is a daemon's first refresh, so that each step is reached once.
fn logged_in(idp: &Idp) -> (World, String) {
    let mut world = World::start(idp);
    world.log_in("work");
    let old = world.token("work");
    world.stop();
    (world, old)
}

/// Starts again and holds what is found against `after`.
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
            assert_eq!(world.token("work"), old, "{context}: nobody told that the old one is dead");
            assert_eq!(idp.refreshes(), sent + 1, "{context}: one replay and no more");
            view
        }
    };
    let lost = after == After::Lost && !graceful;
    assert_eq!(view.state == AccountState::NeedsLogin, lost, "{context}");
    assert_eq!(idp.reuses(), usize::from(after == After::Lost), "{context}");
    // That a login is needed is known before it is kept.
    until(&format!("{context}: nothing is left lying about"), || {
        (world.account_files() == ["work.sealed"]).then_some(())
    });
    if lost {
        world.log_in("work");
    }
    // Whatever happened, it works now, also in the next life.
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 200, "{context}");
    let newest = world.token("work");
    assert!(idp.honours(&newest), "{context}");
    world.restart();
    assert_eq!(world.token("work"), newest, "{context}");
    assert_eq!(world.account("work").state, AccountState::Active, "{context}");
    // The pause between forced attempts counts within one life.
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
        // Kept open: who closes has left, and its request is dropped.
        let mut wire = world.wire();
        wire.send(&Request::new("POST", "/v1/accounts/work/refresh").bytes("localhost"));
        assert_eq!(world.ended().signal(), Some(9), "{step} was not reached");
        check(&mut world, &idp, &old, after, graceful, step);
    }
}

#[test]
fn killed_at_any_step_of_a_refresh_an_account_of_a_strict_provider_is_usable_or_says_why_not() {
    at_every_step(strict, false);
}

#[test]
fn killed_at_any_step_of_a_refresh_an_account_of_a_lenient_provider_is_usable() {
    at_every_step(lenient, true);
}

#[test]
fn killed_while_the_provider_holds_the_reply_only_a_strict_provider_costs_a_login() {
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
fn killed_while_the_provider_has_not_begun_nothing_is_lost() {
    let idp = strict();
    let (mut world, old) = logged_in(&idp);
    world.run();
    // The request arrives and nothing comes of it at the provider: it is all the same to the daemon.
    idp.next(Act::Close);
    assert_eq!(world.post("/v1/accounts/work/refresh").code(), "provider_unreachable");
    world.kill();
    check(&mut world, &idp, &old, After::Replayed, false, "the pause before the replay");
}

/// Where the process dies in a login's exchange, and whether the account is there afterwards.
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
fn killed_at_any_step_of_a_login_the_account_is_there_whole_or_not_at_all() {
    for (step, kept) in LOGIN_STEPS {
        let idp = strict();
        let config = [crate::world::provider("idp", &idp, "/token", ""), crate::world::account("work", "idp", "")];
        let mut world = World::with_config(&config.concat());
        world.run_until(step);
        let started = world.start_login("work", "caller_browser");
        let mut browser = Browser::default();
        let (callback, _) =
            browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
        // The reply never comes: not something that the browser here could bear.
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
        assert_eq!(world.account_files(), files, "{step}: nothing is left lying about");
        let (_, end) = world.try_log_in("work");
        assert_eq!(end.status, LoginStatus::Succeeded, "{step}");
    }
}

#[test]
fn killed_while_a_refusal_is_kept_the_account_asks_for_a_login_all_the_same() {
    for (step, asked_again) in [("before_write", 1), ("after_write", 1), ("after_rename", 0), ("after_commit", 0)] {
        let idp = strict();
        let (mut world, old) = logged_in(&idp);
        let refusal = || Act::Raw(crate::idp::plain(400, "application/json", "{\"error\":\"invalid_grant\"}"));
        idp.always_at("/token", refusal());
        world.run_until(step);
        // Kept open: who closes has left, and its request is dropped.
        let mut wire = world.wire();
        wire.send(&Request::new("POST", "/v1/accounts/work/refresh").bytes("localhost"));
        assert_eq!(world.ended().signal(), Some(9), "{step} was not reached");
        world.run();
        world.until_state("work", AccountState::NeedsLogin);
        assert_eq!(world.token("work"), old, "{step}: good to its end");
        assert_eq!(idp.refreshes(), 1 + asked_again, "{step}");
        world.restart();
        assert_eq!(world.account("work").state, AccountState::NeedsLogin, "{step}");
        assert_eq!(idp.refreshes(), 1 + asked_again, "{step}: a refusal is not asked for twice");
        world.log_in("work");
        assert_ne!(world.token("work"), old, "{step}");
    }
}
