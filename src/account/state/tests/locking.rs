//! Accounts while the store is locked.

use std::time::Duration;

use serde_json::Map;

use super::bench::*;
use crate::account::login_reason::LoginReason;
use crate::account::snapshot::Standing;
use crate::account::state::effect::Effect;
use crate::account::state::event::{Event, RefreshOutcome, StoreTrouble};
use crate::account::state::machine::Machine;
use crate::account::state::policy::{Policy, Reacquire};
use crate::oauth::grant::Binding;

fn nothing(b: &Bench) {
    assert_eq!((b.view().standing, b.token()), (Standing::Locked, "store_unavailable".into()));
    let view = b.view();
    assert!(view.token.is_none() && view.scope.is_none() && view.identity.is_empty() && !view.refreshable);
    assert!(b.machine.tokens().is_none() && b.machine.current().is_none(), "nothing is left in memory");
    assert_eq!(b.machine.wake_at(), None, "and no wake-up is scheduled");
}

#[test]
fn a_locked_account_holds_nothing_in_memory_and_resumes_after_the_unlock() {
    let mut b = Bench::logged_in();
    b.narrow("read");
    b.answer(RefreshOutcome::Granted(Box::new(grant("n1", None, Some(600)))));
    b.tell(Event::Locked);
    nothing(&b);
    assert_eq!(b.narrowed("read"), "store_unavailable");
    b.tell(Event::Locked);
    b.tell(Event::Unlocked);
    assert_eq!((b.view().standing, b.token(), b.view().generation), (Standing::Active, "a1".into(), 2));
    b.tell(Event::Unlocked);
    assert_eq!((b.token(), b.sleep(), b.sent.len()), ("a1".into(), s(2880), 2), "refreshed when it would have been");
}

#[test]
fn a_token_that_expired_while_locked_is_refreshed_at_once() {
    let mut b = Bench::logged_in();
    b.tell(Event::Locked);
    b.wait(s(4000));
    assert_eq!(b.sent.len(), 0);
    b.tell(Event::Unlocked);
    assert_eq!((b.sleep(), b.sent.len()), (s(0), 1));
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    assert_eq!(b.token(), "a2");
}

#[test]
fn a_locked_account_ignores_every_event_but_an_unlock() {
    for reacquire in [Reacquire::No, Reacquire::Always, Reacquire::WhileActive] {
        let mut b = Bench::reacquiring(reacquire, false);
        b.tell(Event::LoggedIn(Box::new(grant("a1", Some("r1"), Some(3600))), Map::new(), Duration::ZERO));
        let stored = b.disk.as_ref().unwrap().generation;
        b.tell(Event::Locked);
        b.now = b.now.plus(s(10_000));
        for event in [
            Event::Timer,
            Event::Wanted(s(10)),
            Event::Forced,
            Event::Rejected,
            Event::Narrow(Box::new(target("read")), s(10)),
            Event::LoggedIn(Box::new(grant("a9", Some("r9"), Some(3600))), Map::new(), Duration::ZERO),
            Event::LogOut,
            Event::Stopping,
            Event::Loaded(None, 0),
            Event::Reconfigured(b.machine.policy.clone()),
            Event::Locked,
        ] {
            let told = format!("{reacquire:?} {event:?}");
            let effect = b.machine.step(event, b.now, 0.5);
            assert!(matches!(effect, Effect::Rest), "{told}: {effect:?}");
            nothing(&b);
        }
        assert_eq!(b.disk.as_ref().map(|record| record.generation), Some(stored));
    }
}

#[test]
fn requests_in_flight_and_uncommitted_tokens_are_stored_before_memory_is_cleared() {
    let mut b = Bench::logged_in();
    b.sleep();
    assert!(matches!(b.machine.step(Event::Locked, b.now, 0.5), Effect::Rest));
    b.commit_fails = true;
    b.answer(RefreshOutcome::Granted(Box::new(grant("a2", Some("r2"), Some(3600)))));
    b.tell(Event::Locked);
    assert!(b.machine.is_uncommitted(), "the only copy");
    b.commit_fails = false;
    b.tell(Event::Stopping);
    b.tell(Event::Locked);
    nothing(&b);
    b.tell(Event::Unlocked);
    assert_eq!(b.token(), "a2");
}

#[test]
fn a_store_that_starts_locked_needs_attention() {
    let mut b = Bench::logged_in();
    b.machine = Machine::new(b.machine.policy.clone());
    assert!(matches!(b.machine.step(Event::Timer, b.now, 0.5), Effect::Load));
    b.tell(Event::NotLoaded(StoreTrouble::Locked));
    nothing(&b);
    let view = b.view().reply(b.now);
    assert!(view.attention_needed && view.last_error.is_none() && view.reason.unwrap().contains("ringback unlock"));
    b.tell(Event::Unlocked);
    assert_eq!(b.token(), "a1");
}

#[test]
fn the_config_may_change_while_locked() {
    let mut b = Bench::logged_in();
    b.tell(Event::Locked);
    let other = Policy { binding: Binding { client_id: "other".into(), ..binding() }, ..(*b.machine.policy).clone() };
    b.tell(Event::Reconfigured(other.into()));
    b.tell(Event::Unlocked);
    assert_eq!(b.view().standing, Standing::NeedsLogin(LoginReason::ConfigChanged));
}
