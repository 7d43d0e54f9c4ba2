//! Extractors for a request that is about one account: [`NamedAccount`] and [`OfLogin`]. A handler of such a route can't
//! take a bare [`Caller`], so that none can forget to ask whether the account is one of the caller's.

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use super::caller::{Caller, LetIn};
use crate::contract::{AuditEvent, DEFAULT_ACCOUNT};
use crate::error::{Error, Missing, Obstacle};
use crate::http::audited;
use crate::http::query::Segment;
use crate::http::reply::{Reject, not_found};
use crate::http::state::Http;
use crate::routes::{Route, RouteScope};

/// A caller, and the account that the path names, which it may see. Where it names none, `default` is meant, at an
/// OAuth client's token URL the only account that the caller has, or on a listener for one account that one.
#[derive(Debug)]
pub(in crate::http) struct NamedAccount {
    /// Who asks.
    pub(in crate::http) caller: Caller,
    /// The account's own name, if `default` stands for one: a reload may let it stand for another one meanwhile.
    pub(in crate::http) account: String,
}

impl FromRequestParts<Http> for NamedAccount {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, Reject> {
        let reaches = [RouteScope::Named, RouteScope::Only, RouteScope::OfListener];
        let LetIn { caller, route, account: of_listener, .. } = LetIn::of(parts, &reaches)?;
        let account = match (route.reach, route.name_in(parts.uri.path())) {
            // Fails closed: no account has no name.
            (RouteScope::OfListener, _) => of_listener.as_deref().unwrap_or_default().to_owned(),
            (RouteScope::Only, _) => only_account(&caller, http)?,
            (_, raw) => own_name(http, raw).ok_or_else(not_found)?.into_owned(),
        };
        if caller.sees(&account) {
            return Ok(Self { caller, account });
        }
        // The same for accounts that exist and those that don't, so that the app can't tell them apart.
        let error = Error::Beyond { why: "this app has no right to that account".into() };
        audited::note(http, &caller, AuditEvent::Denied, Some(&account), Some(&error), |_| {}).await;
        Err(Reject(error))
    }
}

/// The account that a path names, if the caller may see it; whoever may not is told so by the extractor.
pub(in crate::http) fn seen_account<'p>(
    http: &Http,
    route: &Route,
    path: &'p str,
    caller: &Caller,
) -> Option<Cow<'p, str>> {
    own_name(http, route.name_in(path)).filter(|name| caller.sees(name))
}

/// The own name of the account that a path names, or names none, by `raw`: decoded by itself, since what comes after it may
/// be no text, and is another server's to read. `None`: it is no text either.
fn own_name<'p>(http: &Http, raw: Option<&'p str>) -> Option<Cow<'p, str>> {
    let name = percent_decode_str(raw.unwrap_or(DEFAULT_ACCOUNT)).decode_utf8().ok()?;
    let own = if name == DEFAULT_ACCOUNT { http.broker.default_account() } else { None };
    Some(own.map_or(name, Cow::Owned))
}

/// The one account that the caller has.
fn only_account(caller: &Caller, http: &Http) -> Result<String, Error> {
    let names: Vec<String> = match caller.app().and_then(|app| app.rights.accounts.as_ref()) {
        Some(accounts) => accounts.iter().cloned().collect(),
        None => http.broker.names(),
    };
    match <[String; 1]>::try_from(names) {
        Ok([only]) => Ok(only),
        Err(names) => Err(Error::Obstacle(Obstacle::NotOneAccount { names })),
    }
}

/// A caller, and a login by its id, which is of an account that it may see. To others the login does not exist.
#[derive(Debug)]
pub(in crate::http) struct OfLogin {
    /// Who asks.
    pub(in crate::http) caller: Caller,
    /// The login's id.
    pub(in crate::http) id: String,
    /// The account that it is a login of, by its own name.
    pub(in crate::http) account: String,
}

impl FromRequestParts<Http> for OfLogin {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, Reject> {
        let LetIn { caller, .. } = LetIn::of(parts, &[RouteScope::Login])?;
        let Segment(id) = Segment::from_request_parts(parts, http).await?;
        let login = http.broker.login(&id, Duration::ZERO).await?;
        if caller.sees(&login.account) {
            return Ok(Self { caller, id, account: login.account });
        }
        Err(Reject(Error::Missing(Missing::Login)))
    }
}
