//! Tokens that callers get, and the refreshes that they cause.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::login_reason::LoginReason;
use crate::account::snapshot::Standing;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::account::verdict::Ttl;
use crate::clock::Wall;
use crate::oauth::reply::RefusalSubject;

#[test]
fn a_login_is_served_and_refreshed_ahead_of_expiry() {
    let mut b = Bench::new();
    assert_eq!((b.token(), b.machine.wake_at()), ("login_required".into(), None));
    b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
    assert_eq!(b.token(), "a1");
    assert_eq!(b.sleep(), s(2880));
    assert_eq!((b.sent.len(), b.token().as_str()), (1, "a1"), "callers are served while the refresh is under way");
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    assert_eq!((b.token().as_str(), b.disk.as_ref().unwrap().generation), ("a2", 2));
    assert!(b.disk.as_ref().unwrap().intent.is_none());
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a3", None, Some(3600)))));
    b.sleep();
    assert_eq!(
        b.sent.iter().map(|(token, _)| token.as_str()).collect::<Vec<_>>(),
        ["r1", "r2", "r2"],
        "without a new refresh token the old one stays in use"
    );
}

#[test]
fn callers_get_the_error_once_the_token_has_expired() {
    for (answer, code) in [
        (RefreshOutcome::NotSent { why: "dns".into() }, "provider_unreachable"),
        (RefreshOutcome::Busy { retry_after: Some(s(900)), why: "503".into() }, "provider_unreachable"),
        (refusal("invalid_client", RefusalSubject::Client), "provider_refused"),
        (refusal("invalid_grant", RefusalSubject::Grant), "login_required"),
    ] {
        let mut b = Bench::logged_in();
        b.sleep();
        b.answer(answer);
        assert_eq!(b.token(), "a1", "{code}: a valid token is served until it expires");
        b.now = b.now.plus(s(720));
        assert_eq!(b.token(), code);
    }
}

#[test]
fn many_callers_cause_one_refresh_and_an_excessive_ttl_causes_no_storm() {
    let mut b = Bench::logged_in();
    b.now = b.now.plus(s(1500));
    b.tell(Event::Wanted(s(1800)));
    assert!(b.sent.is_empty(), "2100 s are left");
    b.now = b.now.plus(s(400));
    let ttl = b.view().effective(Ttl::Asked(s(999_999)));
    assert_eq!(ttl, s(1800), "a caller can ask for at most half the lifetime");
    b.tell(Event::Wanted(ttl));
    assert_eq!(b.sent.len(), 1);
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    for _ in 0..500 {
        b.tell(Event::Wanted(ttl));
    }
    assert_eq!(b.sent.len(), 1, "each waiting request checks again before it refreshes");
    b.tell(Event::Rejected);
    b.tell(Event::Forced);
    assert_eq!(b.sent.len(), 1 + usize::from(b.in_flight), "reports of a rejected fresh token cause no storm");
}

#[test]
fn the_minimum_age_of_a_rejected_token_depends_on_its_lifetime() {
    for (life, first) in [(Some(3600), 30), (Some(60), 30), (Some(15), 8), (Some(6), 3), (Some(3), 2), (None, 30)] {
        let mut b = Bench::new();
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), life)), Map::new(), Duration::ZERO));
        let pause = b.machine.rejected_pause(b.now);
        assert!(pause <= s(first) && pause > s(first - 1), "{life:?}: {pause:?}");
        b.now = b.now.plus(pause.saturating_sub(Duration::from_millis(1)));
        b.tell(Event::Rejected);
        assert_eq!(b.sent.len(), 0, "{life:?}: too new");
        b.now = b.now.plus(Duration::from_millis(1));
        assert_eq!(b.machine.rejected_pause(b.now), Duration::ZERO, "{life:?}");
        b.tell(Event::Rejected);
        assert_eq!(b.sent.len(), 1, "{life:?}: old enough");
    }
    // A wall clock that was set back does not make a token newer than it is.
    let mut b = Bench::logged_in();
    b.now = b.now.plus(s(40));
    b.now.wall = Wall(b.now.wall.0 - 7_200_000);
    b.tell(Event::Rejected);
    assert_eq!(b.sent.len(), 1);
}

#[test]
fn tokens_without_expiry_or_refresh_token_are_served() {
    let mut b = Bench::new();
    b.tell(Event::LoggedIn(Box::new(grant("a1", None, Some(100))), Map::new(), Duration::ZERO));
    // Two wake-ups: a warning ahead of expiry, and the expiry itself.
    assert_eq!((b.token().as_str(), b.sleep()), ("a1", s(80)));
    assert_eq!((b.token().as_str(), b.sleep()), ("a1", s(20)));
    assert_eq!(
        (b.view().standing, b.token().as_str()),
        (Standing::NeedsLogin(LoginReason::NoRefreshToken), "login_required")
    );
    b.tell(Event::LoggedIn(Box::new(grant("a2", None, None)), Map::new(), Duration::ZERO));
    assert_eq!((b.token().as_str(), b.machine.wake_at()), ("a2", None), "unknown lifetime and no refresh token");
    b.tell(Event::LoggedIn(Box::new(grant("a3", Some("r3"), None)), Map::new(), Duration::ZERO));
    assert_eq!((b.sleep(), b.sent.len()), (s(3600), 1), "the configured maximum age");
}

#[test]
fn a_caller_with_a_valid_token_waits_at_most_for_part_of_its_remaining_lifetime() {
    let mut b = Bench::logged_in();
    let left = |b: &Bench, ttl| b.view().patience(ttl, s(10), b.now);
    b.now = b.now.plus(s(3597));
    assert_eq!(left(&b, Ttl::Asked(s(100))), Duration::from_millis(1500));
    assert_eq!(left(&b, Ttl::Usual(s(10))), s(1));
    b.now = b.now.plus(s(3));
    assert_eq!(left(&b, Ttl::Usual(s(10))), s(10));
}

#[test]
fn an_account_without_refresh_token_warns_ahead_of_expiry() {
    let mut b = Bench::new();
    b.tell(Event::LoggedIn(Box::new(grant("a1", None, Some(3600))), Map::new(), Duration::ZERO));
    let view = b.view().reply(b.now);
    assert_eq!((view.attention_needed, view.login_due_at), (false, Some(1_700_003_600)));
    assert_eq!(b.sleep(), s(2880));
    let view = b.view().reply(b.now);
    assert!(view.attention_needed && b.token() == "a1", "{view:?}");
    assert_eq!(b.sleep(), s(720));
    assert_eq!(b.token(), "login_required");
}
