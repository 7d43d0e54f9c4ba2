//! Accounts that reacquire tokens without a refresh token: client credentials and passwords.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::snapshot::Standing;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::account::state::policy::{Policy, Reacquire};
use crate::oauth::grant::Binding;
use crate::oauth::reply::RefusalSubject;

#[test]
fn client_credentials_acquire_and_refresh_without_a_login() {
    let mut b = Bench::reacquiring(Reacquire::Always, false);
    assert_eq!((b.view().standing, b.token()), (Standing::Starting, "provider_unreachable".into()));
    b.sleep();
    assert_eq!(b.sent.len(), 1);
    b.answer(RefreshOutcome::Granted(Box::new(grant("a1", None, Some(3600)))));
    assert_eq!((b.view().standing, b.token()), (Standing::Active, "a1".into()));
    assert_eq!(b.sleep(), s(2880), "same schedule as a refresh");
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", None, Some(3600)))));
    assert_eq!(b.token(), "a2");
    b.restart();
    assert_eq!((b.token(), b.sent.len()), ("a2".into(), 2), "the stored token is served");
    assert!(b.disk.as_ref().unwrap().intent.is_none(), "no refresh token is spent, so no intent is written");
}

#[test]
fn client_credentials_back_off_after_a_refusal_or_a_lost_reply() {
    let mut b = Bench::reacquiring(Reacquire::Always, false);
    b.sleep();
    b.answer(RefreshOutcome::Lost { why: "cut".into() });
    assert_eq!(b.view().standing, Standing::Starting);
    assert!(b.sleep() <= s(1));
    b.answer(refusal("invalid_client", RefusalSubject::Client));
    assert_eq!(b.token(), "provider_refused");
    for _ in 0..10 {
        b.now = b.now.plus(s(3));
        b.tell(Event::Wanted(s(10)));
    }
    assert_eq!(b.sent.len(), 2, "callers cause no extra attempt");
    assert!(b.sleep() >= s(200), "long backoff: only a config change can help");
    b.answer(RefreshOutcome::Granted(Box::new(grant("a1", None, Some(3600)))));
    assert_eq!(b.token(), "a1");
}

#[test]
fn a_changed_client_acquires_a_token_and_replaces_the_stored_one() {
    let mut b = Bench::reacquiring(Reacquire::Always, false);
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a1", None, Some(3600)))));
    let other = Binding { client_id: "other".into(), ..binding() };
    let policy = Policy { binding: other.clone(), ..(*b.machine.policy).clone() };
    b.tell(Event::Reconfigured(policy.into()));
    assert_eq!(b.view().standing, Standing::Starting, "another client's token is not served");
    b.now = b.now.plus(s(10));
    b.tell(Event::Timer);
    b.answer(RefreshOutcome::Granted(Box::new(grant("b1", None, Some(3600)))));
    let stored = b.disk.as_ref().unwrap();
    assert_eq!(
        (b.token().as_str(), stored.generation, &stored.binding),
        ("b1", 2, &other),
        "generations in the store never decrease"
    );
}

#[test]
fn after_a_logout_client_credentials_wait_for_a_request() {
    let mut b = Bench::reacquiring(Reacquire::Always, false);
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a1", None, Some(3600)))));
    b.tell(Event::LogOut);
    assert_eq!((b.view().standing, b.machine.wake_at()), (Standing::SignedOut, None));
    b.now = b.now.plus(s(10));
    b.tell(Event::Forced);
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", None, Some(3600)))));
    assert_eq!(b.token(), "a2");
}

#[test]
fn a_password_is_reused_only_without_a_refresh_token_and_never_after_a_refusal() {
    let mut b = Bench::reacquiring(Reacquire::WhileActive, false);
    assert_eq!(b.view().standing, Standing::SignedOut, "no login yet");
    b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", None, Some(3600)))));
    b.tell(Event::LoggedIn(Box::new(grant("b1", None, Some(3600))), Map::new(), Duration::ZERO));
    b.sleep();
    assert_eq!(b.sent.iter().map(|(means, _)| means.as_str()).collect::<Vec<_>>(), ["r1", "anew"]);
    b.answer(refusal("invalid_grant", RefusalSubject::Grant));
    assert!(matches!(b.view().standing, Standing::NeedsLogin(_)));
    assert_eq!(b.machine.wake_at(), None, "providers lock accounts after repeated wrong passwords");
}
