//! Places for connections: how many there are at once, and that those which nobody uses are given back when they run
//! short.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Which door a connection came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Tcp,
    Unix,
}

/// All places, and those that TCP may have of them.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    tcp: Arc<Semaphore>,
    /// How many wait for a place, told to the connections that could make room.
    asked_of_tcp: watch::Sender<usize>,
    asked_of_unix: watch::Sender<usize>,
}

/// Somebody waits, for as long as this lives.
struct Asking<'a>(&'a watch::Sender<usize>);

impl<'a> Asking<'a> {
    fn begin(of: &'a watch::Sender<usize>) -> Self {
        of.send_modify(|waiting| *waiting += 1);
        Self(of)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(count)),
            tcp: Arc::new(Semaphore::new(count - count / 4)),
            asked_of_tcp: watch::Sender::new(0),
            asked_of_unix: watch::Sender::new(0),
        }
    }

    /// Waits for a free place, *before* a connection is accepted. Who comes when the house is full waits in the
    /// kernel's queue and is served a little later; a 503 would make every caller write a retry loop.
    pub(super) async fn one(&self, kind: Kind) -> Vec<OwnedSemaphorePermit> {
        let mut permits = Vec::with_capacity(2);
        if kind == Kind::Tcp {
            // A full port is no reason to disturb the socket.
            permits.push(taken(&self.tcp, &[&self.asked_of_tcp]).await);
        }
        permits.push(taken(&self.all, &[&self.asked_of_tcp, &self.asked_of_unix]).await);
        permits
    }

    /// How many wait for a place that a connection of this kind could give back.
    pub(super) fn scarce(&self, kind: Kind) -> watch::Receiver<usize> {
        match kind {
            Kind::Tcp => self.asked_of_tcp.subscribe(),
            Kind::Unix => self.asked_of_unix.subscribe(),
        }
    }
}

async fn taken(free: &Arc<Semaphore>, of: &[&watch::Sender<usize>]) -> OwnedSemaphorePermit {
    if let Ok(permit) = Arc::clone(free).try_acquire_owned() {
        return permit;
    }
    let _asking: Vec<Asking> = of.iter().map(|of| Asking::begin(of)).collect();
    match Arc::clone(free).acquire_owned().await {
        Ok(permit) => permit,
        // It is never closed; without a permit there would be no cap, so wait.
        Err(_) => std::future::pending().await,
    }
}
