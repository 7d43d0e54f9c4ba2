//! The stream of `GET /v1/events` (server-sent events, HTML standard §9.2), read event by event, and resumed where it broke
//! off.

use std::time::Duration;

use crate::contract::{AccountEvent, LaggedEvent};
use crate::error::Error;
use crate::stream::{BodyStream, StreamRequest};
use crate::transport::DaemonAddress;

/// The daemon sends something every 15 s; a silence of this length means that it no longer works.
const SILENCE: Duration = Duration::from_secs(45);
/// The daemon's ids have less than half of it.
const LONGEST_ID: usize = 128;

/// What a stream of events says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// This happened to an account.
    Event(AccountEvent),
    /// Something happened that is not known: the caller was too slow, or gone for too long, the daemon was started again,
    /// or it is newer. Ask for the state of the accounts.
    Lagged {
        /// How many events are lost, if the daemon knows and the caller may.
        missed: Option<u64>,
    },
}

/// The events of the daemon's accounts, as they happen.
///
/// A stream ends when the daemon does. To go on where it ended:
///
/// ```no_run
/// # use ringback_client::{Client, DaemonOptions, Error};
/// # fn watch(client: &Client) -> Result<(), Error> {
/// let mut events = client.events()?;
/// loop {
///     match events.wait() {
///         Ok(happened) => println!("{happened:?}"),
///         Err(_) => {
///             while client.resume_events(&mut events).is_err() {
///                 std::thread::sleep(std::time::Duration::from_secs(1));
///             }
///         }
///     }
/// }
/// # }
/// ```
pub struct Events {
    stream: BodyStream,
    /// The id of the last event; an id may also come without an event.
    last_id: Option<String>,
    /// Whether the stream has an id. A daemon of 0.1.0 has none.
    has_ids: bool,
    /// Whether events were lost, which the caller has not been told.
    is_lost: bool,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("last_id", &self.last_id).finish_non_exhaustive()
    }
}

impl Events {
    pub(crate) fn open(daemon: &DaemonAddress, agent: &'static str, after: Option<&str>) -> Result<Self, Error> {
        let (method, target, accept) = ("GET", "/v1/events", "text/event-stream");
        let last_event_id = after.filter(|id| is_id(id));
        let asked = StreamRequest { method, target, accept, agent, last_event_id, body: None };
        let stream = BodyStream::open(daemon, &asked, SILENCE)?;
        // Not an id of the daemon: it is not sent, and what it stands for is not known.
        let is_lost = after.is_some() && last_event_id.is_none();
        Ok(Self { stream, last_id: last_event_id.map(str::to_owned), has_ids: false, is_lost })
    }

    /// Waits for the next event.
    ///
    /// # Errors
    /// The stream has ended, or the daemon has been silent for longer than it may be.
    /// [`Client::resume_events`](crate::Client::resume_events) opens it again.
    pub fn wait(&mut self) -> Result<Happened, Error> {
        loop {
            if std::mem::take(&mut self.is_lost) {
                return Ok(Happened::Lagged { missed: None });
            }
            let block = self.stream.until(b"\n\n")?;
            let block = String::from_utf8_lossy(&block);
            if let Some(happened) = self.read(&block) {
                return Ok(happened);
            }
        }
    }

    /// What a block says; `None` if it is a comment or an id alone.
    fn read(&mut self, block: &str) -> Option<Happened> {
        let (mut name, mut data, mut id) = ("", String::new(), None);
        for (field, value) in block.lines().filter_map(|line| line.split_once(':')) {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => name = value,
                "data" => data.push_str(value),
                "id" => id = Some(value),
                _ => {}
            }
        }
        if let Some(id) = id.filter(|id| is_id(id)) {
            (self.last_id, self.has_ids) = (Some(id.to_owned()), true);
        }
        // A daemon with ids has said this as `lagged`, and says it again for programs of 0.1.0.
        if data.is_empty() || name == "missed" && self.has_ids {
            return None;
        }
        let lagged = || serde_json::from_str::<LaggedEvent>(&data).ok().and_then(|lagged| lagged.missed);
        let event = serde_json::from_str(&data).ok();
        Some(event.map_or_else(|| Happened::Lagged { missed: lagged() }, Happened::Event))
    }

    /// The id after which the stream is resumed, if the daemon has said one: that of the last event, or of the time when
    /// the stream was opened. Ids of a daemon that was started again are others.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// Opens it again, after its last id.
    pub(crate) fn reopen(&mut self, daemon: &DaemonAddress, agent: &'static str) -> Result<(), Error> {
        let lost = self.is_lost || self.last_id.is_none();
        *self = Self::open(daemon, agent, self.last_id.as_deref())?;
        self.is_lost |= lost;
        Ok(())
    }
}

/// Whether the text can be an id, and stand in a header.
fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
