//! Who asks, once the gate has let them in, and how far their rights go. A handler gets an account's name from
//! [`Named`] and from nowhere else, so that none can forget to ask.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::apps::App;
use crate::contract::DEFAULT_ACCOUNT;
use crate::error::Error;
use crate::http::Http;
use crate::http::listen::Peer;
use crate::http::query::Segment;
use crate::http::reject::Reject;

/// Somebody whom the gate let in: only it can make one. A handler of a route whose
/// [`Access`](crate::http::routes::Access) needs proof takes it as an argument, so that it can't be reached
/// around the gate.
#[derive(Debug, Clone)]
pub struct Caller {
    /// `None`: a process of our own user on the socket, from which nothing is kept.
    app: Option<Arc<App>>,
    peer: Peer,
}

impl Caller {
    pub(super) fn new(app: Option<Arc<App>>, peer: Peer) -> Self {
        Self { app, peer }
    }

    /// The app whose key was shown, if one was.
    pub fn app(&self) -> Option<&App> {
        self.app.as_deref()
    }

    /// Where the request came from.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Whether the account of this name (its own, not `default`) is one that the caller may see.
    pub fn sees(&self, account: &str) -> bool {
        self.app().is_none_or(|app| app.rights.cover(account))
    }

    /// Asked again before a token leaves: a caller may have waited for it for minutes, and a key that was
    /// removed meanwhile gets nothing more.
    pub fn still_may(&self, http: &Http) -> Result<(), Error> {
        if self.app().is_none_or(|app| app.works(http.clock.now().wall)) {
            return Ok(());
        }
        Err(Error::Unauthorized { why: "the key was removed or expired while its request waited" })
    }

    /// Refused unless every account is the caller's to change.
    pub fn may_change_all(&self) -> Result<(), Error> {
        if self.app().is_none_or(|app| app.rights.accounts.is_none()) {
            return Ok(());
        }
        Err(Error::Beyond { why: "this concerns every account of a provider, and this app has some only".into() })
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Reject> {
        // Never met as long as router and gate read the same table; then it fails closed.
        let around = || Reject(Error::Internal { what: "a route was reached around the gate".into() });
        parts.extensions.get().cloned().ok_or_else(around)
    }
}

/// A caller, and the account that the path names (`default`, where it names none), which it may see.
#[derive(Debug)]
pub struct Named {
    /// Who asks.
    pub caller: Caller,
    /// The account as the path has it: `default` stays `default`.
    pub account: String,
}

impl FromRequestParts<Http> for Named {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, Reject> {
        let caller = Caller::from_request_parts(parts, http).await?;
        let account = match Segment::from_request_parts(parts, http).await {
            Ok(Segment(name)) => name,
            Err(_) => DEFAULT_ACCOUNT.to_owned(),
        };
        let own = (account == DEFAULT_ACCOUNT).then(|| http.broker.default_account()).flatten();
        if caller.sees(own.as_deref().unwrap_or(&account)) {
            return Ok(Self { caller, account });
        }
        // The same for accounts that exist and those that don't: it is no business of this app's.
        Err(Reject(Error::Beyond { why: "this app was not given that account".into() }))
    }
}
