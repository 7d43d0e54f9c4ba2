//! Who may wait: for a provider, a login, the user's answer. Each who does holds a connection, so that not everybody
//! may: there have to be some left for those whose answer is there. Each door has a share of its own, so that a program
//! with a key for the port takes nothing from the socket's owner.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::listen::Peer;
use crate::error::Error;

/// How many listen to events at once: each holds a connection for as long as it likes.
const LISTENERS_ON_SOCKET: usize = 32;
/// The same over TCP.
const LISTENERS_ON_TCP: usize = 16;

/// How many wait, and how many may. Without a lock, since every request for a token comes by. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Waiting {
    tcp: Door,
    socket: Door,
    browsers: Share,
}

#[derive(Debug, Clone)]
struct Door {
    programs: Share,
    listeners: Share,
}

/// So many, and no more.
#[derive(Debug, Clone)]
pub(super) struct Share {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// One of a share, until this is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Waiting {
    /// For a server of so many connections. By each door a third of them may wait, and for browsers there is a little
    /// beside: that is less than TCP has (three quarters), and less than there are.
    pub fn of_connections(connections: usize) -> Self {
        let door = |listeners| Door { programs: Share::new(connections / 3), listeners: Share::new(listeners) };
        let browsers = Share::new(connections / 16);
        Self { tcp: door(LISTENERS_ON_TCP), socket: door(LISTENERS_ON_SOCKET), browsers }
    }

    /// For programs that came by this door.
    pub(super) fn at(&self, peer: Peer) -> &Share {
        &self.door(peer).programs
    }

    /// For browsers with a session or a ticket. They have to come over TCP, where programs with a key may have taken
    /// all that is theirs.
    pub(super) fn in_browsers(&self) -> &Share {
        &self.browsers
    }

    /// For programs that came by this door and listen to events.
    pub(super) fn listening_at(&self, peer: Peer) -> &Share {
        &self.door(peer).listeners
    }

    fn door(&self, peer: Peer) -> &Door {
        match peer {
            Peer::Tcp { .. } => &self.tcp,
            Peer::Unix { .. } => &self.socket,
        }
    }
}

impl Share {
    fn new(most: usize) -> Self {
        Self { taken: Arc::default(), most: most.max(1) }
    }

    /// A place, if one is left.
    pub(super) fn place(&self) -> Option<Place> {
        let place = Place(Arc::clone(&self.taken));
        (self.taken.fetch_add(1, Ordering::Relaxed) < self.most).then_some(place)
    }

    /// Does `work`, which may take as long as a provider does. Without a place for it, it is not begun.
    pub(super) async fn during<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let _place = self.place().ok_or(Error::Busy)?;
        work.await
    }

    /// How long a caller may wait that wants to for `wanted`, and its place meanwhile. Without one it is told at once
    /// how things stand, as it would be with `wait=0`.
    pub(super) fn for_as_long_as(&self, wanted: Option<Duration>) -> (Option<Duration>, Option<Place>) {
        if wanted == Some(Duration::ZERO) {
            return (wanted, None);
        }
        match self.place() {
            Some(place) => (wanted, Some(place)),
            None => (Some(Duration::ZERO), None),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOCKET: Peer = Peer::Unix { uid: 0, pid: None };

    fn tcp() -> Peer {
        Peer::Tcp { address: "127.0.0.1:50000".parse().unwrap(), port: 7464, user: crate::ports::PeerUser::Uid(0) }
    }

    #[test]
    fn a_third_of_the_connections_may_wait_and_the_others_are_told_at_once() {
        let (waiting, long) = (Waiting::of_connections(11), Some(Duration::from_secs(600)));
        let share = waiting.at(SOCKET);
        let mut places: Vec<_> = (0..3).map(|_| share.for_as_long_as(long)).collect();
        assert!(places.iter().all(|(wait, place)| *wait == long && place.is_some()));
        for wanted in [long, None] {
            let (wait, place) = share.for_as_long_as(wanted);
            assert!(wait == Some(Duration::ZERO) && place.is_none(), "{wanted:?}");
        }
        places.pop();
        assert_eq!(share.for_as_long_as(Some(Duration::ZERO)).0, Some(Duration::ZERO));
        let (wait, place) = share.for_as_long_as(None);
        assert!(wait.is_none() && place.is_some(), "the place of one who left is free again");
    }

    #[test]
    fn who_fills_one_door_takes_nothing_from_the_other_or_from_browsers() {
        let waiting = Waiting::of_connections(256);
        let taken: Vec<_> = std::iter::from_fn(|| waiting.at(tcp()).place()).collect();
        let listening: Vec<_> = std::iter::from_fn(|| waiting.listening_at(tcp()).place()).collect();
        assert_eq!((taken.len(), listening.len()), (85, LISTENERS_ON_TCP));
        for free in [waiting.at(SOCKET), waiting.listening_at(SOCKET), waiting.in_browsers()] {
            assert!(free.place().is_some());
        }
    }

    #[tokio::test]
    async fn what_has_no_place_is_not_begun() {
        let waiting = Waiting::of_connections(3);
        let share = waiting.at(SOCKET);
        assert_eq!(share.during(async { Ok(1) }).await, Ok(1));
        let _place = share.place();
        let begun = async { unreachable!("without a place") };
        assert_eq!(share.during::<()>(begun).await, Err(Error::Busy));
    }
}
