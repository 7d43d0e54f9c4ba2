//! The caller: who asks, once the gate has let them in, and how far their rights go. Only the gate can make one.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::apps::App;
use crate::clock::Wall;
use crate::contract::{AuditEvent, AuditLine};
use crate::error::Error;
use crate::http::peer::{Connection, Peer, PeerText, Transport};
use crate::http::reply::Reject;
use crate::http::token_request::TokenRequest;
use crate::routes::{Route, RouteScope};

/// Somebody whom the gate let in: only it can make one. A handler of a route whose
/// [`Access`](crate::routes::Access) needs proof takes it as an argument, so that it can't be reached
/// around the gate.
#[derive(Debug, Clone)]
pub(in crate::http) struct Caller {
    /// `None`: a process of our own user on the socket, which may do everything.
    app: Option<Arc<App>>,
    peer: Peer,
    described: Arc<PeerText>,
    request: RequestId,
}

/// Names a request in the log, the audit log and the reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestId {
    /// Of this process: random.
    pub(super) process: u16,
    /// Counts its requests; 48 bits of it are shown.
    pub(super) count: u64,
}

impl RequestId {
    /// Sixteen hex digits. By hand, since every reply and every line of the audit log has one.
    pub(super) fn hex(self) -> [u8; 16] {
        let number = u64::from(self.process) << 48 | (self.count & 0xffff_ffff_ffff);
        std::array::from_fn(|place| match u8::try_from(number >> (60 - 4 * place) & 0xf) {
            Ok(digit @ 0..=9) => b'0' + digit,
            Ok(digit) => b'a' + digit - 10,
            Err(_) => b'0',
        })
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hex().iter().try_for_each(|digit| f.write_char(char::from(*digit)))
    }
}

impl Caller {
    pub(super) fn new(app: Option<Arc<App>>, connection: &Connection, request: RequestId) -> Self {
        Self { app, peer: connection.peer, described: Arc::clone(&connection.described), request }
    }

    /// As [`Self::app`], for somebody who keeps it.
    pub(super) fn shared_app(&self) -> Option<Arc<App>> {
        self.app.clone()
    }

    /// A line of the audit log that says who asked.
    pub(in crate::http) fn line(&self, event: AuditEvent, now: Wall) -> AuditLine {
        let mut line = AuditLine::new(event, now.rfc3339());
        line.app = self.app().map(|app| app.name.clone());
        line.request = std::str::from_utf8(&self.request.hex()).ok().map(str::to_owned);
        match self.peer {
            Peer::Tcp { user, .. } => line.uid = user.uid(),
            Peer::Unix { uid, pid } | Peer::AppSocket { uid, pid } => (line.uid, line.pid) = (Some(uid), pid),
        }
        line.address.clone_from(&self.described.address);
        line.executable.clone_from(&self.described.executable);
        line
    }

    /// The app whose key was shown, if one was.
    pub(in crate::http) fn app(&self) -> Option<&App> {
        self.app.as_deref()
    }

    /// The executable of whoever asks, as far as the system tells; for our own command line,
    /// that of its parent, on whose behalf it asks.
    pub(in crate::http) fn program(&self) -> Option<&str> {
        self.described.program.as_deref()
    }

    /// The id of the process that asks, where the system tells.
    pub(in crate::http) fn pid(&self) -> Option<i32> {
        match self.peer {
            Peer::Unix { pid, .. } | Peer::AppSocket { pid, .. } => pid,
            Peer::Tcp { .. } => None,
        }
    }

    /// What the request came over.
    pub(in crate::http) fn transport(&self) -> Transport {
        self.peer.transport()
    }

    /// Whether the account of this name (its own, not `default`) is one that the caller may see.
    pub(in crate::http) fn sees(&self, account: &str) -> bool {
        self.app().is_none_or(|app| app.rights.cover(account))
    }

    /// Whether that is every account.
    pub(in crate::http) fn sees_all(&self) -> bool {
        self.app().is_none_or(|app| app.rights.accounts.is_none())
    }

    /// Asked again before a token leaves: a caller may have waited for it for minutes, and a key that was
    /// removed meanwhile gets nothing more.
    pub(in crate::http) fn still_may(&self, now: Wall) -> Result<(), Error> {
        if self.app().is_none_or(|app| app.works(now)) {
            return Ok(());
        }
        Err(Error::Unauthorized { why: "the key was removed or expired while the request was waiting" })
    }
}

/// What the gate leaves for the extractors.
#[derive(Clone)]
pub(super) struct LetIn {
    pub(super) caller: Caller,
    pub(super) route: &'static Route,
    /// What an OAuth client sent, on the routes for those.
    pub(super) request: Option<Arc<TokenRequest>>,
    /// The only account of the listener, if it has one.
    pub(super) account: Option<Arc<str>>,
}

impl LetIn {
    /// What the gate left, if the route's reach is among `fit`.
    pub(super) fn of(parts: &Parts, fit: &[RouteScope]) -> Result<Self, Reject> {
        // Can't happen while router and gate read the same table, and each handler takes what its row says. Fails
        // closed.
        let found: Self =
            parts.extensions.get().cloned().ok_or_else(|| wrong("a route was reached around the gate"))?;
        if fit.contains(&found.route.reach) {
            Ok(found)
        } else {
            Err(wrong("a handler takes another caller than its row says"))
        }
    }
}

fn wrong(what: &str) -> Reject {
    Reject(Error::Internal { what: what.into() })
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Reject> {
        LetIn::of(parts, &[RouteScope::Nothing, RouteScope::Shown, RouteScope::Every]).map(|found| found.caller)
    }
}

/// A browser with a session of the status page: only the gate can make one.
#[derive(Debug, Clone)]
pub(in crate::http) struct Session {
    /// Which one.
    pub(in crate::http) number: u64,
    /// Who that is, for the audit log.
    caller: Caller,
}

impl Session {
    pub(super) fn new(number: u64, caller: Caller) -> Self {
        Self { number, caller }
    }

    /// Who acts, for the audit log.
    pub(in crate::http) fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Reject> {
        parts.extensions.get().cloned().ok_or_else(|| wrong("a route was reached around the gate"))
    }
}

/// The request of an OAuth client, which the gate has read.
pub(in crate::http) struct OfClient(pub(in crate::http) Arc<TokenRequest>);

impl<S: Sync> FromRequestParts<S> for OfClient {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Reject> {
        let LetIn { request, .. } = LetIn::of(parts, &[RouteScope::Named, RouteScope::Only])?;
        request.map(Self).ok_or_else(|| wrong("the gate has read no request of an OAuth client"))
    }
}
