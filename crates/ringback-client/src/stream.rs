//! A reply that goes on: its body as it arrives, whether it comes in chunks or not.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::body::{refusal, unanswered};
use crate::error::Error;
use crate::exchange::{Chunk, Chunked, Connection, ExchangeError, Request, Response, TimedStream, first_chunk};
use crate::transport::DaemonAddress;

/// What was received and not yet taken may have this length; nothing that the daemon streams does.
const LONGEST: usize = 64 * 1024;
/// Room from the beginning on, so that what is usual never moves: it may be a secret.
const USUAL: usize = 8 * 1024;

/// What is asked for.
pub(crate) struct StreamRequest<'a> {
    pub(crate) method: &'static str,
    pub(crate) target: &'static str,
    pub(crate) accept: &'static str,
    /// Value of `User-Agent`.
    pub(crate) agent: &'static str,
    /// As in [`Request`].
    pub(crate) last_event_id: Option<&'a str>,
    pub(crate) body: Option<&'a [u8]>,
}

/// The connection, and what was received of the body. It closes when this is dropped.
pub(crate) struct BodyStream {
    stream: Box<dyn TimedStream>,
    chunked: Chunked,
    /// What was received and not yet taken apart: chunks, if the body is chunked.
    received: Zeroizing<Vec<u8>>,
    /// The body that has not been taken yet.
    body: Zeroizing<Vec<u8>>,
    /// The daemon is gone if it sends nothing for this long.
    silence: Duration,
}

impl BodyStream {
    /// Asks, and reads the head of the reply.
    pub(crate) fn open(daemon: &DaemonAddress, asked: &StreamRequest<'_>, silence: Duration) -> Result<Self, Error> {
        let (mut stream, key) = daemon.open()?;
        let StreamRequest { method, target, accept, agent, last_event_id, body } = *asked;
        let (host, key) = (daemon.host(), key.as_ref());
        let request = Request { method, target, host, accept, key, agent, last_event_id, body };
        let mut connection = Connection::new(stream.as_mut(), silence);
        let failed = |error: ExchangeError| unanswered(&error);
        connection.send(&request.bytes()).map_err(failed)?;
        let (head, rest) = connection.head().map_err(failed)?;
        if !(200..300).contains(&head.status) {
            let body = connection.body(&head, rest).map_err(failed)?;
            return Err(refusal(&Response { status: head.status, body }));
        }
        let mut received = Zeroizing::new(Vec::with_capacity(USUAL.max(rest.len())));
        received.extend_from_slice(&rest);
        let body = Zeroizing::new(Vec::with_capacity(USUAL));
        Ok(Self { stream, chunked: head.chunked, received, body, silence })
    }

    /// The body up to and with the next `end`, without what was taken before. Waits for it.
    pub(crate) fn until(&mut self, end: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        loop {
            let unchunked = self.unchunk();
            // What came before the end of the stream counts.
            if let Some(place) = self.body.windows(end.len()).position(|bytes| bytes == end) {
                return Ok(Zeroizing::new(self.body.drain(..place + end.len()).collect()));
            }
            unchunked.map_err(|error| unanswered(&error))?;
            if self.received.len() + self.body.len() > LONGEST {
                return Err(unanswered(&ExchangeError::TooLarge));
            }
            let mut chunk = Zeroizing::new([0_u8; 4096]);
            let mut connection = Connection::new(self.stream.as_mut(), self.silence);
            let read = connection.read(chunk.as_mut()).and_then(|bytes| bytes.ok_or(ExchangeError::Truncated));
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
}
