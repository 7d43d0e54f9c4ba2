//! Config changes.

use super::bench::*;
use crate::account::login_reason::LoginReason;
use crate::account::snapshot::Standing;
use crate::account::state::event::Event;
use crate::account::state::policy::Policy;
use crate::oauth::grant::Binding;
use crate::oauth::reply::RefusalSubject;

#[test]
fn a_changed_client_does_not_use_the_old_clients_tokens() {
    let mut b = Bench::logged_in();
    let before = b.machine.policy.clone();
    let other = Policy { binding: Binding { client_id: "other".into(), ..binding() }, ..(*before).clone() };
    b.tell(Event::Reconfigured(other.into()));
    assert_eq!(
        (b.view().standing.clone(), b.token().as_str()),
        (Standing::NeedsLogin(LoginReason::ConfigChanged), "login_required")
    );
    b.wait(s(10_000));
    b.tell(Event::Forced);
    assert!(b.sent.is_empty());
    b.tell(Event::Reconfigured(before));
    assert_eq!(b.view().standing, Standing::Active, "the old client's tokens are usable again");
}

#[test]
fn a_reload_ends_the_backoff() {
    let mut b = Bench::logged_in();
    b.sleep();
    b.answer(refusal("invalid_client", RefusalSubject::Client));
    b.tell(Event::Reconfigured(b.machine.policy.clone()));
    assert_eq!((b.sleep(), b.sent.len()), (s(0), 2));
}
