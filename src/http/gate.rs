//! The gate: one layer before routing that every request passes. What no rule admits is refused.
//!
//! The rules themselves are pure (`gate/rules.rs`). Here is what goes around them: authentication by key, the delay after
//! wrong keys, the audit log's line, and the order of it all.

pub(super) mod account;
mod browser;
pub(super) mod caller;
mod facts;
pub(super) mod headers;
mod proof;
mod refusal;
mod rules;
mod target;
#[cfg(test)]
mod tests;
pub(super) mod trace;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use tracing::Instrument as _;

use super::listen::request_count::Evictable;
use super::log_limit::{LogKey, LogLimit};
use super::negotiate::{self, ReplyFormat};
use super::peer::{Connection, Peer};
use super::session::{self, Sessions};
use crate::apps::{App, Apps, Stranger};
use crate::audit::AuditLog;
use crate::clock::Clock;
use crate::contract::{AuditEvent, ErrorCode};
use crate::routes::{self, Access, Route, RouteMatch};
use caller::{Caller, LetIn, Session};
use facts::RequestFacts;
use proof::Proof;
use refusal::GateRefusal;
use trace::{log_one_line, name_route, span_of};

/// The gate's state. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<GateInner>,
    log: LogLimit,
    /// See [`Route::is_on_callback_listeners`].
    callback_listener: bool,
    /// Whether programs of other users may ask over TCP, with a key.
    other_users: bool,
}

struct GateInner {
    apps: Apps,
    audit: AuditLog,
    sessions: Sessions,
    clock: Clock,
    /// Wrong keys since the last right one.
    wrong_keys: AtomicU32,
    /// Request ids: this process's random half, and a count.
    process: u32,
    served: AtomicU64,
}

/// The delay after the first wrong key; it doubles with each.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The longest delay: a key has 256 bits, so this is about noise in the log, not about guessing.
const LONGEST_DELAY: Duration = Duration::from_secs(2);

impl Gate {
    /// A gate that admits only `apps` over TCP.
    pub fn new(apps: Apps, audit: AuditLog, sessions: Sessions, clock: Clock) -> Self {
        let (wrong_keys, served) = (AtomicU32::new(0), AtomicU64::new(0));
        Self {
            inner: Arc::new(GateInner { apps, audit, sessions, clock, wrong_keys, process: rand::random(), served }),
            log: LogLimit::default(),
            callback_listener: false,
            other_users: false,
        }
    }

    /// The same; with `allowed`, programs of other users of this machine may ask over TCP, with a key.
    #[must_use]
    pub fn with_other_users(self, allowed: bool) -> Self {
        Self { other_users: allowed, ..self }
    }

    /// The same, with a limit on log lines that others share.
    #[must_use]
    pub fn with_log(self, log: LogLimit) -> Self {
        Self { log, ..self }
    }

    /// The same for callback listeners, where only the routes of a login are served. A redirect URI of a port of its own
    /// may have a path that the daemon's own listeners have another use for. No program asks there, so no other user
    /// does either.
    #[must_use]
    pub fn for_callback_listeners(self) -> Self {
        Self { callback_listener: true, other_users: false, ..self }
    }

    fn serves(&self, route: &Route) -> bool {
        !self.callback_listener || route.is_on_callback_listeners()
    }

    fn request_id(&self) -> String {
        format!("{:08x}{:08x}", self.inner.process, self.inner.served.fetch_add(1, Ordering::Relaxed))
    }

    /// Authenticates the caller: the app, or `None` for a process of our user. A wrong key is answered after a delay, which
    /// grows with each.
    async fn authenticate(
        &self,
        facts: &RequestFacts<'_>,
        connection: Option<&Evictable>,
    ) -> Result<Option<Arc<App>>, GateRefusal> {
        let now = self.inner.clock.now().wall;
        let app = match proof::proof(facts)? {
            Proof::SameUser => None,
            Proof::Key(shown) => Some(match self.inner.apps.identify(shown, now) {
                Ok(app) => app,
                Err(Stranger::Expired) => return Err(GateRefusal::ExpiredKey),
                Err(Stranger::Unknown) => {
                    let before = self.inner.wrong_keys.fetch_add(1, Ordering::Relaxed);
                    // Every user of the machine can show a wrong key, and would hold a connection by it.
                    let _needed_less = connection.map(Evictable::now);
                    tokio::time::sleep(delay_after(before)).await;
                    return Err(GateRefusal::WrongKey);
                }
            }),
        };
        if let Some(app) = &app {
            self.inner.wrong_keys.store(0, Ordering::Relaxed);
            self.inner.apps.used(app, facts.peer.ip(), now);
        }
        Ok(app)
    }

    /// Audits a refusal, if it is for what the sender showed or is; most of the others are noise.
    async fn note_denied(&self, head: &Parts, found: RouteMatch, denied: &Denied, id: &str) {
        let RouteMatch::Row(route) = found else { return };
        let refused = denied.why;
        let Some(reason) = refused.denies().filter(|_| route.access.needs_proof() && self.inner.audit.is_on()) else {
            return;
        };
        let connection = head.extensions.get::<Connection>().cloned();
        let Some(connection) = connection else { return };
        let who = Caller::new(denied.app.clone(), connection.peer, connection.executable, id);
        let mut line = who.line(AuditEvent::Denied, self.inner.clock.now().wall);
        line.result = ErrorCode::Unauthorized.row().name.into();
        line.reason = Some(format!("{reason}: {} {}", route.method.as_str(), route.path));
        match denied.app {
            Some(_) => self.inner.audit.note(line).await,
            None => self.inner.audit.note_stranger(reason, line).await,
        }
    }
}

/// A refusal, and of whom.
struct Denied {
    why: GateRefusal,
    /// Whose key was shown, if it was a good one.
    app: Option<Arc<App>>,
}

impl From<GateRefusal> for Denied {
    fn from(why: GateRefusal) -> Self {
        Self { why, app: None }
    }
}

/// Who was admitted.
enum Admitted {
    /// Everybody may, or a secret in the path decides.
    Anybody,
    /// A process of our user, or a browser with a session.
    Owner,
    /// An app.
    App(Arc<App>),
}

/// Whose request is answered, admitted or not.
fn asker(admitted: &Result<Admitted, Denied>) -> LogKey<'_> {
    match admitted {
        Ok(Admitted::Owner) => LogKey::Owner,
        Ok(Admitted::App(app)) | Err(Denied { app: Some(app), .. }) => LogKey::App(app),
        Ok(Admitted::Anybody) | Err(Denied { app: None, .. }) => LogKey::Stranger,
    }
}

/// The delay for a wrong key that comes after `before` others.
fn delay_after(before: u32) -> Duration {
    FIRST_DELAY.saturating_mul(1 << before.min(5)).min(LONGEST_DELAY)
}

/// Puts the gate before `inner`: around the router, not into it, so that it comes before routing.
pub fn guard(inner: Router, gate: Gate) -> Router {
    Router::new().fallback_service(inner).layer(middleware::from_fn_with_state(gate, pass))
}

async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let begun = gate.inner.clock.now();
    let id = gate.request_id();
    // The rules see the head only; a body can't be shared while they wait.
    let (mut head, body) = request.into_parts();
    let found = routes::look_up(head.method.as_str(), head.uri.path(), |route| gate.serves(route));
    let span = span_of(&id, &head, found);
    let host = host_for_urls(&head);
    let for_a_person = negotiate::is_for_a_person(&head.headers);
    async move {
        let admitted = admit(&gate, &mut head, found, &id).await;
        let reply = match &admitted {
            Ok(_) => next.run(Request::from_parts(head, body)).await,
            Err(denied) => {
                gate.note_denied(&head, found, denied, &id).await;
                if matches!(found, RouteMatch::Nothing) {
                    name_route("-", "-");
                }
                refusal::reply(denied.why)
            }
        };
        let reader = if for_a_person { ReplyFormat::Person } else { ReplyFormat::Program(host.as_ref()) };
        let mut reply = negotiate::written(reply, reader);
        headers::put_on(&mut reply, &id);
        log_one_line(&gate.log, &asker(&admitted), &reply, found, begun.until(gate.inner.clock.now()));
        reply
    }
    .instrument(span)
    .await
}

/// Decides, and leaves the caller for the extractors.
async fn admit(gate: &Gate, head: &mut Parts, found: RouteMatch, id: &str) -> Result<Admitted, Denied> {
    let Some(Connection { peer, executable, .. }) = head.extensions.get().cloned() else {
        return Err(GateRefusal::Foreign("the request came in by no listener of ours").into());
    };
    let (method, uri, version, headers) = (&head.method, &head.uri, head.version, &head.headers);
    let facts = RequestFacts { method, uri, version, headers, peer, other_users: gate.other_users };
    let access = rules::decide(&facts, found)?;
    if access.needs_proof() {
        // Only rows ask for a proof.
        let RouteMatch::Row(route) = found else { return Err(GateRefusal::NoRoute.into()) };
        let app = gate.authenticate(&facts, head.extensions.get()).await?;
        if let Some(app) = &app {
            let beyond = |why| Denied { why, app: Some(Arc::clone(app)) };
            proof::suffices(&app.rights, route).map_err(beyond)?;
        }
        let caller = Caller::new(app.clone(), peer, executable, id);
        head.extensions.insert(LetIn { caller, reach: route.reach });
        return Ok(app.map_or(Admitted::Owner, Admitted::App));
    }
    if access == Access::Session {
        // No browser comes over the socket.
        let Peer::Tcp { port, .. } = peer else { return Err(GateRefusal::NoSession.into()) };
        let cookies = session::sent_cookies(&head.headers, port);
        let number = gate.inner.sessions.find(cookies.into_iter(), gate.inner.clock.now());
        let number = number.ok_or(GateRefusal::NoSession)?;
        head.extensions.insert(Session::new(number, Caller::new(None, peer, executable, id)));
        return Ok(Admitted::Owner);
    }
    Ok(Admitted::Anybody)
}

/// The `Host` by which paths in replies are made absolute. Over the socket there is no such URL.
fn host_for_urls(head: &Parts) -> Option<HeaderValue> {
    let connection = head.extensions.get::<Connection>()?;
    matches!(connection.peer, Peer::Tcp { .. }).then(|| head.headers.get(header::HOST).cloned()).flatten()
}
