//! Event bus: account events for hooks, event streams and notifications. The newest are kept in memory, so that a client
//! that was gone for a while gets what it missed. A slow subscriber never blocks an account: it loses events, and is told.

use std::collections::VecDeque;
use std::fmt;

use tokio::sync::watch;

use crate::account::health::{Health, Unusable};
use crate::account::snapshot::{Snapshot, Standing};
use crate::clock::Wall;
use crate::contract::{AccountEvent, EventKind, VERSION};
use crate::random::Randomness;

/// How many events are kept: a subscriber may be this far behind. In docs/api.md, too.
const KEPT: usize = 512;

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

/// Whether an event of this kind has the reason why the account is as it is.
pub(super) fn tells_why(kind: EventKind) -> bool {
    matches!(kind, EventKind::LoginDue | EventKind::LoginNeeded | EventKind::Failing)
}

/// Whether somebody has to act: callers get no token, now or soon, and that does not pass by itself.
fn failed(health: Health) -> bool {
    match health {
        Health::Usable | Health::Idle | Health::Ending { then: Unusable::Recovering, .. } => false,
        Health::Ending { .. } | Health::Unusable(_) => true,
    }
}

/// Publishes events to all subscribers.
#[derive(Debug)]
pub(super) struct EventBus(watch::Sender<Recent>);

/// The newest events of this run of the daemon.
#[derive(Debug)]
struct Recent {
    /// Random, so that no id of an earlier run is taken for one of this run.
    run: u64,
    /// The number of the newest event; the first is 1.
    newest: u64,
    /// At most [`KEPT`], without gaps up to the newest.
    events: VecDeque<AccountEvent>,
    /// The daemon stops.
    ended: bool,
}

impl Recent {
    fn push(&mut self, event: &mut AccountEvent) {
        self.newest += 1;
        event.id = Some(EventId { run: self.run, number: self.newest }.to_string());
        if self.events.len() == KEPT {
            self.events.pop_front();
        }
        self.events.push_back(event.clone());
    }

    /// The number after which the events are kept.
    fn forgotten(&self) -> u64 {
        self.newest.saturating_sub(u64::try_from(self.events.len()).unwrap_or(u64::MAX))
    }

    /// The first event with a higher number than `after`, which is not less than [`Self::forgotten`].
    fn next(&self, after: u64) -> Option<&AccountEvent> {
        self.events.get(usize::try_from(after.checked_sub(self.forgotten())?).ok()?)
    }
}

impl EventBus {
    pub(super) fn new(randomness: Randomness) -> Self {
        let run = randomness.number("events");
        Self(watch::Sender::new(Recent { run, newest: 0, events: VecDeque::new(), ended: false }))
    }

    /// Publishes an event; returns it with its id. `reason`: why, in one sentence.
    pub(super) fn publish(&self, account: &str, event: EventKind, reason: Option<String>, now: Wall) -> AccountEvent {
        let at = now.unix_seconds();
        let mut event = AccountEvent { version: VERSION, id: None, event, account: account.into(), at, reason };
        self.0.send_modify(|recent| recent.push(&mut event));
        event
    }

    /// Subscribes to what is published from now on.
    pub(super) fn subscribe(&self) -> Subscription {
        let recent = self.0.subscribe();
        let after = recent.borrow().newest;
        Subscription { recent, after, is_lost: false }
    }

    /// Subscribes to what was published after the event with this id. If that is not one of this run, the subscription
    /// begins with [`Received::Lagged`], and goes on with all that is kept.
    pub(super) fn subscribe_after(&self, id: &str) -> Subscription {
        let recent = self.0.subscribe();
        let number = {
            let recent = recent.borrow();
            let known = |id: &EventId| id.run == recent.run && id.number <= recent.newest;
            EventId::parse(id).filter(known).map(|id| id.number)
        };
        Subscription { recent, after: number.unwrap_or(0), is_lost: number.is_none() }
    }

    /// Ends every [`Subscription`].
    pub(super) fn end(&self) {
        self.0.send_modify(|recent| recent.ended = true);
    }
}

/// An event's id: the run of the daemon, and the number of the event in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EventId {
    run: u64,
    number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.run, self.number)
    }
}

impl EventId {
    /// `None` unless it is written as we write it.
    fn parse(text: &str) -> Option<Self> {
        let (run, number) = text.split_once('-')?;
        let id = Self { run: u64::from_str_radix(run, 16).ok()?, number: number.parse().ok()? };
        (id.to_string() == text).then_some(id)
    }
}

/// Receives events.
#[derive(Debug)]
pub(crate) struct Subscription {
    recent: watch::Receiver<Recent>,
    /// The number of the last event that was received, or lost.
    after: u64,
    /// Begins with the news that events may be lost.
    is_lost: bool,
}

/// What a [`Subscription`] receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Received {
    /// An event.
    Event(AccountEvent),
    /// Events are lost, this many if that is known: look at the accounts.
    Lagged(Option<u64>),
}

impl Subscription {
    /// The next event; `None` once the daemon stops. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Received> {
        loop {
            if self.recent.borrow_and_update().ended {
                return None;
            }
            let received = self.waiting();
            if received.is_some() {
                return received;
            }
            self.recent.changed().await.ok()?;
        }
    }

    /// What was published already.
    fn waiting(&mut self) -> Option<Received> {
        let recent = self.recent.borrow();
        let lost = recent.forgotten().saturating_sub(self.after);
        if self.is_lost || lost > 0 {
            self.after += lost;
            return Some(Received::Lagged((!std::mem::take(&mut self.is_lost)).then_some(lost)));
        }
        let event = recent.next(self.after)?.clone();
        self.after += 1;
        Some(Received::Event(event))
    }

    /// The id by which a client goes on after what was received so far.
    pub(crate) fn id(&self) -> String {
        EventId { run: self.recent.borrow().run, number: self.after }.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bus(seed: u64) -> EventBus {
        EventBus::new(Randomness::Seeded(seed))
    }

    /// Publishes so many events; returns the id of the last.
    fn publish(events: &EventBus, count: usize) -> String {
        let mut id = None;
        for _ in 0..count {
            id = events.publish("work", EventKind::Refreshed, None, Wall(7_000)).id;
        }
        id.unwrap()
    }

    /// All that a subscription has received, without waiting: numbers of events, or what was lost.
    fn received(mut subscription: Subscription) -> Vec<Result<u64, Option<u64>>> {
        let mut all = Vec::new();
        while let Some(Some(received)) = futures_util::FutureExt::now_or_never(subscription.next()) {
            all.push(match received {
                Received::Event(event) => Ok(EventId::parse(&event.id.unwrap()).unwrap().number),
                Received::Lagged(count) => Err(count),
            });
        }
        all
    }

    #[tokio::test]
    async fn who_listens_hears_all_or_that_something_was_lost_and_then_the_end() {
        let events = bus(1);
        publish(&events, 1);
        let mut listener = events.subscribe();
        let published = events.publish("work", EventKind::LoginNeeded, Some("why".into()), Wall(7_000));
        assert_eq!((published.event, published.account.as_str(), published.at), (EventKind::LoginNeeded, "work", 7));
        assert_eq!(listener.next().await, Some(Received::Event(published.clone())));
        assert_eq!(Some(listener.id()), published.id);
        publish(&events, KEPT + 3);
        assert_eq!(listener.next().await, Some(Received::Lagged(Some(3))));
        assert!(matches!(listener.next().await, Some(Received::Event(_))), "what is kept is not lost");
        events.end();
        assert_eq!(listener.next().await, None);
        assert_eq!(events.subscribe().next().await, None, "also for who comes later");
    }

    #[test]
    fn who_comes_back_hears_what_was_missed_or_that_it_is_lost() {
        let events = bus(1);
        let first = events.subscribe().id();
        let ids: Vec<String> = (0..5).map(|_| publish(&events, 1)).collect();
        let from = |id: &str| received(events.subscribe_after(id));
        let all: Vec<_> = (1..=5).map(Ok).collect();
        assert_eq!(from(&first), all, "the id of a stream that has had no event");
        assert_eq!(from(&ids[2]), [Ok(4), Ok(5)]);
        assert_eq!(from(&ids[4]), []);
        let other = publish(&bus(2), 3);
        let number = ids[2].split_once('-').unwrap().0;
        for id in [
            other.as_str(),
            &format!("{number}-6"),
            &format!("{number}-03"),
            &format!("{number}-+3"),
            &format!("{number}-"),
            &format!("{}-3", number.to_uppercase()),
            "",
            "-",
            "3",
            "\u{e9}-3",
            &"9".repeat(4000),
        ] {
            let lost = [&[Err(None)][..], &all].concat();
            assert_eq!(from(id), lost, "{id:?} is no id of this run");
        }
        publish(&events, KEPT);
        let kept = |lost| [Err(lost)].into_iter().chain((6..=5 + KEPT as u64).map(Ok)).collect::<Vec<_>>();
        assert_eq!(from(&ids[1]), kept(Some(3)));
        assert_eq!(from(&other), kept(None));
        assert_eq!(from(&ids[4]), kept(None)[1..], "all that was missed is still there");
    }

    #[tokio::test]
    async fn what_was_lost_is_told_once() {
        let events = bus(1);
        let first = events.subscribe().id();
        publish(&events, KEPT + 2);
        let mut behind = events.subscribe_after(&first);
        assert_eq!(behind.next().await, Some(Received::Lagged(Some(2))));
        let again = events.subscribe_after(&behind.id());
        assert_eq!(received(again).first(), Some(&Ok(3)), "the stream broke off after that was told");
    }
}
