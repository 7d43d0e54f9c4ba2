//! Clocks that are set, disagree or stand still.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::account::state::machine::Machine;
use crate::account::verdict::Ttl;
use crate::clock::{Boot, BootId, Moment, Wall};
use crate::oauth::grant::Expiry;

#[test]
fn a_wall_clock_that_is_set_back_over_a_restart_makes_no_dead_token_look_alive() {
    for same_run in [true, false] {
        let boot = |id: &str| Some(BootId(id.into()));
        let mut b = Bench::new();
        b.machine.boot = boot("first");
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
        b.now.boot = b.now.boot.plus(s(3601));
        b.now.wall = Wall(b.now.wall.0 - 7_200_000);
        b.machine = Machine::new(b.machine.policy.clone()).in_boot(boot(if same_run { "first" } else { "second" }));
        b.tell(Event::Timer);
        assert_ne!(b.token(), "a1", "{same_run}: nobody knows how old it is");
        assert_eq!(b.sleep(), s(0), "{same_run}: another one is asked for at once");
        b.answer(RefreshOutcome::NotSent { why: "dns".into() });
        let said = b.view().reply(b.now).reason.unwrap();
        assert_eq!(said.contains("clock is behind"), !same_run, "{said}");
        // The clock is put right: in the second run that tells how old it is.
        b.now.wall = Wall(b.now.wall.0 + 8_200_000);
        b.tell(Event::Woken);
        assert_eq!(b.token() == "a1", !same_run, "{same_run}");
    }
}

/// A machine whose clock has no battery comes up in the past; one whose clock is put right by seconds does not count.
#[test]
fn after_a_reboot_a_clock_that_is_behind_makes_no_dead_token_look_alive() {
    for (behind, served) in [(s(30), true), (s(3 * 3600), false), (s(365 * 86_400), false)] {
        let mut b = Bench::logged_in();
        b.now = Moment { wall: Wall(b.now.wall.0 - i64::try_from(behind.as_millis()).unwrap()), boot: Boot(s(9)) };
        b.restart();
        assert_eq!(b.token() == "a1", served, "{behind:?}");
        assert_eq!(b.machine.wake_at().is_some_and(|at| b.now.reached(at)), !served, "{behind:?}: refreshed at once");
        assert_eq!(b.view().health(b.now).is_usable(), served);
    }
}

#[test]
fn where_the_clocks_disagree_another_token_comes_first_and_the_one_there_is_until_its_time_has_passed() {
    let mut b = Bench::logged_in();
    b.now = b.now.plus(s(600));
    b.now.wall = b.now.wall.plus(s(7200));
    assert_eq!(b.token(), "provider_unreachable", "another one is asked for first");
    b.tell(Event::Woken);
    b.tell(Event::Timer);
    assert_eq!((b.sent.len(), b.token().as_str()), (1, "a1"), "whoever can't wait for it gets what is there");
    b.answer(RefreshOutcome::NotSent { why: "dns".into() });
    assert_eq!(b.token(), "a1", "and can't be had");
    let view = b.view().reply(b.now);
    assert!(view.reason.unwrap().contains("clocks disagree") && view.expires_at.unwrap() > b.now.wall.unix_seconds());
    b.now = b.now.plus(s(3001));
    assert_eq!(b.token(), "provider_unreachable", "no longer than its life");
}

#[test]
fn a_wall_clock_that_is_set_while_a_reply_is_on_its_way_changes_nothing() {
    for jump in [-7_200_000, 7_200_000] {
        let mut b = Bench::logged_in();
        b.sleep();
        b.now.wall = Wall(b.now.wall.0 + jump);
        b.now = b.now.plus(s(5));
        b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
        assert_eq!(b.token(), "a2");
        let Some(Expiry::At { wall, .. }) = b.view().token.map(|token| token.expiry) else { panic!("no expiry") };
        assert_eq!(wall.since(b.now.wall), s(3595), "{jump}");
    }
}

#[test]
fn a_reply_that_slept_with_the_machine_makes_its_token_no_younger() {
    for (span, served, sent) in [(20, true, 1), (40, false, 2)] {
        let mut b = Bench::new();
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
        b.sleep();
        b.now = b.now.plus(s(span));
        b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(30)))));
        b.wait(s(0));
        // A request of 20 s is slow, and half a life is left; after 40 s nobody was awake, and nothing is.
        assert_eq!((b.token() == "a2", b.sent.len()), (served, sent), "{span} s");
    }
}

#[test]
fn clocks_that_jump_neither_hide_an_expired_token_nor_storm_the_provider() {
    let mut b = Bench::logged_in();
    b.now.wall = b.now.wall.plus(s(7200));
    assert_ne!(b.token(), "a1", "the wall clock says it is over");
    b.tell(Event::Timer);
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    b.now.wall = Wall(b.now.wall.0 - 86_400_000);
    assert_eq!((b.token().as_str(), b.sleep()), ("a2", s(2880)), "set back a day: boot time goes on");
    assert_eq!(b.sent.len(), 2);
    // Down for a moment, and the clock is set back a little: what is left is never more than the whole lifetime.
    let mut b = Bench::logged_in();
    b.now.wall = Wall(b.now.wall.0 - 59_000);
    b.restart();
    assert!(
        b.view().lasts(Ttl::Asked(s(1799)), b.now) && b.now.until(b.view().token.unwrap().deadline.unwrap()) <= s(3600)
    );
}
