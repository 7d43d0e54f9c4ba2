//! Refused refreshes: which of them end a login.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::login_reason::LoginReason;
use crate::account::snapshot::Standing;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::oauth::grant::Grant;
use crate::oauth::reply::RefusalSubject;

#[test]
fn a_refresh_that_returns_another_identitys_tokens_counts_as_a_refusal() {
    use base64::Engine as _;
    let of = |subject: &str| {
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!(r#"{{"sub":"{subject}"}}"#));
        Map::from_iter([("id_token".to_owned(), format!("e30.{claims}.x").into())])
    };
    for (second, served) in [(of("ann"), true), (Map::new(), true), (of("eve"), false)] {
        let mut b = Bench::new();
        b.tell(Event::LoggedIn(
            Box::new(Grant { extra: of("ann"), ..grant("a1", Some("r1"), Some(3600)) }),
            Map::new(),
            Duration::ZERO,
        ));
        b.sleep();
        b.answer(RefreshOutcome::Granted(Box::new(Grant {
            extra: second.clone(),
            ..grant("a2", Some("r2"), Some(3600))
        })));
        assert_eq!(b.token(), if served { "a2" } else { "a1" }, "{second:?}");
        let needs_login = b.disk.as_ref().unwrap().needs_login.clone();
        let code = "another_subject".to_owned();
        assert_eq!(needs_login, (!served).then_some(LoginReason::Refused { code }), "{second:?}");
    }
}

#[test]
fn only_a_parsed_grant_refusal_requires_a_login_and_the_token_is_kept() {
    let mut b = Bench::logged_in();
    b.sleep();
    b.answer(refusal("invalid_grant", RefusalSubject::Grant));
    assert_eq!(b.view().standing, Standing::NeedsLogin(LoginReason::Refused { code: "invalid_grant".into() }));
    assert_eq!(b.machine.wake_at(), None, "no more automatic attempts");
    b.restart();
    assert_eq!(b.view().standing, Standing::NeedsLogin(LoginReason::Refused { code: "invalid_grant".into() }));
    b.wait(s(10));
    b.tell(Event::Forced);
    assert_eq!(b.sent.last().unwrap().0, "r1", "a forced refresh may try again");
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    assert_eq!((b.view().standing, b.token().as_str()), (Standing::Active, "a2"));
}

/// Answers every attempt with `answer` for `span`, and sleeps in between until the machine's next wake-up.
fn refuse_for(b: &mut Bench, span: Duration, answer: impl Fn() -> RefreshOutcome) {
    let until = b.now.plus(span);
    while !b.now.reached(until) {
        if b.in_flight {
            b.answer(answer());
        }
        b.sleep();
    }
    if b.in_flight {
        b.answer(answer());
    }
}

#[test]
fn unclassified_refusals_are_reported_after_ten_minutes_without_a_token() {
    let unknown = || refusal("http_403", RefusalSubject::Unknown);
    let mut b = Bench::logged_in();
    b.sleep();
    refuse_for(&mut b, s(700), unknown);
    assert_eq!((b.view().standing, b.token().as_str()), (Standing::Active, "a1"), "a valid token is served");
    refuse_for(&mut b, s(700), unknown);
    let told = LoginReason::Unexplained { code: "http_403".into(), said: "http_403".into() };
    assert_eq!((b.view().standing, b.token().as_str()), (Standing::NeedsLogin(told), "provider_refused"));
    let kept = b.disk.clone().unwrap();
    assert_eq!(
        (kept.needs_login, kept.tokens.refresh_token.unwrap().expose()),
        (None, "r1"),
        "the refusal is not stored"
    );
    // Attempts continue at long intervals, and callers cause no extra ones.
    for _ in 0..6 {
        let pause = b.sleep();
        assert!((s(300)..=s(3600)).contains(&pause), "{pause:?}");
        b.answer(unknown());
        b.now = b.now.plus(s(60));
        b.tell(Event::Wanted(s(0)));
        assert!(!b.in_flight);
    }
    b.tell(Event::Forced);
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    assert_eq!((b.view().standing, b.token().as_str()), (Standing::Active, "a2"), "a granted refresh clears the state");
    assert!(!b.view().refused_for_long);
}

#[test]
fn a_brief_refusal_ends_no_login_however_many_attempts_fail() {
    for slept in [s(0), s(8 * 3600)] {
        let mut b = Bench::logged_in();
        b.sleep();
        b.answer(refusal("Not Found", RefusalSubject::Unknown));
        b.now = b.now.plus(slept.max(s(3600)));
        b.tell(Event::Timer);
        for _ in 0..20 {
            if b.in_flight {
                b.answer(refusal("Not Found", RefusalSubject::Unknown));
            }
            b.wait(s(1));
            b.tell(Event::Wanted(s(0)));
            b.tell(Event::Forced);
        }
        assert_eq!(b.view().standing, Standing::Active, "{slept:?}");
        assert_eq!(b.token(), "provider_unreachable");
    }
}
