//! The commit protocol: full disks, stops, logouts and generations.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::login_reason::LoginReason;
use crate::account::snapshot::Standing;
use crate::account::state::effect::Effect;
use crate::account::state::event::{Event, RefreshOutcome, StoreTrouble};
use crate::account::state::machine::Machine;
use crate::account::state::policy::{Policy, Reacquire};
use crate::account::verdict::{Ttl, Verdict};
use crate::error::Error;
use crate::oauth::grant::Binding;
use crate::oauth::reply::RefusalSubject;

#[test]
fn no_refresh_starts_without_a_durable_intent_and_no_granted_token_is_dropped() {
    let mut b = Bench::logged_in();
    b.commit_fails = true;
    b.sleep();
    assert_eq!((b.sent.len(), b.token().as_str()), (0, "a1"));
    b.commit_fails = false;
    b.sleep();
    b.commit_fails = true;
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    assert_eq!(b.token(), "a1", "not published before it is on disk");
    b.now = b.now.plus(s(800));
    assert_eq!(b.token(), "store_unavailable");
    b.commit_fails = false;
    b.sleep();
    assert_eq!(
        (b.token().as_str(), b.disk.as_ref().unwrap().tokens.refresh_token.as_ref().unwrap().expose()),
        ("a2", "r2")
    );
    assert_eq!(b.sent.len(), 1, "no second refresh was needed");
}

#[test]
fn uncommitted_tokens_are_written_when_the_daemon_stops() {
    let mut b = Bench::logged_in();
    b.sleep();
    b.commit_fails = true;
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    b.commit_fails = false;
    b.tell(Event::Stopping);
    b.restart();
    assert_eq!(b.token(), "a2");
}

#[test]
fn uncommitted_tokens_of_an_old_client_are_not_used_for_the_new_one() {
    let mut b = Bench::logged_in();
    b.commit_fails = true;
    b.tell(Event::LoggedIn(Box::new(grant("a2", Some("r2"), Some(3600))), Map::new(), Duration::ZERO));
    let other = Policy { binding: Binding { client_id: "other".into(), ..binding() }, ..(*b.machine.policy).clone() };
    b.tell(Event::Reconfigured(other.into()));
    b.commit_fails = false;
    b.sleep();
    assert_eq!(b.view().standing, Standing::NeedsLogin(LoginReason::ConfigChanged));
    assert_eq!(b.machine.wake_at(), None, "no busy loop");
}

#[test]
fn a_logout_deletes_no_record_that_could_not_be_read() {
    let mut b = Bench::logged_in();
    b.machine = Machine::new(b.machine.policy.clone());
    let effect = b.machine.step(Event::Timer, b.now, 0.5);
    assert!(matches!(effect, Effect::Load));
    b.tell(Event::NotLoaded(StoreTrouble::Unavailable("not the key".into())));
    b.tell(Event::LogOut);
    assert!(b.disk.is_some());
}

#[test]
fn a_logout_forgets_everything() {
    let mut b = Bench::logged_in();
    b.tell(Event::LogOut);
    assert!(b.disk.is_none() && b.view().token.is_none());
    assert!(matches!(
        b.view().verdict(Ttl::Usual(s(0)), b.now.boot, b.now),
        Verdict::Fail(Error::LoginRequired { .. })
    ));
}

#[test]
fn the_generation_counter_does_not_wrap_around() {
    let mut b = Bench::logged_in();
    b.disk.as_mut().unwrap().generation = u64::MAX;
    b.restart();
    b.tell(Event::Forced);
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    b.narrow("read");
    b.answer(RefreshOutcome::Granted(Box::new(grant("n1", Some("r3"), Some(600)))));
    b.wait(s(100));
    b.tell(Event::Forced);
    b.answer(refusal("invalid_grant", RefusalSubject::Grant));
    b.tell(Event::LoggedIn(Box::new(grant("a3", Some("r4"), Some(3600))), Map::new(), Duration::ZERO));
    assert_eq!((b.token(), b.disk.unwrap().generation), ("a3".into(), u64::MAX));
    let mut b = Bench::reacquiring(Reacquire::No, true);
    b.described = Some(described(None));
    b.machine.stored = u64::MAX - 1;
    b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
    assert_eq!((b.asked_about.len(), b.disk.unwrap().generation), (1, u64::MAX));
}
