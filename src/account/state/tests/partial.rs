//! Replies with a refresh token but no usable access token.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::snapshot::Standing;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::account::state::policy::Reacquire;
use crate::account::verdict::{Ttl, Verdict};
use crate::oauth::grant::Grant;

fn partial(refresh: &str) -> Grant {
    let flaws = vec!["token_type is `DPoP`".to_owned()];
    Grant { access_token: None, flaws, ..grant("", Some(refresh), Some(3600)) }
}

fn granted(grant: Grant) -> RefreshOutcome {
    RefreshOutcome::Granted(Box::new(grant))
}

/// Access and refresh token on disk.
fn stored(b: &Bench) -> (String, String) {
    let tokens = &b.disk.as_ref().unwrap().tokens;
    (tokens.access_token.expose().to_owned(), tokens.refresh_token.as_ref().unwrap().expose().to_owned())
}

fn why(b: &Bench) -> Option<String> {
    b.view().trouble.map(|trouble| trouble.why)
}

#[test]
fn a_refresh_keeps_the_new_refresh_token_and_serves_the_old_access_token() {
    let mut b = Bench::logged_in();
    b.sleep();
    b.answer(granted(partial("r2")));
    assert_eq!(stored(&b), ("a1".into(), "r2".into()));
    assert_eq!(b.disk.as_ref().unwrap().intent, None, "it was answered");
    assert_eq!((b.token().as_str(), why(&b).as_deref()), ("a1", Some("token_type is `DPoP`")));
    // The backoff grows, and each attempt sends the newest refresh token.
    for (refresh, next, pause) in [("r2", "r3", 500), ("r3", "r4", 1000), ("r4", "r5", 2000)] {
        assert_eq!(b.sleep(), Duration::from_millis(pause), "{refresh}");
        assert_eq!(b.sent.last().unwrap().0, refresh);
        b.answer(granted(partial(next)));
        assert_eq!((b.token(), stored(&b).1), ("a1".into(), next.to_owned()));
    }
    b.sleep();
    b.answer(granted(grant("a2", Some("r6"), Some(3600))));
    assert_eq!((b.token().as_str(), why(&b)), ("a2", None));
}

#[test]
fn a_login_keeps_the_refresh_token_and_refreshes_at_once() {
    for restarted in [false, true] {
        let mut b = Bench::new();
        b.tell(Event::LoggedIn(Box::new(partial("r1")), Map::new(), Duration::ZERO));
        assert_eq!(stored(&b), (String::new(), "r1".into()));
        assert!(b.view().token.is_none() && b.view().standing == Standing::Active, "{:?}", b.view());
        assert!(matches!(b.view().verdict(Ttl::Usual(s(10)), b.now.plus(s(20)).boot, b.now), Verdict::Wait));
        if restarted {
            b.restart();
            assert!(b.view().token.is_none(), "no token is served after a restart either");
            b.sleep();
        } else {
            assert_eq!(why(&b).as_deref(), Some("token_type is `DPoP`"));
            b.sleep();
        }
        assert_eq!(b.sent.last().map(|(sent, _)| sent.as_str()), Some("r1"), "{restarted}");
        b.answer(granted(grant("a2", Some("r2"), Some(3600))));
        assert_eq!((b.token().as_str(), why(&b)), ("a2", None));
    }
}

#[test]
fn a_new_login_serves_no_token_of_the_previous_one() {
    let mut b = Bench::logged_in();
    b.tell(Event::LoggedIn(Box::new(partial("r9")), Map::new(), Duration::ZERO));
    assert_eq!(stored(&b), (String::new(), "r9".into()));
    assert!(b.view().token.is_none(), "the old access token may belong to another identity");
}

#[test]
fn an_uncommitted_refresh_token_is_kept_and_reported_after_the_store_error() {
    let mut b = Bench::logged_in();
    b.sleep();
    b.commit_fails = true;
    b.answer(granted(partial("r2")));
    assert_eq!(why(&b).as_deref(), Some("disk full"));
    b.commit_fails = false;
    b.sleep();
    assert_eq!((stored(&b).1.as_str(), why(&b).as_deref()), ("r2", Some("token_type is `DPoP`")));
}

#[test]
fn a_downscoped_refresh_keeps_the_refresh_token_too() {
    let mut b = Bench::logged_in();
    b.narrow("one");
    b.answer(granted(partial("r2")));
    assert_eq!((stored(&b), b.token().as_str()), (("a1".into(), "r2".into()), "a1"));
    assert_eq!(
        b.view().narrowed_to(&target("one")).trouble.map(|trouble| trouble.why),
        Some("token_type is `DPoP`".into())
    );
}

#[test]
fn client_credentials_ignore_the_refresh_token() {
    let mut b = Bench::reacquiring(Reacquire::Always, false);
    b.sleep();
    b.answer(granted(partial("r2")));
    assert!(b.disk.is_none() && b.view().token.is_none());
    assert_eq!(why(&b).as_deref(), Some("token_type is `DPoP`"));
}
