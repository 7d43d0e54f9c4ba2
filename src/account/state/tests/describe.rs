//! What the provider says of a token.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::account::state::policy::Reacquire;
use crate::oauth::describe::{DescribeEndpoint, Described};
use crate::oauth::grant::Expiry;

#[test]
fn what_the_provider_says_of_a_token_fills_in_whose_it_is_and_when_it_ends() {
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
        assert_eq!(b.disk.as_ref().unwrap().identity["voip_id"], 7, "it is kept");
        assert_eq!(left.is_none(), token.expiry == Expiry::Never);
        assert_eq!(b.asked_about, ["a1"], "once");
    }
}

#[test]
fn a_login_that_brings_the_very_same_token_is_asked_about_again() {
    let mut b = Bench::reacquiring(Reacquire::No, true);
    b.described = Some(described(None));
    for times in 1..=2 {
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), None)), Map::new(), Duration::ZERO));
        let view = b.view();
        assert_eq!(view.token.as_ref().unwrap().expiry, Expiry::Never);
        assert_eq!((view.identity["voip_id"].as_i64(), b.asked_about.len()), (Some(7), times));
    }
    // Where the provider does not say all, it is not asked without end.
    b.described = Some(Described { source: DescribeEndpoint::Introspection, identity: Map::new(), ..described(None) });
    b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), None)), Map::new(), Duration::ZERO));
    assert_eq!(b.asked_about.len(), 3);
}

#[test]
fn it_is_asked_again_only_for_what_is_not_known() {
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
