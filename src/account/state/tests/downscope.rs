//! Downscoped tokens.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::oauth::dialect::Rotation;
use crate::oauth::grant::Grant;
use crate::oauth::reply::RefusalSubject;

#[test]
fn a_narrower_token_is_asked_for_when_wanted_and_cached_for_itself() {
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
    assert!(b.view().trouble.is_none(), "the account itself is well");
    b.narrow("read");
    assert_eq!(b.sent.len(), 2, "a refusal is not asked for again at once");
}

fn scoped(token: &str, refresh: Option<&str>, scope: Option<&str>) -> RefreshOutcome {
    RefreshOutcome::Granted(Box::new(Grant { scope: scope.map(str::to_owned), ..grant(token, refresh, Some(3600)) }))
}

#[test]
fn a_refresh_token_that_a_narrower_token_made_narrower_is_noticed_at_the_next_refresh() {
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
        assert!(b.view().lost_scope.is_none(), "{what}: a narrower token alone says nothing");
        for _ in 0..2 {
            b.sleep();
            b.answer(scoped("a2", None, full));
            let view = b.view();
            let told = view.lost_scope.as_ref().map(|lost| (lost.scope.as_str(), lost.by_narrowing));
            assert_eq!(told, lost.map(|lost| (lost, by_narrowing)), "{what}");
            let reply = view.reply(b.now);
            assert_eq!((reply.lost_scope.as_deref(), reply.reason.is_some()), (lost, lost.is_some()), "{what}");
        }
        // Gone once the scope is there again.
        b.sleep();
        b.answer(scoped("a3", None, Some("read write admin")));
        assert!(b.view().lost_scope.is_none(), "{what}");
    }
}

#[test]
fn where_refresh_tokens_never_end_the_wide_one_is_kept() {
    for (rotation, kept) in [(Rotation::Never, "r1"), (Rotation::Unknown, "r2"), (Rotation::Rotates, "r2")] {
        let mut b = Bench::logged_in();
        b.machine.policy.rotation = rotation;
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
fn narrower_tokens_are_bounded() {
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
fn a_lost_narrower_refresh_is_replayed_like_any_other() {
    let mut b = Bench::logged_in();
    b.narrow("read");
    b.answer(RefreshOutcome::Lost { why: "cut".into() });
    b.narrow("read");
    assert_eq!(b.sent.len(), 1, "a refresh token in doubt is not spent on a part");
    b.sleep();
    assert_eq!(b.sent.last().unwrap().0, "r1", "the replay is for the whole");
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    assert_eq!(b.token(), "a2");
}
