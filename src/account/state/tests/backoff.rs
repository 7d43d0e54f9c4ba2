//! Failures: backoff, `Retry-After`, the circuit breaker.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::account::verdict::{Ttl, Verdict};
use crate::clock::Wall;
use crate::oauth::exchange::Target;
use crate::oauth::reply::RefusalSubject;

#[test]
fn failures_that_pass_keep_the_token_and_back_off() {
    for (answer, pause) in [
        (RefreshOutcome::NotSent { why: "dns".into() }, Duration::from_millis(500)),
        (RefreshOutcome::Busy { retry_after: None, why: "503".into() }, Duration::from_millis(500)),
        (RefreshOutcome::Busy { retry_after: Some(s(40)), why: "429".into() }, s(42)),
        (refusal("invalid_client", RefusalSubject::Client), s(300)),
        (refusal("http_403", RefusalSubject::Unknown), Duration::from_millis(500)),
    ] {
        let mut b = Bench::logged_in();
        b.sleep();
        let said = format!("{answer:?}");
        b.answer(answer);
        assert_eq!((b.token().as_str(), b.sleep()), ("a1", pause), "{said}");
        assert_eq!(b.sent.len(), 2, "{said}: tried again");
        b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
        assert_eq!((b.token().as_str(), b.view().trouble.is_none()), ("a2", true), "{said}");
    }
}

#[test]
fn who_is_left_without_a_token_causes_an_attempt_as_soon_as_the_provider_allows() {
    for (answer, soonest) in [
        (RefreshOutcome::NotSent { why: "dns".into() }, s(2)),
        (circuit_open(s(1)), s(1)),
        (RefreshOutcome::Busy { retry_after: None, why: "503".into() }, s(2)),
        (RefreshOutcome::Busy { retry_after: Some(s(40)), why: "503".into() }, s(40)),
        (RefreshOutcome::Lost { why: "no reply within 15 s".into() }, s(2)),
    ] {
        let said = format!("{answer:?}");
        let mut b = Bench::logged_in();
        b.jitter = 1.0;
        b.now = b.now.plus(s(3600));
        b.tell(Event::Timer);
        b.answer(answer);
        if let Some(trouble) = &mut b.machine.trouble {
            trouble.retry_at = b.now.plus(s(290));
        }
        for _ in 0..50 {
            b.tell(Event::Wanted(s(10)));
        }
        let Verdict::Fail(error) = b.view().verdict(Ttl::Usual(s(10)), b.now.boot, b.now) else { panic!("{said}") };
        assert_eq!(error.reply().retry_after, Some(soonest.as_secs()), "{said}: when asking again makes sense");
        assert_eq!((b.sent.len(), b.sleep()), (1, soonest), "{said}");
        assert_eq!(b.sent.len(), 2, "{said}: one attempt for all of them");
        // A person who asks has no more rights against the provider's own wish.
        b.answer(RefreshOutcome::Busy { retry_after: Some(s(60)), why: "429".into() });
        b.wait(s(30));
        b.tell(Event::Forced);
        assert_eq!(b.sent.len(), 2, "{said}");
        b.wait(s(30));
        b.tell(Event::Forced);
        assert_eq!(b.sent.len(), 3, "{said}");
    }
}

type Disturbance = (&'static str, fn(&mut Bench));

#[test]
fn the_providers_wish_is_kept_by_boot_time_and_over_a_login() {
    let busy = || RefreshOutcome::Busy { retry_after: Some(s(90)), why: "429".into() };
    let disturbances: [Disturbance; 3] = [
        ("the clock is set ahead", |b| b.now.wall = b.now.wall.plus(s(7200))),
        ("the clock is set back", |b| b.now.wall = Wall(b.now.wall.0 - 7_200_000)),
        ("a login", |b| {
            b.tell(Event::LoggedIn(Box::new(grant("a9", Some("r9"), Some(20))), Map::new(), Duration::ZERO));
        }),
    ];
    for (said, disturb) in disturbances {
        let mut b = Bench::logged_in();
        b.sleep();
        b.answer(busy());
        let (asked, sent) = (b.now.boot, b.sent.len());
        disturb(&mut b);
        for event in [Event::Woken, Event::Timer, Event::Recovered, Event::Wanted(s(3000)), Event::Forced] {
            b.tell(event);
        }
        let target = Target { scope: vec!["read".into()], ..Target::default() };
        b.tell(Event::Narrow(Box::new(target), s(10)));
        assert_eq!(b.sent.len(), sent, "{said}: nobody asks before");
        while b.sent.len() == sent {
            assert!(b.sleep() > Duration::ZERO, "{said}: it spins");
        }
        let waited = asked.until(b.now.boot);
        assert!(waited >= s(90) && waited <= s(100), "{said}: {waited:?}");
    }
}

#[test]
fn what_the_circuit_breaker_kept_back_is_no_attempt_and_a_person_is_not_kept_back() {
    let mut b = Bench::logged_in();
    b.now = b.now.plus(s(3600));
    b.tell(Event::Wanted(s(10)));
    b.answer(circuit_open(s(1)));
    b.tell(Event::Wanted(s(10)));
    b.tell(Event::Rejected);
    assert_eq!(b.sent.len(), 1, "programs wait for the breaker");
    b.tell(Event::Forced);
    assert_eq!(b.sent.len(), 2, "a person does not, and not for the pause between attempts either");
    b.answer(RefreshOutcome::NotSent { why: "dns".into() });
    b.tell(Event::Forced);
    assert_eq!(b.sent.len(), 2, "what was tried and failed is an attempt");
}

#[test]
fn an_answer_to_another_account_ends_the_pause_that_was_meant_for_the_provider() {
    for (answer, within) in [
        (RefreshOutcome::NotSent { why: "dns".into() }, s(2)),
        (circuit_open(s(60)), Duration::from_millis(500)),
        (RefreshOutcome::Busy { retry_after: None, why: "503".into() }, s(2)),
        (RefreshOutcome::Busy { retry_after: Some(s(40)), why: "429".into() }, s(40)),
        (refusal("invalid_client", RefusalSubject::Client), s(300)),
    ] {
        let mut b = Bench::logged_in();
        b.sleep();
        let said = format!("{answer:?}");
        b.answer(answer);
        if let Some(trouble) = &mut b.machine.trouble {
            trouble.retry_at = b.now.plus(s(300));
        }
        b.tell(Event::Recovered);
        assert_eq!(b.sleep(), within, "{said}");
    }
}
