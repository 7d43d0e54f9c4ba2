//! Extractors for a request that is about one account: [`NamedAccount`] and [`OfLogin`]. A handler of such a route can't
//! take a bare [`Caller`], so that none can forget to ask whether the account is one of the caller's.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::caller::{Caller, LetIn};
use crate::contract::{AuditEvent, DEFAULT_ACCOUNT};
use crate::error::{Error, Missing};
use crate::http::audited;
use crate::http::query::Segment;
use crate::http::reply::Reject;
use crate::http::state::Http;
use crate::routes::RouteScope;

/// A caller, and the account that the path names (`default`, where it names none), which it may see.
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
        // The same for accounts that exist and those that don't, so that the app can't tell them apart.
        let error = Error::Beyond { why: "this app has no right to that account".into() };
        audited::note(http, &caller, AuditEvent::Denied, Some(&account), Some(&error), |_| {}).await;
        Err(Reject(error))
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
        let caller = LetIn::caller(parts, &[RouteScope::Login])?;
        let Segment(id) = Segment::from_request_parts(parts, http).await?;
        let login = http.broker.login(&id, Duration::ZERO).await?;
        if caller.sees(&login.account) {
            return Ok(Self { caller, id, account: login.account });
        }
        Err(Reject(Error::Missing(Missing::Login)))
    }
}
