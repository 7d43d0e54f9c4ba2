//! Records restored from a backup: older than the last written generation.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::login_reason::LoginReason;
use crate::account::snapshot::Standing;
use crate::account::state::event::{Event, RefreshOutcome, StoreTrouble};
use crate::account::state::machine::Machine;
use crate::account::state::policy::{Policy, Reacquire, RefreshPlan};
use crate::oauth::dialect::Rotation;
use crate::oauth::dialect::tests::dialect;
use crate::oauth::grant::Binding;

impl Bench {
    /// Logs in, refreshes up to generation 3, restores the disk of generation 1 and restarts the daemon.
    fn put_back(self) -> Self {
        let mut b = self;
        let older = b.disk.clone();
        for (access, refresh) in [("a2", "r2"), ("a3", "r3")] {
            b.wait(s(10));
            b.tell(Event::Forced);
            b.answer(RefreshOutcome::Granted(Box::new(grant(access, Some(refresh), Some(3600)))));
        }
        b.disk = older;
        b.sent.clear();
        b.restart();
        b
    }

    fn with_rotation(&self, rotation: Rotation) -> Policy {
        Policy { rotation, ..(*self.machine.policy).clone() }
    }
}

const RESTORED: Standing = Standing::NeedsLogin(LoginReason::RestoredFromBackup { found: 1, written: 3 });

#[test]
fn tokens_of_a_restored_record_are_neither_served_nor_sent() {
    let mut b = Bench::logged_in().put_back();
    assert_eq!((b.view().standing, b.token()), (RESTORED, "login_required".into()));
    assert!(!b.view().refreshable && b.view().next_attempt.is_none() && b.machine.wake_at().is_none());
    for event in [Event::Forced, Event::Wanted(s(9000)), Event::Rejected, Event::Woken, Event::Timer, Event::Stopping] {
        b.wait(s(60));
        b.tell(event);
    }
    b.narrow("one");
    b.wait(s(90_000));
    assert!(b.sent.is_empty() && b.machine.is_restored(), "{:?}", b.sent);
    b.tell(Event::Locked);
    b.tell(Event::Unlocked);
    assert_eq!(b.view().standing, RESTORED, "loading it again changes nothing");
    let reply = b.view().reply(b.now);
    assert_eq!(reply.reason_code.as_deref(), Some("restored_from_backup"));
    assert!(reply.reason.unwrap().contains("it has generation 1, and 3 was reached"));
}

#[test]
fn a_login_replaces_a_restored_record() {
    let mut b = Bench::logged_in().put_back();
    b.tell(Event::LoggedIn(Box::new(grant("a9", Some("r9"), Some(3600))), Map::new(), Duration::ZERO));
    assert_eq!((b.token().as_str(), b.disk.as_ref().unwrap().generation), ("a9", 4));
    b.restart();
    b.sleep();
    assert_eq!((b.view().standing, b.sent[0].0.as_str()), (Standing::Active, "r9"));
}

#[test]
fn an_intent_or_a_refusal_in_a_restored_record_changes_nothing() {
    let mut b = Bench::logged_in();
    b.tell(Event::Forced);
    let mut b = Bench { in_flight: false, ..b };
    let asked = b.disk.clone();
    assert!(asked.as_ref().unwrap().intent.is_some());
    b.mark = 2;
    b.restart();
    b.sleep();
    assert_eq!(b.sent.len(), 1, "no replay");
    b.disk.as_mut().unwrap().needs_login = Some(LoginReason::ReplyLost);
    b.restart();
    b.tell(Event::Forced);
    assert_eq!((b.view().standing.clone(), b.sent.len()), {
        (Standing::NeedsLogin(LoginReason::RestoredFromBackup { found: 1, written: 2 }), 1)
    });
}

#[test]
fn a_lower_high_water_mark_or_none_is_ignored() {
    for mark in [0, 1] {
        let mut b = Bench::logged_in();
        b.mark = mark;
        b.restart();
        assert_eq!((b.view().standing, b.token().as_str()), (Standing::Active, "a1"), "{mark}");
    }
}

#[test]
fn the_generation_continues_after_a_record_is_gone() {
    // The folder was deleted.
    let mut b = Bench::logged_in().put_back();
    b.disk = None;
    b.restart();
    assert_eq!(b.view().standing, Standing::SignedOut);
    b.tell(Event::LoggedIn(Box::new(grant("a4", Some("r4"), Some(3600))), Map::new(), Duration::ZERO));
    b.restart();
    assert_eq!((b.view().standing, b.disk.as_ref().unwrap().generation), (Standing::Active, 4));
    // Logged out, and a copy of the deleted record is restored.
    let copy = b.disk.clone();
    b.tell(Event::LogOut);
    b.tell(Event::LoggedIn(Box::new(grant("a5", Some("r5"), Some(3600))), Map::new(), Duration::ZERO));
    assert_eq!(b.disk.as_ref().unwrap().generation, 6);
    b.tell(Event::LogOut);
    b.disk = copy;
    b.restart();
    assert!(b.machine.is_restored());
    // Damaged, and set aside.
    let mut b =
        Bench::with(Machine::new(Policy::new(&dialect(), binding(), Reacquire::No, RefreshPlan::default())), b.now);
    b.tell(Event::NotLoaded(StoreTrouble::Damaged(7)));
    b.mark = 7;
    b.tell(Event::LoggedIn(Box::new(grant("a8", Some("r8"), Some(3600))), Map::new(), Duration::ZERO));
    assert_eq!(b.disk.as_ref().unwrap().generation, 8);
}

#[test]
fn without_rotation_a_restored_record_is_used() {
    let mut b = Bench::logged_in().put_back();
    b.tell(Event::Reconfigured(b.with_rotation(Rotation::Never).into()));
    assert_eq!((b.view().standing, b.token().as_str()), (Standing::Active, "a1"));
    b.tell(Event::Reconfigured(b.with_rotation(Rotation::Unknown).into()));
    assert_eq!(b.view().standing, RESTORED);
    b.tell(Event::Reconfigured(b.with_rotation(Rotation::Never).into()));
    b.wait(s(3000));
    assert_eq!(b.sent[0].0, "r1");
    b.answer(RefreshOutcome::Granted(Box::new(grant("a4", None, Some(3600)))));
    assert_eq!(b.disk.as_ref().unwrap().generation, 4);
    b.tell(Event::Reconfigured(b.with_rotation(Rotation::Unknown).into()));
    assert_eq!(b.view().standing, Standing::Active, "the record written since is the newest");
}

#[test]
fn changing_the_config_and_back_makes_no_restored_record_usable() {
    let mut b = Bench::logged_in().put_back();
    let other = Policy { binding: Binding { client_id: "other".into(), ..binding() }, ..(*b.machine.policy).clone() };
    let before = b.machine.policy.clone();
    b.tell(Event::Reconfigured(other.into()));
    assert_eq!(b.view().standing, Standing::NeedsLogin(LoginReason::ConfigChanged));
    b.tell(Event::Reconfigured(before));
    assert_eq!(b.view().standing, RESTORED);
    b.tell(Event::Forced);
    assert!(b.sent.is_empty());
}

#[test]
fn client_credentials_reacquire_instead_of_using_a_restored_record() {
    let mut b = Bench::reacquiring(Reacquire::Always, false);
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a1", None, Some(3600)))));
    let mut b = b.put_back();
    assert!(b.view().standing == Standing::Starting && b.view().token.is_none());
    b.sleep();
    b.answer(RefreshOutcome::Granted(Box::new(grant("a9", None, Some(3600)))));
    assert_eq!((b.token().as_str(), b.sent[0].0.as_str()), ("a9", "anew"));
}
