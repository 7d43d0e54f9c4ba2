//! Who asks, once the gate has let them in, and how far their rights go. What a handler can take depends on the
//! route's [`RouteScope`]: where a request is about one account there is [`NamedAccount`] or [`OfLogin`] and no bare [`Caller`], so
//! that none can forget to ask whose it is.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::apps::App;
use crate::clock::Wall;
use crate::contract::{AuditEvent, AuditLine, DEFAULT_ACCOUNT};
use crate::error::{Error, Missing};
use crate::http::listen::{Executable, Peer};
use crate::http::query::Segment;
use crate::http::reject::Reject;
use crate::http::{Http, audited};
use crate::routes::RouteScope;

/// More of a path is not written down.
const LONGEST_PATH: usize = 512;

/// Somebody whom the gate let in: only it can make one. A handler of a route whose
/// [`Access`](crate::routes::Access) needs proof takes it as an argument, so that it can't be reached
/// around the gate.
#[derive(Debug, Clone)]
pub struct Caller {
    /// `None`: a process of our own user on the socket, from which nothing is kept.
    app: Option<Arc<App>>,
    peer: Peer,
    executable: Option<Executable>,
    request: Arc<str>,
}

impl Caller {
    pub(super) fn new(app: Option<Arc<App>>, peer: Peer, executable: Option<Executable>, request: &str) -> Self {
        Self { app, peer, executable, request: request.into() }
    }

    /// A line of the audit log that says who asked.
    pub fn line(&self, event: AuditEvent, now: Wall) -> AuditLine {
        let mut line = AuditLine::new(event, now.rfc3339());
        line.app = self.app().map(|app| app.name.clone());
        line.request = Some(self.request.to_string());
        match self.peer {
            Peer::Tcp { address, user, .. } => {
                line.address = Some(address.to_string());
                line.uid = user.uid();
            }
            Peer::Unix { uid, pid } => (line.uid, line.pid) = (Some(uid), pid),
        }
        line.executable = self.executable.as_ref().map(|executable| {
            let cut = |path: &str| path.chars().take(LONGEST_PATH).collect::<String>();
            let parent = executable.parent.as_deref().map(|parent| format!(" (started by {})", cut(parent)));
            cut(&executable.path) + parent.as_deref().unwrap_or_default()
        });
        line
    }

    /// The app whose key was shown, if one was.
    pub fn app(&self) -> Option<&App> {
        self.app.as_deref()
    }

    /// The executable of whoever asks, as far as the system tells; of our own command line, that of its parent,
    /// whose hands it is.
    pub fn program(&self) -> Option<&str> {
        self.executable.as_ref().map(|executable| executable.parent.as_deref().unwrap_or(&executable.path))
    }

    /// Where the request came from.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Whether the account of this name (its own, not `default`) is one that the caller may see.
    pub fn sees(&self, account: &str) -> bool {
        self.app().is_none_or(|app| app.rights.cover(account))
    }

    /// Whether that is every account.
    pub fn sees_all(&self) -> bool {
        self.app().is_none_or(|app| app.rights.accounts.is_none())
    }

    /// Asked again before a token leaves: a caller may have waited for it for minutes, and a key that was
    /// removed meanwhile gets nothing more.
    pub fn still_may(&self, http: &Http) -> Result<(), Error> {
        if self.app().is_none_or(|app| app.works(http.clock.now().wall)) {
            return Ok(());
        }
        Err(Error::Unauthorized { why: "the key was removed or expired while its request waited" })
    }
}

/// What the gate leaves for the extractors.
#[derive(Debug, Clone)]
pub(super) struct LetIn {
    pub(super) caller: Caller,
    pub(super) reach: RouteScope,
}

impl LetIn {
    /// The caller, if the route's reach is among `fit`.
    fn caller(parts: &Parts, fit: &[RouteScope]) -> Result<Caller, Reject> {
        // Never met as long as router and gate read the same table and each handler takes what its row says; then it
        // fails closed.
        let wrong = |what: &str| Reject(Error::Internal { what: what.into() });
        let Self { caller, reach } =
            parts.extensions.get().cloned().ok_or_else(|| wrong("a route was reached around the gate"))?;
        if fit.contains(&reach) { Ok(caller) } else { Err(wrong("a handler takes another caller than its row says")) }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Reject> {
        LetIn::caller(parts, &[RouteScope::Nothing, RouteScope::Shown, RouteScope::Every])
    }
}

/// A browser with a session of the status page: only the gate can make one.
#[derive(Debug, Clone)]
pub struct Session {
    /// Which one.
    pub number: u64,
    /// Who that is, for the audit log.
    caller: Caller,
}

impl Session {
    pub(super) fn new(number: u64, caller: Caller) -> Self {
        Self { number, caller }
    }

    /// Who acts, for the audit log.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Reject> {
        let around = || Reject(Error::Internal { what: "a route was reached around the gate".into() });
        parts.extensions.get().cloned().ok_or_else(around)
    }
}

/// A caller, and the account that the path names (`default`, where it names none), which it may see.
#[derive(Debug)]
pub struct NamedAccount {
    /// Who asks.
    pub caller: Caller,
    /// The account's own name, if `default` stands for one: a reload may let it stand for another one meanwhile.
    pub account: String,
}

impl FromRequestParts<Http> for NamedAccount {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, Reject> {
        let caller = LetIn::caller(parts, &[RouteScope::Named])?;
        let account = match Segment::from_request_parts(parts, http).await {
            Ok(Segment(name)) => name,
            Err(_) => DEFAULT_ACCOUNT.to_owned(),
        };
        let own = (account == DEFAULT_ACCOUNT).then(|| http.broker.default_account()).flatten();
        let account = own.unwrap_or(account);
        if caller.sees(&account) {
            return Ok(Self { caller, account });
        }
        // The same for accounts that exist and those that don't: it is no business of this app's.
        let error = Error::Beyond { why: "this app was not given that account".into() };
        audited::note(http, &caller, AuditEvent::Denied, Some(&account), Some(&error), |_| {}).await;
        Err(Reject(error))
    }
}

/// A caller, and a login by its id, which is of an account that it may see. To others the login does not exist.
#[derive(Debug)]
pub struct OfLogin {
    /// Who asks.
    pub caller: Caller,
    /// The login's id.
    pub id: String,
    /// The account that it is a login of, by its own name.
    pub account: String,
}

impl FromRequestParts<Http> for OfLogin {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, Reject> {
        let caller = LetIn::caller(parts, &[RouteScope::Login])?;
        let Segment(id) = Segment::from_request_parts(parts, http).await?;
        let login = http.broker.login(&id, Duration::ZERO).await?;
        if caller.sees(&login.account) {
            return Ok(Self { caller, id, account: login.account });
        }
        Err(Reject(Error::Missing(Missing::Login)))
    }
}
