//! Clocks that are set, disagree or stop.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::account::state::machine::Machine;
use crate::account::verdict::Ttl;
use crate::clock::{Boot, BootId, Moment, Wall};
use crate::oauth::grant::Expiry;

#[test]
fn setting_the_wall_clock_back_during_a_restart_revives_no_expired_token() {
    for same_run in [true, false] {
        let boot = |id: &str| Some(BootId(id.into()));
        let mut b = Bench::new();
        b.machine.boot = boot("first");
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
        b.now.boot = b.now.boot.plus(s(3601));
        b.now.wall = Wall(b.now.wall.0 - 7_200_000);
        b.machine = Machine::new(b.machine.policy.clone()).in_boot(boot(if same_run { "first" } else { "second" }));
        b.tell(Event::Timer);
        assert_ne!(b.token(), "a1", "{same_run}: its age is unknown");
        assert_eq!(b.sleep(), s(0), "{same_run}: refreshed at once");
        b.answer(RefreshOutcome::NotSent { why: "dns".into() });
        let said = b.view().reply(b.now).reason.unwrap();
        assert_eq!(said.contains("clock is behind"), !same_run, "{said}");
        // The clock is corrected: in the second run this reveals the token's age.
        b.now.wall = Wall(b.now.wall.0 + 8_200_000);
        b.tell(Event::Woken);
        assert_eq!(b.token() == "a1", !same_run, "{same_run}");
    }
}

/// A machine without a clock battery boots in the past. A correction by seconds is tolerated.
#[test]
fn a_clock_that_is_behind_after_a_reboot_revives_no_expired_token() {
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
fn if_the_clocks_disagree_the_token_is_refreshed_first_and_served_if_that_fails() {
    let mut b = Bench::logged_in();
    b.now = b.now.plus(s(600));
    b.now.wall = b.now.wall.plus(s(7200));
    assert_eq!(b.token(), "provider_unreachable", "a refresh comes first");
    b.tell(Event::Woken);
    b.tell(Event::Timer);
    assert_eq!((b.sent.len(), b.token().as_str()), (1, "a1"), "a caller that can't wait gets the current token");
    b.answer(RefreshOutcome::NotSent { why: "dns".into() });
    assert_eq!(b.token(), "a1", "the current token is served while the refresh fails");
    let view = b.view().reply(b.now);
    assert!(view.reason.unwrap().contains("clocks disagree") && view.expires_at.unwrap() > b.now.wall.unix_seconds());
    b.now = b.now.plus(s(3001));
    assert_eq!(b.token(), "provider_unreachable", "not beyond its lifetime");
}

#[test]
fn setting_the_wall_clock_during_a_request_changes_nothing() {
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
fn a_suspend_during_a_request_counts_against_the_tokens_lifetime() {
    for (span, served, sent) in [(20, true, 1), (40, false, 2)] {
        let mut b = Bench::new();
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
        b.sleep();
        b.now = b.now.plus(s(span));
        b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(30)))));
        b.wait(s(0));
        // After a slow request of 20 s, part of the 30 s lifetime may be left; after 40 s, nothing is.
        assert_eq!((b.token() == "a2", b.sent.len()), (served, sent), "{span} s");
    }
}

#[test]
fn clock_jumps_neither_hide_an_expired_token_nor_flood_the_provider() {
    let mut b = Bench::logged_in();
    b.now.wall = b.now.wall.plus(s(7200));
    assert_ne!(b.token(), "a1", "expired by the wall clock");
    b.tell(Event::Timer);
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    b.now.wall = Wall(b.now.wall.0 - 86_400_000);
    assert_eq!((b.token().as_str(), b.sleep()), ("a2", s(2880)), "set back a day: boot time is unaffected");
    assert_eq!(b.sent.len(), 2);
    // A short downtime during which the clock is set back: the remaining time never exceeds the lifetime.
    let mut b = Bench::logged_in();
    b.now.wall = Wall(b.now.wall.0 - 59_000);
    b.restart();
    assert!(
        b.view().lasts(Ttl::Asked(s(1799)), b.now) && b.now.until(b.view().token.unwrap().deadline.unwrap()) <= s(3600)
    );
}
