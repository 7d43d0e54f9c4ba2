//! One HTTP/1.1 request and its reply over a blocking stream. It deals with bytes and deadlines, not with routes or
//! with how the stream was opened.
//!
//! One request per connection, so there is no state to get wrong: `Connection: close`, then the reply
//! until its `Content-Length` or the end of the stream.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::os::boot_clock::since_boot;
use crate::secret::AppKey;

/// The daemon's heads are a few hundred bytes; a longer one comes from something else.
const HEAD_CAP: usize = 16 * 1024;
/// A reply with a thousand accounts is under half of this.
pub(crate) const BODY_CAP: usize = 1024 * 1024;
/// hyper's own default is 100; the daemon sends about ten.
const HEADERS: usize = 64;
/// Size of one read: larger than any usual reply.
const CHUNK: usize = 4096;

/// A request, without the things that every request has.
pub(crate) struct Request<'a> {
    /// `GET`, `POST` or `DELETE`.
    pub(crate) method: &'static str,
    /// Path and query, encoded.
    pub(crate) target: &'a str,
    /// Value of `Host`.
    pub(crate) host: &'a str,
    /// Value of `Accept`.
    pub(crate) accept: &'static str,
    /// The key for TCP; the socket needs none.
    pub(crate) key: Option<&'a AppKey>,
    /// Value of `User-Agent`.
    pub(crate) agent: &'static str,
    /// Value of `Last-Event-ID`: visible ASCII.
    pub(crate) last_event_id: Option<&'a str>,
    /// A JSON body.
    pub(crate) body: Option<&'a [u8]>,
}

/// A complete reply.
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// The body, at most [`BODY_CAP`] bytes. It may hold a token, so it is wiped when dropped.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// Why there is no complete reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The deadline passed.
    #[error("no complete reply came in time")]
    Timeout,
    /// The stream ended too early.
    #[error("the connection ended before the reply was complete")]
    Truncated,
    /// Longer than anything the daemon sends.
    #[error("the reply is too large for a reply of the daemon")]
    TooLarge,
    /// Not HTTP/1.
    #[error("the reply is not HTTP")]
    NotHttp,
    /// The stream failed.
    #[error("the connection failed: {0}")]
    Io(io::Error),
}

/// A stream whose reads and writes can be bounded.
pub(crate) trait TimedStream: Read + Write + Send {
    /// Bounds the next reads and writes; `span` is not zero.
    fn bound(&self, span: Duration) -> io::Result<()>;
}

impl TimedStream for UnixStream {
    fn bound(&self, span: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(span))?;
        self.set_write_timeout(Some(span))
    }
}

impl TimedStream for TcpStream {
    fn bound(&self, span: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(span))?;
        self.set_write_timeout(Some(span))
    }
}

/// Sends `request` and reads the reply; all of it together takes at most `timeout`.
pub(crate) fn exchange(
    wire: &mut dyn TimedStream,
    request: &Request<'_>,
    timeout: Duration,
) -> Result<Response, ExchangeError> {
    let mut connection = Connection::new(wire, timeout);
    connection.send(&request.bytes())?;
    let (head, rest) = connection.head()?;
    let body = connection.body(&head, rest)?;
    Ok(Response { status: head.status, body })
}

impl Request<'_> {
    /// The request as it is sent. Wiped afterwards: it may hold the key or a pasted code.
    pub(crate) fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let body = self.body.unwrap_or_default();
        // Everything is reserved at once: growing would leave copies of secrets behind.
        let key = self.key.map_or(0, |key| key.expose().len());
        let mut bytes =
            Zeroizing::new(Vec::with_capacity(512 + self.target.len() + self.host.len() + key + body.len()));
        let mut put = |parts: &[&str]| parts.iter().for_each(|part| bytes.extend_from_slice(part.as_bytes()));
        put(&[self.method, " ", self.target, " HTTP/1.1\r\nHost: ", self.host]);
        put(&["\r\nAccept: ", self.accept, "\r\nConnection: close\r\nUser-Agent: ", self.agent, "\r\n"]);
        if let Some(id) = self.last_event_id {
            put(&["Last-Event-ID: ", id, "\r\n"]);
        }
        // The key is exposed only here: no type but the request itself can carry it.
        if let Some(key) = self.key {
            put(&["Authorization: Bearer ", key.expose(), "\r\n"]);
        }
        if self.body.is_some() {
            put(&["Content-Type: application/json\r\n"]);
        }
        if self.method != "GET" {
            put(&["Content-Length: ", &body.len().to_string(), "\r\n"]);
        }
        put(&["\r\n"]);
        bytes.extend_from_slice(body);
        bytes
    }
}

/// The parts of a reply's head that are used.
pub(crate) struct Head {
    pub(crate) status: u16,
    length: Option<usize>,
    pub(crate) chunked: Chunked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunked {
    Yes,
    No,
}

/// A stream with a deadline for everything that is read and written.
pub(crate) struct Connection<'a> {
    wire: &'a mut dyn TimedStream,
    /// On the clock that includes sleep.
    deadline: Duration,
}

impl<'a> Connection<'a> {
    pub(crate) fn new(wire: &'a mut dyn TimedStream, timeout: Duration) -> Self {
        Self { wire, deadline: since_boot().saturating_add(timeout) }
    }

    fn bound(&self) -> Result<(), ExchangeError> {
        let left = self.deadline.saturating_sub(since_boot());
        if left.is_zero() {
            return Err(ExchangeError::Timeout);
        }
        self.wire.bound(left).map_err(ExchangeError::Io)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), ExchangeError> {
        self.bound()?;
        match self.wire.write_all(bytes) {
            // A daemon that refuses early may have answered already: the reply says more than EPIPE.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            sent => sent.map_err(timed),
        }
    }

    /// One read; `None` at the end of the stream.
    pub(crate) fn read<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>, ExchangeError> {
        loop {
            self.bound()?;
            match self.wire.read(buffer) {
                Ok(0) => return Ok(None),
                Ok(n) => return Ok(buffer.get(..n)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(timed(error)),
            }
        }
    }

    /// The head, and the part of the body that came with it.
    pub(crate) fn head(&mut self) -> Result<(Head, Zeroizing<Vec<u8>>), ExchangeError> {
        let mut got = Zeroizing::new(Vec::with_capacity(HEAD_CAP + CHUNK));
        let mut chunk = Zeroizing::new([0_u8; CHUNK]);
        loop {
            if let Some((head, length)) = parse_head(&got)? {
                let rest = got.get(length..).unwrap_or_default().to_vec();
                return Ok((head, Zeroizing::new(rest)));
            }
            if got.len() >= HEAD_CAP {
                return Err(ExchangeError::TooLarge);
            }
            let bytes = self.read(chunk.as_mut())?.ok_or(ExchangeError::Truncated)?;
            got.extend_from_slice(bytes);
        }
    }

    pub(crate) fn body(&mut self, head: &Head, rest: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, ExchangeError> {
        let Some(length) = head.length.filter(|_| head.chunked == Chunked::No) else {
            let body = self.until_end(rest)?;
            return if head.chunked == Chunked::Yes { unchunk(&body) } else { Ok(body) };
        };
        if length > BODY_CAP {
            return Err(ExchangeError::TooLarge);
        }
        let mut body = Zeroizing::new(Vec::with_capacity(length.max(rest.len()) + CHUNK));
        body.extend_from_slice(&rest);
        let mut chunk = Zeroizing::new([0_u8; CHUNK]);
        while body.len() < length {
            let bytes = self.read(chunk.as_mut())?.ok_or(ExchangeError::Truncated)?;
            body.extend_from_slice(bytes);
        }
        body.truncate(length);
        Ok(body)
    }

    fn until_end(&mut self, mut body: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, ExchangeError> {
        let mut chunk = Zeroizing::new([0_u8; CHUNK]);
        while let Some(bytes) = self.read(chunk.as_mut())? {
            if body.len() + bytes.len() > BODY_CAP {
                return Err(ExchangeError::TooLarge);
            }
            if body.capacity() - body.len() < bytes.len() {
                // Grown by hand: `Vec` would leave the old copy unwiped.
                let mut larger = Zeroizing::new(Vec::with_capacity((body.len() + CHUNK) * 2));
                larger.extend_from_slice(&body);
                body = larger;
            }
            body.extend_from_slice(bytes);
        }
        Ok(body)
    }
}

/// The head and its length, once all of it is there.
fn parse_head(bytes: &[u8]) -> Result<Option<(Head, usize)>, ExchangeError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut reply = httparse::Response::new(&mut headers);
    let length = match reply.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(ExchangeError::TooLarge),
        Err(_) => return Err(ExchangeError::NotHttp),
    };
    let mut head = Head { status: reply.code.ok_or(ExchangeError::NotHttp)?, length: None, chunked: Chunked::No };
    for header in reply.headers.iter() {
        let value = std::str::from_utf8(header.value).map_or("", str::trim);
        if header.name.eq_ignore_ascii_case("content-length") {
            head.length = Some(value.parse().map_err(|_| ExchangeError::NotHttp)?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return Err(ExchangeError::NotHttp);
            }
            head.chunked = Chunked::Yes;
        }
    }
    Ok(Some((head, length)))
}

/// The first chunk of some bytes (RFC 9112 §7.1).
pub(crate) enum Chunk<'a> {
    /// Its data, and what comes after it.
    Data(&'a [u8], &'a [u8]),
    /// The body has ended; trailers may follow.
    Last,
}

/// The chunk at the beginning of `bytes`; `None` if more of it has to come.
pub(crate) fn first_chunk(bytes: &[u8]) -> Result<Option<Chunk<'_>>, ExchangeError> {
    let (start, size) = match httparse::parse_chunk_size(bytes) {
        Ok(httparse::Status::Complete(chunk)) => chunk,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(ExchangeError::NotHttp),
    };
    if size == 0 {
        return Ok(Some(Chunk::Last));
    }
    let size = usize::try_from(size).map_err(|_| ExchangeError::TooLarge)?;
    let end = start.checked_add(size).ok_or(ExchangeError::TooLarge)?;
    let Some((data, after)) = bytes.get(start..end).zip(bytes.get(end..)) else { return Ok(None) };
    match after.strip_prefix(b"\r\n") {
        Some(after) => Ok(Some(Chunk::Data(data, after))),
        None if after.len() < 2 => Ok(None),
        None => Err(ExchangeError::NotHttp),
    }
}

/// The data of a whole chunked body; trailers are dropped.
fn unchunk(body: &[u8]) -> Result<Zeroizing<Vec<u8>>, ExchangeError> {
    let mut plain = Zeroizing::new(Vec::with_capacity(body.len()));
    let mut rest = body;
    while let Chunk::Data(data, after) = first_chunk(rest)?.ok_or(ExchangeError::Truncated)? {
        plain.extend_from_slice(data);
        rest = after;
    }
    Ok(plain)
}

/// A read or write that hit its bound reports one of two kinds, depending on the platform.
fn timed(error: io::Error) -> ExchangeError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ExchangeError::Timeout,
        _ => ExchangeError::Io(error),
    }
}
