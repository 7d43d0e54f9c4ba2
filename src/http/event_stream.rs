//! A reply of server-sent events (HTML standard, §9.2), which ends when its source does.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use super::reply::Reject;
use super::waiting::WaitingPlace;
use crate::error::{Error, Obstacle};

/// The interval of keep-alive comments, by which it is noticed that a client has gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What one client listens to.
pub(super) trait EventSource: Send + 'static {
    /// The next event; `None`: the stream ends.
    fn next(&mut self) -> impl Future<Output = Option<Event>> + Send;
}

/// Streams the events of `source` to a client that holds `place`, if there is one left.
pub(super) fn reply(place: Option<WaitingPlace>, source: impl EventSource) -> Result<Response, Reject> {
    let place = place.ok_or(Error::Obstacle(Obstacle::TooManyStreams))?;
    let events = stream::unfold((source, place), |(mut source, place)| async move {
        Some((Ok::<_, Infallible>(source.next().await?), (source, place)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// An event that only says that something happened.
pub(super) fn bare(name: &str) -> Event {
    Event::default().event(name).data("{\"version\":1}")
}
