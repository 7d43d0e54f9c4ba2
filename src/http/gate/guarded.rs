//! The gate around a router: before routing comes the decision, and after the handler what every reply has.

use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::Response;
use futures_util::FutureExt as _;
use tower::Service as _;
use tracing::{Instrument as _, Span};

use super::caller::{Caller, LetIn, RequestId};
use super::headers::{self, Forwarded};
use super::trace::{is_for_an_upstream, log_one_line, logs_successes, name_route, span_of};
use super::{Admitted, Denied, Gate, asker, refusal, target};
use crate::http::listen::Answers;
use crate::http::negotiate::{self, ReplyFormat};
use crate::http::peer::Connection;
use crate::http::reply;
use crate::routes::{self, Access, Route, RouteMatch};

/// Answers some requests that were let in, which then need no router.
pub(in crate::http) trait Shortcut: Send + Sync {
    /// The reply, if nothing has to be waited for.
    fn at_once(&self, route: &Route, head: &Parts, caller: &Caller) -> Option<Response>;

    /// The reply that has to be waited for, which takes the request. `None`: the router answers it.
    fn unrouted(&self, route: &Route, request: &mut Request, caller: &Caller) -> Option<Unrouted>;
}

/// A reply that is being made.
pub(in crate::http) type Unrouted = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A router with the gate before it: around the router, not in it, so that it comes before routing.
#[derive(Clone)]
pub struct Guarded {
    gate: Gate,
    inner: Router,
    shortcut: Option<Arc<dyn Shortcut>>,
}

/// Puts the gate before `inner`.
pub fn guard(inner: Router, gate: Gate) -> Guarded {
    Guarded { gate, inner, shortcut: None }
}

impl Guarded {
    /// The same; what `shortcut` answers does not get to the router.
    #[must_use]
    pub(in crate::http) fn with_shortcut(self, shortcut: impl Shortcut + 'static) -> Self {
        Self { shortcut: Some(Arc::new(shortcut)), ..self }
    }

    /// A reply without routing, logs and spans, where the log's level lets nobody miss them.
    fn at_once(&self, admitted: &Result<Admitted, Denied>, found: RouteMatch, head: &Parts) -> Option<Response> {
        let (RouteMatch::Row(route), Ok(Admitted::Program(LetIn { caller, .. }))) = (found, admitted) else {
            return None;
        };
        let shortcut = self.shortcut.as_ref().filter(|_| !logs_successes())?;
        // As the router does for its handlers; what panicked here is answered there.
        panic::catch_unwind(AssertUnwindSafe(|| shortcut.at_once(route, head, caller))).ok().flatten()
    }

    /// By its handler.
    async fn handled(&self, mut request: Request, found: RouteMatch, admitted: Admitted) -> Response {
        if let (RouteMatch::Row(route), Admitted::Program(LetIn { caller, .. }), Some(shortcut)) =
            (found, &admitted, &self.shortcut)
        {
            // As the router does for its handlers.
            match panic::catch_unwind(AssertUnwindSafe(|| shortcut.unrouted(route, &mut request, caller))) {
                Ok(Some(reply)) => {
                    return AssertUnwindSafe(reply).catch_unwind().await.unwrap_or_else(reply::panicked);
                }
                Ok(None) => {}
                Err(panic) => return reply::panicked(panic),
            }
        }
        admitted.leave(request.extensions_mut());
        self.inner.clone().call(request).await.unwrap_or_else(|never| match never {})
    }

    /// By its handler, or as a refusal; an error is not written yet.
    async fn answered(
        &self,
        (mut head, body): (Parts, Body),
        connection: &Connection,
        found: RouteMatch,
        admitted: Result<Admitted, Denied>,
        id: RequestId,
    ) -> Response {
        match admitted {
            Ok(admitted) => {
                head.extensions.insert(connection.clone());
                self.handled(Request::from_parts(head, body), found, admitted).await
            }
            Err(denied) => {
                self.gate.note_denied(connection, found, &denied, id).await;
                if matches!(found, RouteMatch::Nothing) {
                    name_route("-", "-");
                }
                refusal::reply(denied.why)
            }
        }
    }
}

/// Whom the reply is for.
fn reader(found: RouteMatch, for_a_person: bool, host: Option<&HeaderValue>) -> ReplyFormat<'_> {
    match found {
        RouteMatch::Row(Route { access: Access::Client | Access::Gce, .. }) => ReplyFormat::OAuthClient,
        RouteMatch::Row(Route { access: Access::ManagedIdentity, .. }) => ReplyFormat::ManagedIdentity,
        _ if for_a_person => ReplyFormat::Person,
        _ => ReplyFormat::Program(host),
    }
}

impl Answers for Guarded {
    async fn answer(&self, request: Request, connection: &Connection) -> Response {
        let gate = &self.gate;
        let begun = gate.inner.clock.now();
        let id = gate.request_id();
        let (head, mut body) = request.into_parts();
        let found = routes::look_up(head.method.as_str(), head.uri.path(), |route| {
            gate.listener.serves(route, connection.peer)
        });
        let admitted = gate.admit(&head, &mut body, connection, found, id).await;
        let mut reply = if let Some(reply) = self.at_once(&admitted, found, &head) {
            reply
        } else {
            let asker = asker(&admitted);
            let host = target::host_for_urls(&head, connection);
            let for_a_person = negotiate::is_for_a_person(&head.headers);
            let audit = &gate.inner.audit;
            // Of what is forwarded, only a failure of our own is in the log, as a rule: the audit log has the rest.
            let is_logged = !is_for_an_upstream(found) || logs_successes() || !audit.is_on();
            let span = if is_logged { span_of(id, connection.peer, found) } else { Span::none() };
            let reply = self.answered((head, body), connection, found, admitted, id).instrument(span.clone()).await;
            if !is_logged && reply.extensions().get::<Forwarded>().is_some() {
                reply
            } else {
                let span = if is_logged { span } else { span_of(id, connection.peer, found) };
                span.in_scope(|| {
                    let reply = negotiate::written(reply, reader(found, for_a_person, host.as_ref()));
                    let took = begun.until(gate.inner.clock.now());
                    log_one_line((&gate.log, audit), &asker, &reply, found, took);
                    reply
                })
            }
        };
        gate.requests.count(found, reply.status());
        headers::put_on(&mut reply, id);
        reply
    }
}
