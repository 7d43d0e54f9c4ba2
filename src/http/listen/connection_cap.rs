//! The cap on connections, and eviction: when all places are taken and more connections wait, idle ones are closed, as
//! many as are needed, the one that has been idle longest first.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until};

use crate::http::activity::{Activity, Places, now};
use crate::http::peer::Transport;

/// How long a connection has to be idle before it is evicted or closed by a shutdown. One that was accepted a moment
/// before would have its request on the way.
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// All places, and those that TCP may have of them.
#[derive(Debug)]
pub(super) struct ConnectionCap {
    all: Arc<Semaphore>,
    tcp: Arc<Semaphore>,
    open: Mutex<BTreeMap<u64, (Transport, Arc<Activity>)>>,
    accepted: AtomicU64,
}

/// Places for one connection.
#[derive(Debug)]
pub(super) struct Permits {
    kind: Transport,
    places: Places,
}

/// A connection's entry among the open ones, and its places. Gone when this is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection {
    cap: Arc<ConnectionCap>,
    number: u64,
    pub(super) activity: Arc<Activity>,
}

/// What came of an attempt to evict.
enum Eviction {
    /// This connection was told to go.
    Told(Arc<Activity>),
    /// None can be evicted before this.
    NotBefore(Instant),
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.cap.open().remove(&self.number);
        self.activity.gone();
    }
}

impl ConnectionCap {
    pub(super) fn new(count: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(count)),
            tcp: Arc::new(Semaphore::new(count - count / 4)),
            open: Mutex::default(),
            accepted: AtomicU64::new(0),
        }
    }

    /// Waits for a free place, *before* a connection is accepted. A connection that comes while all are taken waits in the
    /// kernel's queue and is served a little later; a 503 would make every caller write a retry loop.
    pub(super) async fn one(&self, kind: Transport) -> Permits {
        let tcp = match kind {
            // A full port is no reason to disturb the socket.
            Transport::Tcp => Some(self.place(&self.tcp, Some(kind)).await),
            Transport::Unix => None,
        };
        Permits { kind, places: [tcp, Some(self.place(&self.all, None).await)] }
    }

    /// Enters a connection that was accepted.
    pub(super) fn enter(self: &Arc<Self>, Permits { kind, places }: Permits) -> OpenConnection {
        let number = self.accepted.fetch_add(1, Ordering::Relaxed);
        let activity = Arc::new(Activity::new(places));
        self.open().insert(number, (kind, Arc::clone(&activity)));
        OpenConnection { cap: Arc::clone(self), number, activity }
    }

    async fn place(&self, places: &Arc<Semaphore>, of: Option<Transport>) -> OwnedSemaphorePermit {
        if let Ok(permit) = Arc::clone(places).try_acquire_owned() {
            return permit;
        }
        tokio::select! {
            biased;
            permit = Arc::clone(places).acquire_owned() => match permit {
                Ok(permit) => permit,
                // Nobody closes these semaphores, and without a permit there would be no cap.
                Err(_) => std::future::pending().await,
            },
            never = self.evict_one(of) => match never {},
        }
    }

    /// Evicts one connection of this kind, as soon as there is one that has been idle for long enough. Never ends: the
    /// place that comes free by it is another future's.
    async fn evict_one(&self, of: Option<Transport>) -> std::convert::Infallible {
        loop {
            match self.evict_longest_idle(of, now()) {
                Eviction::Told(activity) => {
                    // It may refuse, and its place may go to somebody who waited before us.
                    while activity.is_chosen() {
                        sleep(GRACE).await;
                    }
                }
                Eviction::NotBefore(due) => sleep_until(due).await,
            }
        }
    }

    /// Tells the connection of this kind to go that has been idle for longest, if that is long enough. Each is told by one
    /// waiter only.
    fn evict_longest_idle(&self, of: Option<Transport>, now: Instant) -> Eviction {
        let open = self.open();
        let fit = open.values().filter(|(kind, activity)| of.is_none_or(|of| of == *kind) && !activity.is_chosen());
        let idle = fit.filter_map(|(_, activity)| Some((activity.idle_since()?, activity)));
        match idle.min_by_key(|(since, _)| *since) {
            Some((since, activity)) if since + GRACE <= now => {
                activity.evict();
                Eviction::Told(Arc::clone(activity))
            }
            Some((since, _)) => Eviction::NotBefore(since + GRACE),
            // One that is in use now has to be idle for as long first.
            None => Eviction::NotBefore(now + GRACE),
        }
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, (Transport, Arc<Activity>)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    const MOMENT: Duration = Duration::from_millis(1);

    /// `count` open connections of this kind, accepted one after the other.
    async fn opened(cap: &Arc<ConnectionCap>, kind: Transport, count: usize) -> Vec<OpenConnection> {
        let mut open = Vec::new();
        for _ in 0..count {
            open.push(cap.enter(cap.one(kind).await));
            sleep(MOMENT).await;
        }
        open
    }

    /// Which of them were told to go, now that `waiting` more have waited for a while.
    async fn going(cap: &Arc<ConnectionCap>, kind: Transport, waiting: usize, open: &[OpenConnection]) -> Vec<bool> {
        let waiting = (0..waiting).map(|_| timeout(GRACE * 2, cap.one(kind)));
        futures_util::future::join_all(waiting).await;
        open.iter().map(|connection| connection.activity.is_chosen()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_connections_go_as_are_waited_for_and_the_longest_idle_goes_first() {
        let cap = Arc::new(ConnectionCap::new(4));
        let open = opened(&cap, Transport::Unix, 3).await;
        sleep(GRACE).await;
        assert_eq!(going(&cap, Transport::Unix, 1, &open).await, [false; 3], "there is room");
        let open: Vec<_> = open.into_iter().chain(opened(&cap, Transport::Unix, 1).await).collect();
        let busy = open[0].activity.begin();
        drop(open[1].activity.begin());
        assert_eq!(
            going(&cap, Transport::Unix, 2, &open).await,
            [false, false, true, true],
            "longest idle, then the next"
        );
        drop(busy);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_got_a_request_stays_and_another_goes() {
        let cap = Arc::new(ConnectionCap::new(4));
        let open = opened(&cap, Transport::Unix, 4).await;
        sleep(GRACE).await;
        let refuses = Arc::clone(&open[0].activity);
        let connection = tokio::spawn(async move {
            let _request = refuses.begin();
            refuses.evicted().await;
        });
        // As if it had been chosen before its request came.
        tokio::task::yield_now().await;
        open[0].activity.evict();
        assert_eq!(going(&cap, Transport::Unix, 1, &open).await, [false, true, false, false]);
        connection.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_port_evicts_connections_of_the_port_alone() {
        let cap = Arc::new(ConnectionCap::new(8));
        let socket = opened(&cap, Transport::Unix, 1).await;
        let tcp = opened(&cap, Transport::Tcp, 6).await;
        assert_eq!(going(&cap, Transport::Tcp, 1, &socket).await, [false]);
        assert!(tcp[0].activity.is_chosen() && !tcp[1].activity.is_chosen());
    }

    /// A connection that goes when it is told to.
    fn leaves_when_evicted(connection: OpenConnection) {
        tokio::spawn(async move {
            connection.activity.evicted().await;
            drop(connection);
        });
    }

    #[tokio::test(start_paused = true)]
    async fn each_of_several_waiters_gets_the_place_of_a_connection_that_becomes_idle() {
        let cap = Arc::new(ConnectionCap::new(2));
        let open = opened(&cap, Transport::Unix, 2).await;
        let requests: Vec<_> = open.iter().map(|connection| connection.activity.begin()).collect();
        open.into_iter().for_each(leaves_when_evicted);
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let cap = Arc::clone(&cap);
                tokio::spawn(async move { cap.one(Transport::Unix).await })
            })
            .collect();
        for request in requests {
            sleep(GRACE * 5).await;
            drop(request);
        }
        let mut places = Vec::new();
        for waiter in waiters {
            places.push(timeout(GRACE * 5, waiter).await.expect("a place").unwrap());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_place_of_a_connection_that_went_is_the_next_ones() {
        let cap = Arc::new(ConnectionCap::new(1));
        let mut open = opened(&cap, Transport::Unix, 1).await;
        let (waiting, first) = (Arc::clone(&cap), Arc::clone(&open[0].activity));
        let late = tokio::spawn(async move { waiting.one(Transport::Unix).await });
        timeout(GRACE * 2, first.evicted()).await.expect("it is told to go");
        open.pop();
        timeout(MOMENT, late).await.expect("the place is free").unwrap();
    }
}
