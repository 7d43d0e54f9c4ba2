//! `GET /v1/events`: what happens to the accounts, as server-sent events (HTML standard, §9.2).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use super::gate::Caller;
use super::reject::Reject;
use super::waiting::WaitingPlace;
use super::{Http, query};
use crate::broker::events::{Received, Subscription};
use crate::error::{Error, Obstacle};

/// Between two signs of life: who has gone is noticed by them.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// One who listens, and the place that it takes.
struct EventStream {
    caller: Caller,
    http: Http,
    listener: Subscription,
    _place: WaitingPlace,
}

pub(super) async fn stream(
    caller: Caller,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> Result<Response, Reject> {
    query::read(query.as_deref(), [])?;
    let full = || Error::Obstacle(Obstacle::TooManyStreams);
    let place = http.waiting.listening_at(&caller).place().ok_or_else(full)?;
    let ear = EventStream { caller, listener: http.broker.listen(), _place: place, http };
    let events = stream::unfold(ear, |mut ear| async move { Some((Ok::<_, Infallible>(ear.next().await?), ear)) });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)).into_response())
}

impl EventStream {
    /// The next event that concerns the caller; `None` once the daemon stops or the caller's key does.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let heard = self.listener.next().await?;
            self.caller.still_may(&self.http).ok()?;
            match heard {
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
