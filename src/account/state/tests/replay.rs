//! Replay of refreshes whose outcome is unknown.

use std::time::Duration;

use super::bench::*;
use crate::account::login_reason::LoginReason;
use crate::account::snapshot::Standing;
use crate::account::state::event::RefreshOutcome;
use crate::oauth::dialect::Rotation;
use crate::oauth::grant::Expiry;
use crate::oauth::reply::RefusalSubject;

#[test]
fn an_unanswered_refresh_is_replayed_once_and_then_held_until_the_access_token_expires() {
    let lost = || RefreshOutcome::Lost { why: "connection cut".into() };
    let mut b = Bench::logged_in();
    b.sleep();
    b.answer(lost());
    assert!(b.sleep() < s(2), "the replay is prompt");
    assert_eq!(b.sent.len(), 2);
    b.answer(lost());
    let hold = b.sleep();
    assert!(hold > s(700), "held until the access token expires, not {hold:?}");
    assert_eq!((b.sent.len(), b.token().as_str()), (3, "provider_unreachable"));
    b.answer(refusal("invalid_grant", RefusalSubject::Grant));
    assert_eq!(b.view().standing, Standing::NeedsLogin(LoginReason::ReplyLost));

    // A provider that rotates without grace: no prompt replay.
    let mut b = Bench::logged_in();
    std::sync::Arc::make_mut(&mut b.machine.policy).replay_window = Duration::ZERO;
    b.sleep();
    b.answer(lost());
    assert!(b.sleep() > s(700), "held at once");
    assert_eq!(b.sent.len(), 2, "the last attempt");

    let mut b = Bench::logged_in();
    std::sync::Arc::make_mut(&mut b.machine.policy).rotation = Rotation::Never;
    b.sleep();
    for _ in 0..6 {
        b.answer(lost());
        assert!(b.sleep() <= s(300), "a token that never rotates may be sent any number of times");
    }
}

#[test]
fn a_replay_may_return_an_expired_token() {
    let granted = |token, life| RefreshOutcome::Granted(Box::new(grant(token, Some("r2"), Some(life))));
    let replayed = |life| {
        let mut b = Bench::logged_in();
        b.sleep();
        b.now = b.now.plus(s(10));
        b.answer(RefreshOutcome::Lost { why: "cut".into() });
        b.sleep();
        b.answer(granted("a2", life));
        b
    };
    let b = replayed(100);
    assert_eq!(b.now.until(b.view().token.unwrap().deadline.unwrap()), s(100));

    let mut b = replayed(0);
    assert_eq!(b.token(), "provider_unreachable", "expired, so it is refreshed");
    assert!(b.sleep() <= s(1));
    b.answer(granted("a3", 0));
    assert_eq!(
        b.view().token.unwrap().expiry,
        Expiry::Unknown,
        "`expires_in` of 0 outside a replay means an unknown expiry"
    );

    let mut b = Bench::logged_in();
    b.sleep();
    b.answer(granted("a2", 0));
    assert_eq!(b.token(), "provider_unreachable", "the provider tells lifetimes: after a restart no more is known");
    assert!(b.sleep() <= s(1));
    b.answer(granted("a3", 100));
    assert_eq!(b.token(), "a3");

    let mut b = Bench::logged_in();
    b.sleep();
    b.answer(RefreshOutcome::Busy { retry_after: None, why: "503 after the work".into() });
    b.sleep();
    b.answer(granted("a2", 0));
    assert_eq!(b.token(), "provider_unreachable", "a 503 may come after the refresh was done, too");
}

#[test]
fn a_crash_between_intent_and_commit_is_an_unanswered_refresh() {
    for (down, expected) in [(s(3), s(0)), (s(60), s(660))] {
        let mut b = Bench::logged_in();
        b.sleep();
        b.now = b.now.plus(down);
        b.restart();
        assert_eq!(b.token(), "a1", "served at once from the store");
        b.sleep();
        if expected.is_zero() {
            assert_eq!(b.sent.len(), 2, "replayed inside the window");
        }
        let waited = b.sent[0].1.boot.plus(down).until(b.sent.last().unwrap().1.boot);
        assert_eq!(waited, expected, "down for {down:?}");
    }
}

#[test]
fn a_refresh_that_was_not_granted_leaves_no_intent_behind() {
    let mut b = Bench::logged_in();
    b.sleep();
    b.answer(RefreshOutcome::Busy { retry_after: None, why: "503".into() });
    assert!(b.disk.as_ref().unwrap().intent.is_none());
    b.sleep();
    b.answer(RefreshOutcome::Lost { why: "cut".into() });
    b.sleep();
    b.answer(RefreshOutcome::NotSent { why: "dns".into() });
    assert!(b.disk.as_ref().unwrap().intent.is_some(), "but an unanswered one does");
}
