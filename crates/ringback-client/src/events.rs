//! The stream of `GET /v1/events` (server-sent events, HTML standard §9.2), read event by event.

use std::time::Duration;

use crate::body::{refusal, unanswered};
use crate::contract::AccountEvent;
use crate::error::Error;
use crate::exchange::{Chunk, Chunked, Connection, ExchangeError, Request, Response, TimedStream, first_chunk};
use crate::transport::DaemonAddress;

/// The daemon sends something every 15 s; a silence of this length means that it no longer works.
const SILENCE: Duration = Duration::from_secs(45);
/// An event is about a hundred bytes.
const LONGEST: usize = 64 * 1024;

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
    stream: Box<dyn TimedStream>,
    chunked: Chunked,
    /// What was received and not yet taken apart: chunks, if the body is chunked.
    received: Vec<u8>,
    /// The body that has not been read as an event yet.
    body: Vec<u8>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    pub(crate) fn open(daemon: &DaemonAddress, agent: &'static str) -> Result<Self, Error> {
        let (mut stream, key) = daemon.open()?;
        let request = Request {
            method: "GET",
            target: "/v1/events",
            host: daemon.host(),
            accept: "text/event-stream",
            key: key.as_ref(),
            agent,
            body: None,
        };
        let mut connection = Connection::new(stream.as_mut(), SILENCE);
        let failed = |error: ExchangeError| unanswered(&error);
        connection.send(&request.bytes()).map_err(failed)?;
        let (head, rest) = connection.head().map_err(failed)?;
        if !(200..300).contains(&head.status) {
            let body = connection.body(&head, rest).map_err(failed)?;
            return Err(refusal(&Response { status: head.status, body }));
        }
        Ok(Self { stream, chunked: head.chunked, received: rest.to_vec(), body: Vec::new() })
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// The stream has ended, or the daemon has been silent for longer than it may be.
    pub fn wait(&mut self) -> Result<Happened, Error> {
        loop {
            let unchunked = self.unchunk();
            // What came before the end counts.
            if let Some(event) = self.taken() {
                return Ok(event);
            }
            unchunked.map_err(|error| unanswered(&error))?;
            if self.received.len() + self.body.len() > LONGEST {
                return Err(unanswered(&ExchangeError::TooLarge));
            }
            let mut chunk = [0_u8; 4096];
            let mut connection = Connection::new(self.stream.as_mut(), SILENCE);
            let read = connection.read(&mut chunk).and_then(|bytes| bytes.ok_or(ExchangeError::Truncated));
            self.received.extend_from_slice(read.map_err(|error| unanswered(&error))?);
        }
    }

    /// Moves what is complete of `received` to `body`.
    fn unchunk(&mut self) -> Result<(), ExchangeError> {
        if self.chunked == Chunked::No {
            self.body.append(&mut self.received);
            return Ok(());
        }
        while let Some(chunk) = first_chunk(&self.received)? {
            let Chunk::Data(data, after) = chunk else { return Err(ExchangeError::Truncated) };
            self.body.extend_from_slice(data);
            let taken = self.received.len() - after.len();
            self.received.drain(..taken);
        }
        Ok(())
    }

    /// The first event in `body`, taken out of it. Comments are passed over.
    fn taken(&mut self) -> Option<Happened> {
        while let Some(end) = self.body.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = self.body.drain(..end + 2).collect();
            let block = String::from_utf8_lossy(&block);
            let data: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("data:")).collect();
            if !data.is_empty() {
                let event = serde_json::from_str(&data.concat());
                return Some(event.map_or(Happened::Missed, Happened::Event));
            }
        }
        None
    }
}
