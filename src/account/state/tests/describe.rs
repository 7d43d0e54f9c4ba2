//! Token descriptions by the provider (introspection, token info).

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::account::state::policy::Reacquire;
use crate::oauth::describe::{DescribeEndpoint, Described};
use crate::oauth::grant::Expiry;

#[test]
fn a_token_description_supplies_identity_and_expiry() {
    for (life, expires_at, left) in
        [(Some(3600), Some(1), Some(3600)), (None, Some(1_700_001_000), Some(1000)), (None, None, None)]
    {
        let mut b = Bench::reacquiring(Reacquire::No, true);
        b.described = Some(described(expires_at));
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), life)), Map::new(), Duration::ZERO));
        let view = b.view();
        let token = view.token.as_ref().unwrap();
        assert_eq!(token.deadline.map(|at| b.now.until(at).as_secs()), left, "{life:?} {expires_at:?}");
        assert_eq!(view.identity["voip_id"], 7);
        assert_eq!(b.disk.as_ref().unwrap().identity["voip_id"], 7, "it is stored");
        assert_eq!(left.is_none(), token.expiry == Expiry::Never);
        assert_eq!(b.asked_about, ["a1"], "once");
    }
}

#[test]
fn a_login_that_returns_the_same_token_has_it_described_again() {
    let mut b = Bench::reacquiring(Reacquire::No, true);
    b.described = Some(described(None));
    for times in 1..=2 {
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), None)), Map::new(), Duration::ZERO));
        let view = b.view();
        assert_eq!(view.token.as_ref().unwrap().expiry, Expiry::Never);
        assert_eq!((view.identity["voip_id"].as_i64(), b.asked_about.len()), (Some(7), times));
    }
    // A provider with incomplete descriptions is not asked forever.
    b.described = Some(Described { source: DescribeEndpoint::Introspection, identity: Map::new(), ..described(None) });
    b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), None)), Map::new(), Duration::ZERO));
    assert_eq!(b.asked_about.len(), 3);
}

#[test]
fn a_token_is_described_again_only_if_something_is_unknown() {
    let mut b = Bench::reacquiring(Reacquire::No, true);
    b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
    b.described = Some(described(None));
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a3", Some("r3"), Some(3600)))));
    assert_eq!(b.asked_about, ["a1", "a2"]);
    assert_eq!(b.view().identity["voip_id"], 7, "a refresh keeps it");
}
