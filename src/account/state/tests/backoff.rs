//! Transient failures: backoff, `Retry-After`, the circuit breaker.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::account::verdict::{Ttl, Verdict};
use crate::clock::Wall;
use crate::oauth::exchange::Target;
use crate::oauth::reply::RefusalSubject;

#[test]
fn transient_failures_keep_the_token_and_back_off() {
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
fn a_caller_without_a_token_shortens_the_backoff_to_what_the_provider_allows() {
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
        assert_eq!(error.reply().retry_after, Some(soonest.as_secs()), "{said}: `Retry-After` for the caller");
        assert_eq!((b.sent.len(), b.sleep()), (1, soonest), "{said}");
        assert_eq!(b.sent.len(), 2, "{said}: one attempt for all of them");
        // The provider's `Retry-After` binds a refresh that the user forces, too.
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
fn retry_after_is_measured_in_boot_time_and_survives_a_login() {
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
        assert_eq!(b.sent.len(), sent, "{said}: no request before the pause has ended");
        while b.sent.len() == sent {
            assert!(b.sleep() > Duration::ZERO, "{said}: busy loop");
        }
        let waited = asked.until(b.now.boot);
        assert!(waited >= s(90) && waited <= s(100), "{said}: {waited:?}");
    }
}

#[test]
fn a_request_that_the_circuit_breaker_stopped_is_no_attempt_and_a_forced_one_passes() {
    let mut b = Bench::logged_in();
    b.now = b.now.plus(s(3600));
    b.tell(Event::Wanted(s(10)));
    b.answer(circuit_open(s(1)));
    b.tell(Event::Wanted(s(10)));
    b.tell(Event::Rejected);
    assert_eq!(b.sent.len(), 1, "a program's request waits for the breaker");
    b.tell(Event::Forced);
    assert_eq!(b.sent.len(), 2, "a forced refresh waits neither for the breaker nor for the backoff");
    b.answer(RefreshOutcome::NotSent { why: "dns".into() });
    b.tell(Event::Forced);
    assert_eq!(b.sent.len(), 2, "a request that was sent and failed counts as an attempt");
}

#[test]
fn a_reply_to_another_account_ends_the_backoff_for_an_unreachable_provider() {
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
