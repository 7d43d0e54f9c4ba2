//! A concurrency limit for requests that wait: for a provider, a login, the user's answer. Each holds a connection, and
//! some connections have to stay free for requests that can be answered at once. TCP and the unix socket have separate
//! shares, so that a program with a key for the port takes nothing from the socket's owner.
//!
//! An app gets a place as long as it holds fewer than are left (a dynamic threshold, as switches share their buffers): one
//! app alone gets half of a share, the next one half of the rest, and so on. The owner's programs, which show no key, are
//! not told apart and may take what is left on the socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::gate::caller::Caller;
use super::peer::Transport;
use crate::apps::App;
use crate::error::Error;

/// Event streams at once on the socket: each holds a connection for as long as the client likes.
const STREAMS_ON_SOCKET: usize = 32;
/// The same over TCP.
const STREAMS_ON_TCP: usize = 16;
/// Requests that the proxy forwards at once over TCP, streams among them. They are beside the connections of the config,
/// and an app gets half of those that are left.
const PROXIED_ON_TCP: usize = 512;
/// The same on the socket.
const PROXIED_ON_SOCKET: usize = 256;
/// Status pages that listen at once. Only the ones that somebody looks at do.
const STREAMS_OF_PAGES: usize = 16;

/// How many requests wait, and how many may. Takes no lock, since every token request passes here. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Waiting {
    tcp: TransportShare,
    socket: TransportShare,
    browsers: Share,
    pages: Share,
}

#[derive(Debug, Clone)]
struct TransportShare {
    programs: Share,
    streams: Share,
    proxied: Share,
}

/// A counter with a limit.
#[derive(Debug, Clone)]
struct Share {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// A share as one caller finds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seats<'a> {
    share: &'a Share,
    /// What the caller has of all shares of the kind, if it is an app.
    held: Option<&'a Arc<AtomicUsize>>,
}

/// One place of a share, until this is dropped.
#[derive(Debug)]
pub(super) struct WaitingPlace {
    _taken: WaitingCount,
    _held: Option<WaitingCount>,
}

/// Adds one to a counter, until this is dropped.
#[derive(Debug)]
struct WaitingCount(Arc<AtomicUsize>);

impl Waiting {
    /// For a server of so many connections. A third of them may wait on each transport, and a sixteenth in browsers: less
    /// than TCP gets (three quarters), and less than there are.
    pub fn of_connections(connections: usize) -> Self {
        let share = |streams, proxied| TransportShare {
            programs: Share::new(connections / 3),
            streams: Share::new(streams),
            proxied: Share::new(proxied),
        };
        let browsers = Share::new(connections / 16);
        let pages = Share::new(STREAMS_OF_PAGES);
        Self {
            tcp: share(STREAMS_ON_TCP, PROXIED_ON_TCP),
            socket: share(STREAMS_ON_SOCKET, PROXIED_ON_SOCKET),
            browsers,
            pages,
        }
    }

    /// For a program, by its transport.
    pub(super) fn at<'a>(&'a self, caller: &'a Caller) -> Seats<'a> {
        let held = limited(caller).map(|app| &app.waiting);
        Seats { share: &self.over(caller.transport()).programs, held }
    }

    /// For browsers with a session or a ticket. They have to use TCP, where programs with a key may have taken the whole
    /// share.
    pub(super) fn in_browsers(&self) -> Seats<'_> {
        Seats { share: &self.browsers, held: None }
    }

    /// For a status page that waits for changes.
    pub(super) fn of_pages(&self) -> Seats<'_> {
        Seats { share: &self.pages, held: None }
    }

    /// For a program that reads the event stream.
    pub(super) fn stream_at<'a>(&'a self, caller: &'a Caller) -> Seats<'a> {
        let held = limited(caller).map(|app| &app.listening);
        Seats { share: &self.over(caller.transport()).streams, held }
    }

    /// How many requests wait now, by what they came over.
    pub(super) fn now(&self) -> [(&'static str, usize); 3] {
        let held = |share: &Share| share.taken.load(Ordering::Relaxed);
        [("tcp", held(&self.tcp.programs)), ("unix", held(&self.socket.programs)), ("browser", held(&self.browsers))]
    }

    /// For a program whose request is forwarded.
    pub(super) fn proxied_at<'a>(&'a self, caller: &'a Caller) -> Seats<'a> {
        let held = limited(caller).map(|app| &app.proxying);
        Seats { share: &self.over(caller.transport()).proxied, held }
    }

    fn over(&self, transport: Transport) -> &TransportShare {
        match transport {
            Transport::Tcp => &self.tcp,
            Transport::Unix => &self.socket,
        }
    }
}

impl Share {
    fn new(most: usize) -> Self {
        Self { taken: Arc::default(), most: most.max(1) }
    }
}

/// The app that the limit is for. An app with every right counts as the owner, as a program on the socket does.
fn limited(caller: &Caller) -> Option<&App> {
    caller.app().filter(|app| !app.rights.is_all())
}

impl Seats<'_> {
    /// A place, if one is left for this caller.
    pub(super) fn place(self) -> Option<WaitingPlace> {
        let (taken, before) = WaitingCount::one_more(&self.share.taken);
        let left = self.share.most.saturating_sub(before);
        let held = self.held.map(WaitingCount::one_more);
        let fits = left > 0 && held.as_ref().is_none_or(|(_, held)| *held < left);
        fits.then(|| WaitingPlace { _taken: taken, _held: held.map(|(counted, _)| counted) })
    }

    /// Does `work`, which may take as long as a provider does. If no place is left, it is not started.
    pub(super) async fn during<T>(self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let _place = self.place().ok_or(Error::Busy)?;
        work.await
    }

    /// How long a caller that asks for `wanted` may wait, and its place meanwhile. If no place is left, it is answered at
    /// once, as with `wait=0`.
    pub(super) fn for_as_long_as(self, wanted: Option<Duration>) -> (Option<Duration>, Option<WaitingPlace>) {
        if wanted == Some(Duration::ZERO) {
            return (wanted, None);
        }
        match self.place() {
            Some(place) => (wanted, Some(place)),
            None => (Some(Duration::ZERO), None),
        }
    }
}

impl WaitingCount {
    /// Adds one, and tells how many there were before.
    fn one_more(count: &Arc<AtomicUsize>) -> (Self, usize) {
        let counted = Self(Arc::clone(count));
        let before = count.fetch_add(1, Ordering::Relaxed);
        (counted, before)
    }
}

impl Drop for WaitingCount {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting_for(most: usize) -> (Share, Option<Duration>) {
        (Share::new(most), Some(Duration::from_secs(600)))
    }

    fn owner(share: &Share) -> Seats<'_> {
        Seats { share, held: None }
    }

    #[test]
    fn so_many_may_wait_and_the_others_are_told_at_once() {
        let (share, long) = waiting_for(3);
        let seats = owner(&share);
        let mut places: Vec<_> = (0..3).map(|_| seats.for_as_long_as(long)).collect();
        assert!(places.iter().all(|(wait, place)| *wait == long && place.is_some()));
        for wanted in [long, None] {
            let (wait, place) = seats.for_as_long_as(wanted);
            assert!(wait == Some(Duration::ZERO) && place.is_none(), "{wanted:?}");
        }
        places.pop();
        assert_eq!(seats.for_as_long_as(Some(Duration::ZERO)).0, Some(Duration::ZERO));
        let (wait, place) = seats.for_as_long_as(None);
        assert!(wait.is_none() && place.is_some(), "the place of one who left is free again");
    }

    /// As many places as there are for this caller.
    fn all(seats: Seats<'_>) -> Vec<WaitingPlace> {
        std::iter::from_fn(|| seats.place()).collect()
    }

    #[test]
    fn no_app_keeps_out_the_next_nor_the_owner() {
        for (most, each) in
            [(1, [1, 0, 0, 0]), (2, [1, 1, 0, 0]), (10, [5, 3, 1, 1]), (16, [8, 4, 2, 1]), (85, [43, 21, 11, 5])]
        {
            let share = Share::new(most);
            let counts: [Arc<AtomicUsize>; 4] = Default::default();
            let taken: Vec<_> = counts.iter().map(|held| all(Seats { share: &share, held: Some(held) })).collect();
            assert_eq!(taken.iter().map(Vec::len).collect::<Vec<_>>(), each, "of {most}");
            let sum: usize = each.iter().sum();
            assert_eq!(all(owner(&share)).len(), most - sum, "the owner takes what is left of {most}");
            drop(taken);
            assert!(counts.iter().all(|held| held.load(Ordering::Relaxed) == 0));
            assert_eq!(all(owner(&share)).len(), most, "all are free again, and what was refused counts for nobody");
        }
    }

    #[test]
    fn who_fills_one_transport_takes_nothing_from_the_other_or_from_browsers() {
        let waiting = Waiting::of_connections(256);
        let [tcp, socket] = [&waiting.tcp, &waiting.socket];
        let taken = (all(owner(&tcp.programs)), all(owner(&tcp.streams)));
        assert_eq!((taken.0.len(), taken.1.len()), (85, STREAMS_ON_TCP));
        for free in [owner(&socket.programs), owner(&socket.streams), waiting.in_browsers(), waiting.of_pages()] {
            assert!(free.place().is_some());
        }
    }

    #[tokio::test]
    async fn what_has_no_place_is_not_begun() {
        let share = Share::new(1);
        let seats = owner(&share);
        assert_eq!(seats.during(async { Ok(1) }).await, Ok(1));
        let _place = seats.place();
        let begun = async { unreachable!("without a place") };
        assert_eq!(seats.during::<()>(begun).await, Err(Error::Busy));
    }
}
