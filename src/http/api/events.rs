//! `GET /v1/events`: what happens to the accounts, as server-sent events (HTML standard, §9.2).

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use axum::response::sse::Event;

use crate::broker::events::{Received, Subscription};
use crate::contract::{Lagged, LaggedEvent, VERSION};
use crate::http::event_stream::{self, EventSource};
use crate::http::gate::caller::Caller;
use crate::http::query;
use crate::http::reply::Reject;
use crate::http::state::Http;

/// The id of the last event that a client received before its stream broke off. Browsers send it by themselves.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// One client.
struct EventStream {
    caller: Caller,
    http: Http,
    listener: Subscription,
    /// What is sent next, before anything else.
    pending: Option<Event>,
}

pub(in crate::http) async fn stream(
    caller: Caller,
    State(http): State<Http>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Reject> {
    query::read(query.as_deref(), [])?;
    let place = http.waiting.stream_at(&caller).place();
    let listener = match last_event_id(&headers) {
        Some(id) => http.broker.listen_after(id),
        None => http.broker.listen(),
    };
    // An id without an event, by which a client resumes that has received nothing else.
    let pending = headers.get(&LAST_EVENT_ID).is_none().then(|| Event::default().id(listener.id()));
    event_stream::reply(place, EventStream { caller, http, listener, pending })
}

/// What a client says that it received last. What can't be an id of ours stands for one that is unknown.
fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(&LAST_EVENT_ID).iter();
    let id = values.next()?.to_str().unwrap_or_default();
    Some(if values.next().is_none() { id } else { "" })
}

impl EventSource for EventStream {
    /// The next event that concerns the caller; `None` once the daemon stops or the caller's key does.
    async fn next(&mut self) -> Option<Event> {
        if self.pending.is_some() {
            return self.pending.take();
        }
        loop {
            let received = self.listener.next().await?;
            self.caller.still_may(self.http.clock.now().wall).ok()?;
            match received {
                Received::Lagged(missed) => return self.lagged(missed),
                Received::Event(event) if self.caller.sees(&event.account) => {
                    let data = serde_json::to_string(&event).ok()?;
                    return Some(Event::default().id(self.listener.id()).event(<&str>::from(event.event)).data(data));
                }
                Received::Event(_) => {}
            }
        }
    }
}

impl EventStream {
    fn lagged(&mut self, missed: Option<u64>) -> Option<Event> {
        let id = self.listener.id();
        // The number counts the events of all accounts.
        let missed = missed.filter(|_| self.caller.sees_all());
        let event = LaggedEvent { version: VERSION, id: Some(id.clone()), event: Lagged::Lagged, missed };
        // Its name in 0.1.0, for programs that know no other.
        self.pending = Some(event_stream::bare("missed"));
        Some(Event::default().id(id).event("lagged").data(serde_json::to_string(&event).ok()?))
    }
}
