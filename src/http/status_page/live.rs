//! `GET /do/events`: tells an open status page that something changed, as server-sent events (HTML standard, §9.2). What
//! changed is not said: the page then asks for itself again, and nothing but the page shows anything.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use futures_util::FutureExt as _;
use tokio::sync::watch;

use crate::broker::events::Subscription;
use crate::http::event_stream::{self, EventSource};
use crate::http::gate::caller::Session;
use crate::http::reply::Reject;
use crate::http::state::Http;

/// What happens within this time is told by one event.
const PAUSE: Duration = Duration::from_millis(250);
/// How often the stream looks whether its session has ended.
const CHECK: Duration = Duration::from_secs(15);

/// What one page listens to.
struct PageStream {
    session: Session,
    http: Http,
    accounts: Subscription,
    questions: watch::Receiver<()>,
    scopes: watch::Receiver<()>,
    audit: Option<watch::Receiver<()>>,
}

pub(in crate::http) async fn events(session: Session, State(http): State<Http>) -> Result<Response, Reject> {
    let place = http.waiting.of_pages().place();
    let (accounts, questions, audit) = (http.broker.listen(), http.consents.bell(), http.audit.written());
    let scopes = http.broker.scope_bell();
    event_stream::reply(place, PageStream { session, http, accounts, questions, scopes, audit })
}

impl EventSource for PageStream {
    /// `None` once the session is over or the daemon stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let changed = tokio::time::timeout(CHECK, self.change()).await;
            if !self.http.sessions.lives(self.session.number, self.http.clock.now()) {
                return None;
            }
            match changed {
                Ok(None) => return None,
                Ok(Some(())) => break,
                Err(_) => {}
            }
        }
        tokio::time::sleep(PAUSE).await;
        while self.accounts.next().now_or_never().flatten().is_some() {}
        self.questions.mark_unchanged();
        self.scopes.mark_unchanged();
        if let Some(audit) = &mut self.audit {
            audit.mark_unchanged();
        }
        Some(event_stream::bare("changed"))
    }
}

impl PageStream {
    /// Waits until anything happens; `None`: the daemon stops.
    async fn change(&mut self) -> Option<()> {
        let written = async {
            match &mut self.audit {
                Some(audit) => audit.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = self.accounts.next() => event.map(drop),
            asked = self.questions.changed() => asked.ok(),
            asked = self.scopes.changed() => asked.ok(),
            written = written => written.ok(),
        }
    }
}
