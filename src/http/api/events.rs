//! `GET /v1/events`: what happens to the accounts, as server-sent events (HTML standard, §9.2).

use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::response::sse::Event;

use crate::broker::events::{Received, Subscription};
use crate::http::event_stream::{self, EventSource};
use crate::http::gate::caller::Caller;
use crate::http::query;
use crate::http::reply::Reject;
use crate::http::state::Http;

/// One client.
struct EventStream {
    caller: Caller,
    http: Http,
    listener: Subscription,
}

pub(in crate::http) async fn stream(
    caller: Caller,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> Result<Response, Reject> {
    query::read(query.as_deref(), [])?;
    let place = http.waiting.stream_at(&caller).place();
    event_stream::reply(place, EventStream { caller, listener: http.broker.listen(), http })
}

impl EventSource for EventStream {
    /// The next event that concerns the caller; `None` once the daemon stops or the caller's key does.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let received = self.listener.next().await?;
            self.caller.still_may(self.http.clock.now().wall).ok()?;
            match received {
                Received::Missed(_) => return Some(event_stream::bare("missed")),
                Received::Event(event) if self.caller.sees(&event.account) => {
                    let data = serde_json::to_string(&event).ok()?;
                    return Some(Event::default().event(<&str>::from(event.event)).data(data));
                }
                Received::Event(_) => {}
            }
        }
    }
}
