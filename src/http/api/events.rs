//! `GET /v1/events`: what happens to the accounts, as server-sent events (HTML standard, §9.2).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use crate::broker::events::{Received, Subscription};
use crate::error::{Error, Obstacle};
use crate::http::gate::caller::Caller;
use crate::http::query;
use crate::http::reply::Reject;
use crate::http::state::Http;
use crate::http::waiting::WaitingPlace;

/// The interval of keep-alive comments, by which it is noticed that a client has gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One client, and the place that it takes.
struct EventStream {
    caller: Caller,
    http: Http,
    listener: Subscription,
    _place: WaitingPlace,
}

pub(in crate::http) async fn stream(
    caller: Caller,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> Result<Response, Reject> {
    query::read(query.as_deref(), [])?;
    let full = || Error::Obstacle(Obstacle::TooManyStreams);
    let place = http.waiting.stream_at(&caller).place().ok_or_else(full)?;
    let stream = EventStream { caller, listener: http.broker.listen(), _place: place, http };
    let events =
        stream::unfold(stream, |mut stream| async move { Some((Ok::<_, Infallible>(stream.next().await?), stream)) });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

impl EventStream {
    /// The next event that concerns the caller; `None` once the daemon stops or the caller's key does.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let received = self.listener.next().await?;
            self.caller.still_may(self.http.clock.now().wall).ok()?;
            match received {
                Received::Missed(_) => return Some(Event::default().event("missed").data("{\"version\":1}")),
                Received::Event(event) if self.caller.sees(&event.account) => {
                    let data = serde_json::to_string(&event).ok()?;
                    return Some(Event::default().event(<&str>::from(event.event)).data(data));
                }
                Received::Event(_) => {}
            }
        }
    }
}
