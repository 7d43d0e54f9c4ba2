//! Event bus: account events for hooks, event streams and notifications. A slow subscriber never blocks an account:
//! it misses events and is told how many.

use tokio::sync::{broadcast, watch};

use crate::account::health::{Health, Unusable};
use crate::account::snapshot::{Snapshot, Standing};
use crate::clock::Wall;
use crate::contract::{AccountEvent, EventKind, VERSION};

/// Events that a subscriber may be behind.
const CAPACITY: usize = 256;

/// What lies between two pictures of an account, if anything that matters. `was` and `is`: its health when each was
/// published.
pub(super) fn event_between(before: &Snapshot, was: Health, after: &Snapshot, is: Health) -> Option<EventKind> {
    let had = |snapshot: &Snapshot| snapshot.token.as_ref().map(|token| token.access_token.fingerprint());
    let needs = |snapshot: &Snapshot| matches!(snapshot.standing, Standing::NeedsLogin(_));
    let login = |snapshot: &Snapshot| snapshot.logins.since;
    match (&before.standing, &after.standing) {
        // What is read at the start or after an unlock is no news.
        (Standing::Unread | Standing::Locked, _) | (_, Standing::Locked) if !needs(after) => None,
        _ if needs(after) && !needs(before) => Some(EventKind::LoginNeeded),
        (Standing::SignedOut, Standing::SignedOut) => None,
        (_, Standing::SignedOut) => Some(EventKind::LoggedOut),
        (Standing::SignedOut | Standing::Starting, Standing::Active) => Some(EventKind::LoggedIn),
        (_, Standing::Active) if login(before) != login(after) => Some(EventKind::LoggedIn),
        (Standing::NeedsLogin(reason), Standing::Active) if reason.may_pass() => Some(EventKind::Recovered),
        (Standing::NeedsLogin(_), Standing::Active) => Some(EventKind::LoggedIn),
        (Standing::Active, Standing::Active) if had(before) != had(after) => {
            Some(if (was.is_usable() || was == Health::Idle) && !failed(was) {
                EventKind::Refreshed
            } else {
                EventKind::Recovered
            })
        }
        (Standing::Active, Standing::Active) if after.login_soon && !before.login_soon => Some(EventKind::LoginDue),
        _ if failed(is) && !failed(was) => Some(EventKind::Failing),
        _ => None,
    }
}

/// Whether somebody has to act: callers get no token, now or soon, and that does not pass by itself.
fn failed(health: Health) -> bool {
    match health {
        Health::Usable | Health::Idle | Health::Ending { then: Unusable::Recovering, .. } => false,
        Health::Ending { .. } | Health::Unusable(_) => true,
    }
}

/// Publishes events to all subscribers. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct EventBus {
    events: broadcast::Sender<AccountEvent>,
    ended: watch::Sender<bool>,
}

impl EventBus {
    pub(super) fn new() -> Self {
        Self { events: broadcast::Sender::new(CAPACITY), ended: watch::Sender::new(false) }
    }

    pub(super) fn publish(&self, account: &str, event: EventKind, now: Wall) {
        // Fails without subscribers, which is fine.
        _ = self.events.send(AccountEvent { version: VERSION, event, account: account.into(), at: now.unix_seconds() });
    }

    pub(super) fn subscribe(&self) -> Subscription {
        Subscription { events: self.events.subscribe(), ended: self.ended.subscribe() }
    }

    /// Ends every [`Subscription`].
    pub(super) fn end(&self) {
        self.ended.send_replace(true);
    }
}

/// Receives every event from now on.
#[derive(Debug)]
pub(crate) struct Subscription {
    events: broadcast::Receiver<AccountEvent>,
    ended: watch::Receiver<bool>,
}

/// What a [`Subscription`] receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Received {
    /// An event.
    Event(AccountEvent),
    /// The subscriber fell behind, and this many events are lost: look at the accounts.
    Missed(u64),
}

impl Subscription {
    /// The next event; `None` once the daemon stops. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Received> {
        tokio::select! {
            biased;
            _ = self.ended.wait_for(|ended| *ended) => None,
            received = self.events.recv() => match received {
                Ok(event) => Some(Received::Event(event)),
                Err(broadcast::error::RecvError::Lagged(count)) => Some(Received::Missed(count)),
                Err(broadcast::error::RecvError::Closed) => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_listens_hears_all_or_that_something_was_missed_and_then_the_end() {
        let events = EventBus::new();
        events.publish("work", EventKind::Refreshed, Wall(0));
        let mut listener = events.subscribe();
        events.publish("work", EventKind::LoginNeeded, Wall(7_000));
        let Some(Received::Event(event)) = listener.next().await else { panic!("nothing heard") };
        assert_eq!((event.event, event.account.as_str(), event.at), (EventKind::LoginNeeded, "work", 7));
        for _ in 0..CAPACITY + 3 {
            events.publish("work", EventKind::Refreshed, Wall(0));
        }
        assert_eq!(listener.next().await, Some(Received::Missed(3)));
        events.end();
        assert_eq!(listener.next().await, None);
    }
}
