//! `GET /do/events`: tells an open status page that something changed, as server-sent events (HTML standard, §9.2). What
//! changed is not said: the page then asks for itself again, and nothing but the page shows anything.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{FutureExt as _, stream};
use tokio::sync::watch;

use crate::broker::events::Subscription;
use crate::error::{Error, Obstacle};
use crate::http::gate::caller::Session;
use crate::http::reply::Reject;
use crate::http::state::Http;
use crate::http::waiting::WaitingPlace;

/// What happens within this time is told by one event.
const PAUSE: Duration = Duration::from_millis(250);
/// How often the stream looks whether its session has ended, and the interval of keep-alive comments.
const CHECK: Duration = Duration::from_secs(15);

/// What one page listens to, and the place that it takes.
struct PageStream {
    session: Session,
    http: Http,
    accounts: Subscription,
    questions: watch::Receiver<()>,
    audit: Option<watch::Receiver<()>>,
    _place: WaitingPlace,
}

pub(in crate::http) async fn events(session: Session, State(http): State<Http>) -> Result<Response, Reject> {
    let place = http.waiting.of_pages().place().ok_or(Error::Obstacle(Obstacle::TooManyStreams))?;
    let (accounts, questions, audit) = (http.broker.listen(), http.consents.bell(), http.audit.written());
    let stream = PageStream { session, accounts, questions, audit, http, _place: place };
    let events =
        stream::unfold(stream, |mut stream| async move { Some((Ok::<_, Infallible>(stream.next().await?), stream)) });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(CHECK)).into_response())
}

impl PageStream {
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
        if let Some(audit) = &mut self.audit {
            audit.mark_unchanged();
        }
        Some(Event::default().event("changed").data("{\"version\":1}"))
    }

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
            written = written => written.ok(),
        }
    }
}
