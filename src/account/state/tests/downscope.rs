//! Downscoped tokens.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::oauth::dialect::Rotation;
use crate::oauth::grant::Grant;
use crate::oauth::reply::RefusalSubject;

#[test]
fn a_downscoped_token_is_requested_on_demand_and_cached_separately() {
    let mut b = Bench::logged_in();
    assert_eq!(b.narrowed("read"), "provider_unreachable");
    b.narrow("read");
    b.answer(RefreshOutcome::Granted(Box::new(grant("n1", Some("r2"), Some(600)))));
    assert_eq!(
        (b.narrowed("read"), b.narrowed("write"), b.token()),
        ("n1".into(), "provider_unreachable".into(), "a1".into())
    );
    b.narrow("read");
    assert_eq!(b.sent.len(), 1, "it is cached");
    assert_eq!(b.disk.as_ref().unwrap().tokens.refresh_token.as_ref().unwrap().expose(), "r2", "rotated and durable");
    b.now = b.now.plus(s(595));
    b.narrow("read");
    assert_eq!(b.sent.last().unwrap().0, "r2 for read");
    b.answer(refusal("invalid_scope", RefusalSubject::Client));
    assert_eq!((b.narrowed("read"), b.token()), ("provider_refused".into(), "a1".into()));
    assert!(b.view().trouble.is_none(), "the account itself has no error");
    b.narrow("read");
    assert_eq!(b.sent.len(), 2, "a refused scope is not requested again at once");
}

fn scoped(token: &str, refresh: Option<&str>, scope: Option<&str>) -> RefreshOutcome {
    RefreshOutcome::Granted(Box::new(Grant { scope: scope.map(str::to_owned), ..grant(token, refresh, Some(3600)) }))
}

#[test]
fn a_refresh_token_narrowed_by_downscoping_is_noticed_at_the_next_refresh() {
    let all = Some("read write");
    for (what, narrow, full, lost, by_narrowing) in [
        ("bound to less, and told", Some("r2"), Some("read"), Some("write"), true),
        ("as good as before", Some("r2"), Some("write read"), None, false),
        ("not told", Some("r2"), None, None, false),
        ("more than before", Some("r2"), Some("read write admin"), None, false),
        ("taken back at the provider", None, Some("read"), Some("write"), false),
        ("the same refresh token", Some("r1"), Some("read"), Some("write"), false),
    ] {
        let mut b = Bench::new();
        let first = Grant { scope: all.map(str::to_owned), ..grant("a1", Some("r1"), Some(3600)) };
        b.tell(Event::LoggedIn(Box::new(first), Map::new(), Duration::ZERO));
        b.narrow("read");
        b.answer(scoped("n1", narrow, Some("read")));
        assert!(b.view().lost_scope.is_none(), "{what}: a downscoped token alone proves no lost scope");
        for _ in 0..2 {
            b.sleep();
            b.answer(scoped("a2", None, full));
            let view = b.view();
            let told = view.lost_scope.as_ref().map(|lost| (lost.scope.as_str(), lost.by_narrowing));
            assert_eq!(told, lost.map(|lost| (lost, by_narrowing)), "{what}");
            let reply = view.reply(b.now);
            assert_eq!((reply.lost_scope.as_deref(), reply.reason.is_some()), (lost, lost.is_some()), "{what}");
        }
        // Cleared once the scope is granted again.
        b.sleep();
        b.answer(scoped("a3", None, Some("read write admin")));
        assert!(b.view().lost_scope.is_none(), "{what}");
    }
}

#[test]
fn without_rotation_the_full_scope_refresh_token_is_kept() {
    for (rotation, kept) in [(Rotation::Never, "r1"), (Rotation::Unknown, "r2"), (Rotation::Rotates, "r2")] {
        let mut b = Bench::logged_in();
        std::sync::Arc::make_mut(&mut b.machine.policy).rotation = rotation;
        b.narrow("read");
        b.answer(scoped("n1", Some("r2"), Some("read")));
        assert_eq!(b.narrowed("read"), "n1");
        assert_eq!(b.disk.as_ref().unwrap().tokens.refresh_token.as_ref().unwrap().expose(), kept, "{rotation:?}");
        b.tell(Event::Forced);
        b.sleep();
        assert_eq!(b.sent.last().unwrap().0, kept, "{rotation:?}");
    }
}

#[test]
fn the_number_of_downscoped_tokens_is_limited() {
    let mut b = Bench::logged_in();
    for number in 0..40 {
        b.narrow(&format!("s{number}"));
        b.answer(RefreshOutcome::Granted(Box::new(grant(&format!("n{number}"), None, Some(600)))));
        b.now = b.now.plus(s(1));
    }
    let there = (0..40).filter(|number| b.narrowed(&format!("s{number}")) == format!("n{number}"));
    assert_eq!(there.collect::<Vec<_>>(), (24..40).collect::<Vec<_>>(), "the newest");
}

#[test]
fn a_lost_downscoped_refresh_is_replayed_like_any_other() {
    let mut b = Bench::logged_in();
    b.narrow("read");
    b.answer(RefreshOutcome::Lost { why: "cut".into() });
    b.narrow("read");
    assert_eq!(b.sent.len(), 1, "a refresh token whose last use is unanswered is not spent on downscoping");
    b.sleep();
    assert_eq!(b.sent.last().unwrap().0, "r1", "the replay asks for the full scope");
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    assert_eq!(b.token(), "a2");
}
