//! Tokens that are bound to a key (RFC 9449): the key is stored with them, and goes where they go.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::oauth::grant::Grant;
use crate::secret::DpopKey;

fn bound(access: &str, refresh: &str, key: &str) -> Grant {
    Grant { dpop_key: Some(DpopKey::new(key)), ..grant(access, Some(refresh), Some(3600)) }
}

fn stored_key(b: &Bench) -> Option<&str> {
    b.disk.as_ref()?.tokens.dpop_key.as_ref().map(DpopKey::expose)
}

fn key_of(b: &Bench, token: &str) -> Option<String> {
    b.view().dpop_key(token).map(|key| key.expose().to_owned())
}

#[test]
fn a_key_is_stored_with_its_tokens_and_proved_with_every_refresh_of_them() {
    let mut b = Bench::new();
    b.tell(Event::LoggedIn(Box::new(bound("a1", "r1", "k1")), Map::new(), Duration::ZERO));
    assert_eq!((stored_key(&b), key_of(&b, "a1").as_deref(), key_of(&b, "a2")), (Some("k1"), Some("k1"), None));
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(bound("a2", "r2", "k1"))));
    // A token that can't be used: the rotated refresh token is bound, too.
    b.sleep();
    let flaws = vec!["token_type is `Bearer`".into()];
    b.answer(RefreshOutcome::Granted(Box::new(Grant { access_token: None, flaws, ..bound("", "r3", "k1") })));
    assert_eq!((stored_key(&b), key_of(&b, "a2").as_deref()), (Some("k1"), Some("k1")));
    b.restart();
    assert_eq!(key_of(&b, "a2").as_deref(), Some("k1"));
    // Another login has another key, from one record to the next.
    b.tell(Event::LoggedIn(Box::new(bound("b1", "s1", "k2")), Map::new(), Duration::ZERO));
    assert_eq!((stored_key(&b), key_of(&b, "b1").as_deref()), (Some("k2"), Some("k2")));
    b.narrow("read");
    b.answer(RefreshOutcome::Granted(Box::new(bound("n1", "s2", "k2"))));
    assert_eq!((stored_key(&b), key_of(&b, "n1").as_deref()), (Some("k2"), Some("k2")));
    let proved: Vec<_> = b.proved.iter().map(Option::as_deref).collect();
    assert_eq!(proved, [Some("k1"), Some("k1"), Some("k2")]);
    b.tell(Event::LoggedIn(Box::new(grant("c1", Some("t1"), Some(3600))), Map::new(), Duration::ZERO));
    assert_eq!((stored_key(&b), key_of(&b, "c1")), (None, None), "the key ends with its tokens");
}
