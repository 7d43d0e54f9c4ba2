//! Accounts that are refreshed on demand, and refresh tokens that are kept alive.

use super::bench::*;
use crate::account::health::Health;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::account::state::policy::{Policy, RefreshPlan};
use crate::account::state::timing::FORCED_INTERVAL;

const LAZY: RefreshPlan = RefreshPlan { lazy: true, at_least: None };
const DAY: u64 = 24 * 3600;

fn at_least(lazy: bool, seconds: u64) -> RefreshPlan {
    RefreshPlan { lazy, at_least: Some(s(seconds)) }
}

fn granted(access: &str, life: u64) -> RefreshOutcome {
    RefreshOutcome::Granted(Box::new(grant(access, Some("r"), Some(life))))
}

#[test]
fn a_lazy_account_is_refreshed_when_a_caller_needs_it_and_not_before() {
    let mut b = Bench::planned(LAZY);
    assert_eq!((b.view().next_attempt, b.view().health(b.now)), (None, Health::Usable));
    b.wait(s(3500));
    b.tell(Event::Wanted(s(10)));
    assert!(b.sent.is_empty(), "it is valid for longer than asked");
    b.tell(Event::Wanted(s(300)));
    assert_eq!(b.sent.len(), 1, "it is not valid for long enough");
    b.answer(granted("a2", 3600));
    assert_eq!(b.token(), "a2");

    assert_eq!(b.sleep(), s(3600), "the end is published, so that the status is right");
    assert_eq!((b.sleep(), b.sent.len()), (s(0), 1));
    b.wait(s(30 * DAY));
    assert_eq!((b.view().health(b.now), b.sent.len(), b.token()), (Health::Idle, 1, "provider_unreachable".into()));
    b.tell(Event::Wanted(s(10)));
    b.answer(granted("a3", 3600));
    assert_eq!((b.sent.len(), b.token()), (2, "a3".into()));
}

#[test]
fn a_refresh_that_was_asked_for_is_retried_without_another_caller() {
    let outcomes = [
        (RefreshOutcome::NotSent { why: "offline".into() }, "provider_unreachable"),
        (RefreshOutcome::Lost { why: "cut".into() }, "provider_unreachable"),
        (RefreshOutcome::Busy { retry_after: Some(s(5)), why: "busy".into() }, "provider_unreachable"),
    ];
    for (outcome, error) in outcomes {
        let mut b = Bench::planned(LAZY);
        b.wait(s(4000));
        b.tell(Event::Wanted(s(10)));
        b.answer(outcome);
        assert_eq!((b.token().as_str(), b.view().next_attempt.is_some()), (error, true));
        while !b.in_flight {
            b.sleep();
        }
        b.answer(granted("a2", 3600));
        assert_eq!((b.token(), b.view().next_attempt), ("a2".into(), None));
    }
}

#[test]
fn a_reply_with_an_expired_token_is_not_the_last_one() {
    let mut b = Bench::planned(LAZY);
    b.wait(s(4000));
    b.tell(Event::Wanted(s(10)));
    b.answer(RefreshOutcome::Lost { why: "cut".into() });
    b.sleep();
    b.answer(granted("a2", 0));
    assert!(b.sleep() <= s(1) && b.in_flight, "the caller still waits");
}

#[test]
fn a_short_token_is_refreshed_again_for_the_next_caller() {
    let mut b = Bench::planned(LAZY);
    b.wait(s(4000));
    b.tell(Event::Wanted(s(10)));
    b.answer(granted("a2", 1));
    b.wait(s(1));
    b.tell(Event::Wanted(s(10)));
    while !b.in_flight {
        assert!(b.sleep() <= FORCED_INTERVAL);
    }
}

#[test]
fn a_refresh_token_is_used_at_least_as_often_as_the_config_says() {
    for (plan, after) in [
        (at_least(false, DAY), 2880),
        (at_least(false, 1000), 950),
        (at_least(true, 1000), 950),
        (at_least(true, DAY), DAY * 95 / 100),
    ] {
        let mut b = Bench::planned(plan);
        let begun = b.now;
        while !b.in_flight {
            b.sleep();
        }
        assert_eq!(begun.boot.until(b.now.boot), s(after), "{plan:?}");
        b.answer(granted("a2", 3600));
        assert!(b.view().next_attempt.is_some());
    }
}

#[test]
fn the_time_since_the_last_refresh_counts_over_a_restart() {
    let mut b = Bench::planned(at_least(true, DAY));
    b.wait(s(DAY / 2));
    b.restart();
    let left = b.view().next_attempt.map(|at| b.now.until(at));
    assert_eq!(left, Some(s(DAY * 45 / 100)));
    b.now = b.now.plus(s(DAY));
    b.restart();
    if !b.in_flight {
        assert!(b.sleep().is_zero(), "it is overdue");
    }
    assert!(b.in_flight);
}

#[test]
fn a_reload_that_changes_the_plan_takes_effect_at_once() {
    let mut b = Bench::planned(LAZY);
    b.wait(s(4000));
    let eager = Policy { plan: RefreshPlan::default(), ..(*b.machine.policy).clone() };
    b.tell(Event::Reconfigured(eager.into()));
    b.sleep();
    assert!(b.in_flight);
    b.answer(granted("a2", 3600));
    let lazy = Policy { plan: LAZY, ..(*b.machine.policy).clone() };
    b.tell(Event::Reconfigured(lazy.into()));
    assert_eq!((b.view().next_attempt, b.token()), (None, "a2".into()));
}
