//! The ID token of an account: `GET /v1/accounts/{name}/id-token`.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use zeroize::Zeroize as _;

use crate::contract::{AuditEvent, IdTokenReply};
use crate::error::Error;
use crate::http::gate::account::NamedAccount;
use crate::http::gate::caller::Caller;
use crate::http::reply::Reject;
use crate::http::state::Http;
use crate::http::{audited, consent, query, wiped};

/// What the scope is called that brings an ID token (OpenID Connect Core §3.1.2.1): an app that is limited to scopes has
/// to have it.
const SCOPE: &str = "openid";

pub(in crate::http) async fn id_token(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> Result<Response, Reject> {
    query::read(query.as_deref(), [])?;
    let got = token_for(&http, &caller, &account).await;
    let told = |line: &mut crate::contract::AuditLine| {
        line.reason.get_or_insert_with(|| "the ID token".into());
    };
    audited::note(&http, &caller, AuditEvent::Token, Some(&account), got.as_ref().err(), told).await;
    let mut reply = got?;
    let written = wiped::json(&reply, 2 * (reply.id_token.len() + reply.account.len()) + 256);
    reply.id_token.zeroize();
    written
}

async fn token_for(http: &Http, caller: &Caller, account: &str) -> Result<IdTokenReply, Error> {
    let limit = caller.app().and_then(|app| app.rights.scopes.as_ref());
    if limit.is_some_and(|scopes| !scopes.contains(SCOPE)) {
        return Err(Error::Beyond { why: format!("this app is limited to scopes, and `{SCOPE}` is not one of them") });
    }
    // The user may have to be asked, for whom only so many callers wait.
    let (wait, _place) = http.waiting.at(caller).for_as_long_as(None);
    consent::permit(http, caller, account, wait).await?;
    let mut reply = http.broker.id_token(account)?;
    if let Err(error) = caller.still_may(http.clock.now().wall) {
        reply.id_token.zeroize();
        return Err(error);
    }
    Ok(reply)
}
