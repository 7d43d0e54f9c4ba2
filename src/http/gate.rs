//! The gate: one layer before routing that every request passes. What no rule admits is refused.
//!
//! The rules themselves are pure (`gate/rules.rs`). Here is what goes around them: authentication by key, the delay after
//! wrong keys, the audit log's line, and the order of it all.

pub(super) mod account;
mod browser;
pub(super) mod caller;
mod client;
mod facts;
pub(super) mod guarded;
pub(super) mod headers;
mod key_check;
mod listener;
mod proof;
mod refusal;
mod rules;
mod target;
#[cfg(test)]
mod tests;
pub(super) mod trace;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::Extensions;
use axum::http::request::Parts;

use super::log_limit::{LogKey, LogLimit};
use super::peer::{Connection, Peer};
use super::request_counts::RequestCounts;
use super::session::{self, Sessions};
use super::token_request::TokenRequest;
use crate::apps::{App, Apps};
use crate::audit::AuditLog;
use crate::clock::Clock;
use crate::contract::{AuditEvent, ErrorCode};
use crate::routes::{Access, RouteMatch};
use caller::{Caller, LetIn, RequestId, Session};
use facts::RequestFacts;
use key_check::KeyCheck;
use listener::GateListener;
pub(crate) use listener::{ExtraGate, ExtraProof};
use proof::Proof;
use refusal::GateRefusal;

/// The gate's state. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<GateInner>,
    log: LogLimit,
    listener: GateListener,
    requests: RequestCounts,
    /// Whether programs of other users may ask over TCP, with a key.
    other_users: bool,
}

struct GateInner {
    keys: KeyCheck,
    audit: AuditLog,
    sessions: Sessions,
    clock: Clock,
    /// Request ids: this process's random quarter, and a count.
    process: u16,
    served: AtomicU64,
}

impl Gate {
    /// A gate that admits only `apps` over TCP.
    pub fn new(apps: Apps, audit: AuditLog, sessions: Sessions, clock: Clock) -> Self {
        let (keys, served) = (KeyCheck::new(apps), AtomicU64::new(0));
        Self {
            inner: Arc::new(GateInner { keys, audit, sessions, clock, process: rand::random(), served }),
            log: LogLimit::default(),
            listener: GateListener::Own,
            requests: RequestCounts::default(),
            other_users: false,
        }
    }

    /// The same; with `allowed`, programs of other users of this machine may ask over TCP, with a key.
    #[must_use]
    pub(crate) fn with_other_users(self, allowed: bool) -> Self {
        Self { other_users: allowed, ..self }
    }

    /// The same, with a limit on log lines that others share.
    #[must_use]
    pub fn with_log(self, log: LogLimit) -> Self {
        Self { log, ..self }
    }

    /// The same, with counts of its requests that others read.
    #[must_use]
    pub(crate) fn with_counts(self, requests: RequestCounts) -> Self {
        Self { requests, ..self }
    }

    /// The same for callback listeners, where only the routes of a login are served. A redirect URI of a port of its own
    /// may have a path that the daemon's own listeners have another use for. No program asks there, so no other user
    /// does either.
    #[must_use]
    pub(super) fn for_callback_listeners(self) -> Self {
        Self { listener: GateListener::Callback, other_users: false, ..self }
    }

    /// The same for an additional listener, which serves [`Route::is_on_extra_listeners`](crate::routes::Route::is_on_extra_listeners) alone.
    #[must_use]
    pub(super) fn for_extra_listener(self, extra: ExtraGate) -> Self {
        Self { listener: GateListener::Extra(Arc::new(extra)), ..self }
    }

    fn request_id(&self) -> RequestId {
        RequestId { process: self.inner.process, count: self.inner.served.fetch_add(1, Ordering::Relaxed) }
    }

    /// Authenticates the caller: the app, or `None` for a process of our user. `request`: what it sent as an OAuth client.
    async fn authenticate(
        &self,
        facts: &RequestFacts<'_>,
        (access, request): (Access, Option<&TokenRequest>),
        connection: &Connection,
    ) -> Result<Option<Arc<App>>, GateRefusal> {
        let now = self.inner.clock.now().wall;
        let keys = &self.inner.keys;
        let app = match proof::proof(facts, access, request)? {
            Proof::SameUser => return Ok(None),
            Proof::Key(key) => keys.app_of(key, None, connection, now).await?,
            Proof::Client(shown) => keys.app_of(shown.key.expose(), shown.name.as_deref(), connection, now).await?,
            Proof::SocketOf(app) => keys.app_named(app, now)?,
        };
        Ok(Some(app))
    }

    /// Audits a refusal, if it is for what the sender showed or is; most of the others are noise.
    async fn note_denied(&self, connection: &Connection, found: RouteMatch, denied: &Denied, id: RequestId) {
        let RouteMatch::Row(route) = found else { return };
        let refused = denied.why;
        let Some(reason) = refused.denies().filter(|_| route.access.needs_proof() && self.inner.audit.is_on()) else {
            return;
        };
        let who = Caller::new(denied.app.clone(), connection, id);
        let mut line = who.line(AuditEvent::Denied, self.inner.clock.now().wall);
        line.result = ErrorCode::Unauthorized.row().name.into();
        line.reason = Some(format!("{reason}: {} {}", route.method.as_str(), route.path));
        match denied.app {
            Some(_) => self.inner.audit.note(&line).await,
            None => self.inner.audit.note_stranger(reason, line).await,
        }
    }

    /// Decides. `body` is taken where the proof may be in it.
    async fn admit(
        &self,
        head: &Parts,
        body: &mut Body,
        connection: &Connection,
        found: RouteMatch,
        id: RequestId,
    ) -> Result<Admitted, Denied> {
        let (method, uri, version, headers) = (&head.method, &head.uri, head.version, &head.headers);
        let peer = connection.peer;
        let (other_users, extra) = (self.other_users, self.listener.extra());
        let facts = RequestFacts { method, uri, version, headers, peer, other_users, extra };
        let access = rules::decide(&facts, found)?;
        if access.needs_proof() {
            // Only rows ask for a proof.
            let RouteMatch::Row(route) = found else { return Err(GateRefusal::NoRoute.into()) };
            let request = match access {
                // Boxed, so that no other request carries its size.
                Access::Client => Some(Arc::new(Box::pin(client::read(&facts, body, connection.body)).await?)),
                _ => None,
            };
            let app = self.authenticate(&facts, (access, request.as_deref()), connection).await?;
            if let Some(app) = &app {
                let beyond = |why| Denied { why, app: Some(Arc::clone(app)) };
                proof::suffices(&app.rights, route).map_err(beyond)?;
            }
            let caller = Caller::new(app, connection, id);
            let account = extra.and_then(ExtraGate::account).map(Arc::from);
            return Ok(Admitted::Program(LetIn { caller, route, request, account }));
        }
        if access == Access::Session {
            // No browser comes over the socket.
            let Peer::Tcp { port, .. } = peer else { return Err(GateRefusal::NoSession.into()) };
            let cookies = session::sent_cookies(headers, port);
            let number = self.inner.sessions.find(cookies.into_iter(), self.inner.clock.now());
            let number = number.ok_or(GateRefusal::NoSession)?;
            return Ok(Admitted::Browser(Session::new(number, Caller::new(None, connection, id))));
        }
        Ok(Admitted::Anybody)
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
    /// A browser with a session.
    Browser(Session),
    /// A process of our user, or an app.
    Program(LetIn),
}

impl Admitted {
    /// Leaves who it is for the extractors.
    fn leave(self, extensions: &mut Extensions) {
        match self {
            Self::Anybody => None,
            Self::Browser(session) => extensions.insert(session).map(drop),
            Self::Program(let_in) => extensions.insert(let_in).map(drop),
        };
    }
}

/// Whose request is answered, admitted or not.
fn asker(admitted: &Result<Admitted, Denied>) -> LogKey {
    match admitted {
        Ok(Admitted::Browser(_)) => LogKey::Owner,
        Ok(Admitted::Program(LetIn { caller, .. })) => caller.shared_app().map_or(LogKey::Owner, LogKey::App),
        Err(Denied { app: Some(app), .. }) => LogKey::App(Arc::clone(app)),
        Ok(Admitted::Anybody) | Err(Denied { app: None, .. }) => LogKey::Stranger,
    }
}
