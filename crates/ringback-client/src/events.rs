//! The stream of `GET /v1/events` (server-sent events, HTML standard §9.2), read event by event.

use std::time::Duration;

use crate::contract::AccountEvent;
use crate::error::Error;
use crate::stream::{BodyStream, StreamRequest};
use crate::transport::DaemonAddress;

/// The daemon sends something every 15 s; a silence of this length means that it no longer works.
const SILENCE: Duration = Duration::from_secs(45);

/// What a stream of events says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// This happened to an account.
    Event(AccountEvent),
    /// Something happened that is not known, because the caller was too slow or the daemon is newer: ask for the state.
    Missed,
}

/// The events of the daemon's accounts, as they happen.
pub struct Events {
    stream: BodyStream,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    pub(crate) fn open(daemon: &DaemonAddress, agent: &'static str) -> Result<Self, Error> {
        let (method, target, accept) = ("GET", "/v1/events", "text/event-stream");
        let asked = StreamRequest { method, target, accept, agent, body: None };
        Ok(Self { stream: BodyStream::open(daemon, &asked, SILENCE)? })
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// The stream has ended, or the daemon has been silent for longer than it may be.
    pub fn wait(&mut self) -> Result<Happened, Error> {
        loop {
            let block = self.stream.until(b"\n\n")?;
            let block = String::from_utf8_lossy(&block);
            let data: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("data:")).collect();
            // Comments are passed over.
            if !data.is_empty() {
                let event = serde_json::from_str(&data.concat());
                return Ok(event.map_or(Happened::Missed, Happened::Event));
            }
        }
    }
}
