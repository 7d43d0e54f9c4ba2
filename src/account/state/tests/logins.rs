//! The login history: when logins were made and how long they lasted.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::login_history::LoginHistory;
use crate::account::login_reason::LoginReason;
use crate::account::snapshot::Standing;
use crate::account::state::event::{Event, RefreshOutcome};
use crate::oauth::reply::RefusalSubject;

impl Bench {
    fn kept(&self) -> LoginHistory {
        self.disk.as_ref().unwrap().logins.clone()
    }

    fn refuse(&mut self) {
        self.tell(Event::Forced);
        self.answer(refusal("invalid_grant", RefusalSubject::Grant));
    }
}

#[test]
fn each_login_is_recorded_once_and_ended_once() {
    let mut b = Bench::logged_in();
    let first = b.now.wall;
    assert_eq!(b.kept(), LoginHistory { since: Some(first), lasted: vec![] });
    b.wait(s(3000));
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    b.restart();
    assert_eq!(b.kept(), LoginHistory { since: Some(first), lasted: vec![] }, "a refresh is no login");
    b.refuse();
    b.wait(s(100));
    b.refuse();
    assert_eq!(b.kept(), LoginHistory { since: None, lasted: vec![3000] });
    b.tell(Event::LoggedIn(Box::new(grant("a3", Some("r3"), Some(3600))), Map::new(), Duration::ZERO));
    assert_eq!(b.kept(), LoginHistory { since: Some(b.now.wall), lasted: vec![3000] });
}

#[test]
fn a_login_that_ended_by_a_lost_reply_is_not_counted() {
    let mut b = Bench::logged_in();
    b.wait(s(3000));
    b.answer(RefreshOutcome::Lost { why: "cut".into() });
    b.sleep();
    b.answer(refusal("invalid_grant", RefusalSubject::Grant));
    assert_eq!(b.view().standing, Standing::NeedsLogin(LoginReason::ReplyLost));
    assert_eq!(b.kept(), LoginHistory::default());
}

#[test]
fn a_refusal_counts_even_if_it_could_not_be_written() {
    let mut b = Bench::logged_in();
    b.wait(s(2000));
    b.tell(Event::Forced);
    b.commit_fails = true;
    b.answer(refusal("invalid_grant", RefusalSubject::Grant));
    b.commit_fails = false;
    b.tell(Event::LoggedIn(Box::new(grant("a2", Some("r2"), Some(3600))), Map::new(), Duration::ZERO));
    assert_eq!(b.kept(), LoginHistory { since: Some(b.now.wall), lasted: vec![2000] });
}

#[test]
fn the_lifetime_of_a_logins_token_starts_at_its_request() {
    for (life, age, left) in [(3600, 0, 3600), (3600, 20, 3580), (3600, 900, 2700), (600, 900, 0)] {
        let mut b = Bench::new();
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(life))), Map::new(), s(age)));
        let deadline = b.view().token.unwrap().deadline.unwrap();
        assert_eq!(b.now.until(deadline), s(left), "{life} {age}");
    }
}
