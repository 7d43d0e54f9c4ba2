//! The cap on connections, and eviction: when all places are taken and more connections wait, idle ones are closed, as
//! many as are needed, the one that has been idle longest first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::peer::Transport;

/// All places, and those that TCP may have of them.
#[derive(Debug)]
pub(super) struct ConnectionCap {
    all: Pool,
    tcp: Pool,
}

#[derive(Debug)]
struct Pool {
    free: Arc<Semaphore>,
    wanted: Arc<Wanted>,
}

/// Those who wait for a place. There is a ticket for each: the connection that takes it gives its place back.
#[derive(Debug)]
struct Wanted {
    asking: Mutex<usize>,
    /// Who queues first is served first, so it is the connection that has been idle for longest.
    tickets: Semaphore,
}

/// Somebody waits, for as long as this lives.
struct Asking<'a>(&'a Wanted);

impl<'a> Asking<'a> {
    fn begin(wanted: &'a Wanted) -> Self {
        *wanted.asking() += 1;
        wanted.tickets.add_permits(1);
        Self(wanted)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut asking = self.0.asking();
        *asking -= 1;
        // A place that came free by itself leaves its ticket behind. That of another who waits may not go with it.
        self.0.tickets.forget_permits(self.0.tickets.available_permits().saturating_sub(*asking));
    }
}

impl Wanted {
    fn asking(&self) -> MutexGuard<'_, usize> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ticket(&self) {
        match self.tickets.acquire().await {
            Ok(ticket) => ticket.forget(),
            Err(_) => never_closed().await,
        }
    }
}

/// The tickets that one connection can take.
#[derive(Debug)]
pub(super) struct EvictionTickets {
    all: Arc<Wanted>,
    tcp: Option<Arc<Wanted>>,
}

impl EvictionTickets {
    /// Ready when this connection is the one that has to go.
    pub(super) async fn one(&self) {
        let Some(tcp) = &self.tcp else { return self.all.ticket().await };
        tokio::select! {
            () = tcp.ticket() => {}
            () = self.all.ticket() => {}
        }
    }
}

impl Pool {
    fn new(count: usize) -> Self {
        let wanted = Wanted { asking: Mutex::default(), tickets: Semaphore::new(0) };
        Self { free: Arc::new(Semaphore::new(count)), wanted: Arc::new(wanted) }
    }

    async fn one(&self) -> OwnedSemaphorePermit {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return permit;
        }
        let _asking = Asking::begin(&self.wanted);
        match Arc::clone(&self.free).acquire_owned().await {
            Ok(permit) => permit,
            // Without a permit there would be no cap.
            Err(_) => never_closed().await,
        }
    }
}

impl ConnectionCap {
    pub(super) fn new(count: usize) -> Self {
        Self { all: Pool::new(count), tcp: Pool::new(count - count / 4) }
    }

    /// Waits for a free place, *before* a connection is accepted. Who comes when the house is full waits in the
    /// kernel's queue and is served a little later; a 503 would make every caller write a retry loop.
    pub(super) async fn one(&self, kind: Transport) -> Vec<OwnedSemaphorePermit> {
        let mut permits = Vec::with_capacity(2);
        if kind == Transport::Tcp {
            // A full port is no reason to disturb the socket.
            permits.push(self.tcp.one().await);
        }
        permits.push(self.all.one().await);
        permits
    }

    /// How a connection of this kind learns that its place is needed.
    pub(super) fn tickets(&self, kind: Transport) -> EvictionTickets {
        let tcp = (kind == Transport::Tcp).then(|| Arc::clone(&self.tcp.wanted));
        EvictionTickets { all: Arc::clone(&self.all.wanted), tcp }
    }
}

/// Nobody closes these semaphores.
async fn never_closed<T>() -> T {
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    const MOMENT: Duration = Duration::from_millis(1);

    /// How many of `count` idle connections would go now.
    async fn going(places: &ConnectionCap, kind: Transport, count: usize) -> usize {
        let mut going = 0;
        for _ in 0..count {
            going += usize::from(timeout(MOMENT, places.tickets(kind).one()).await.is_ok());
        }
        going
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_connections_go_as_are_waited_for() {
        let places = ConnectionCap::new(4);
        assert_eq!(going(&places, Transport::Tcp, 9).await, 0, "there is room");
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(places.one(Transport::Unix).await);
        }
        assert_eq!(going(&places, Transport::Unix, 9).await, 0, "nobody waits");
        let (mut first, mut second) = (Box::pin(places.one(Transport::Unix)), Box::pin(places.one(Transport::Unix)));
        assert!(timeout(MOMENT, &mut first).await.is_err() && timeout(MOMENT, &mut second).await.is_err());
        assert_eq!((going(&places, Transport::Tcp, 1).await, going(&places, Transport::Unix, 9).await), (1, 1));
        held.truncate(2);
        let taken = (first.await, second.await);
        let third = Box::pin(places.one(Transport::Unix));
        assert!(timeout(MOMENT, third).await.is_err());
        assert_eq!(going(&places, Transport::Unix, 9).await, 0, "who waited has left, and the ticket is gone");
        drop(taken);
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_comes_free_by_itself_takes_nobody_elses_ticket_along() {
        let places = ConnectionCap::new(4);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(places.one(Transport::Unix).await);
        }
        let (mut first, mut second) = (Box::pin(places.one(Transport::Unix)), Box::pin(places.one(Transport::Unix)));
        assert!(timeout(MOMENT, &mut first).await.is_err() && timeout(MOMENT, &mut second).await.is_err());
        held.pop();
        first.await;
        assert_eq!(going(&places, Transport::Unix, 9).await, 1, "the second still waits");
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_port_disturbs_the_port_alone() {
        let places = ConnectionCap::new(4);
        let _held =
            (places.one(Transport::Tcp).await, places.one(Transport::Tcp).await, places.one(Transport::Tcp).await);
        let mut late = Box::pin(places.one(Transport::Tcp));
        assert!(timeout(MOMENT, &mut late).await.is_err());
        assert_eq!((going(&places, Transport::Unix, 9).await, going(&places, Transport::Tcp, 9).await), (0, 1));
    }
}
