//! The current token of an account.

use axum::extract::{RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use zeroize::{Zeroize as _, Zeroizing};

use crate::broker::handle::TokenQuery;
use crate::contract::{AuditEvent, TokenReply};
use crate::error::Error;
use crate::http::gate::account::{NamedAccount, seen_account};
use crate::http::gate::caller::Caller;
use crate::http::reply::Reject;
use crate::http::state::Http;
use crate::http::{audited, consent, query, wiped};
use crate::routes::Route;

pub(in crate::http) async fn token(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Reject> {
    let query = query::token(query.as_deref())?;
    let reply = hand_out(&http, &caller, &account, query).await?;
    if wants_bare(&headers) { Ok(bare(reply)) } else { as_json(reply) }
}

/// The reply of [`token`] without routing, if the token is cached and nothing limits it.
pub(in crate::http) fn at_once(http: &Http, route: &Route, head: &Parts, caller: &Caller) -> Option<Response> {
    let query = match head.uri.query() {
        None => TokenQuery::default(),
        query => query::token(query).ok()?,
    };
    // Before the token is looked at: a request that is refused does not keep the store from locking itself.
    let account = seen_account(http, route, head.uri.path(), caller)?;
    let mut reply =
        serves_cached(http, caller, &account).then(|| http.broker.cached_token(&account, &query)).flatten()?;
    let scope = reply.scope.clone();
    let noted = audited::try_note(http, caller, AuditEvent::Token, Some(&reply.account), |line| line.scope = scope);
    if !noted {
        reply.access_token.zeroize();
        return None;
    }
    if wants_bare(&head.headers) { Some(bare(reply)) } else { as_json(reply).ok() }
}

/// Whether a cached token is for this caller as it is: nothing limits it, and nobody has to be asked first. [`token_for`]
/// knows the other cases.
pub(in crate::http) fn serves_cached(http: &Http, caller: &Caller, account: &str) -> bool {
    let is_limited = caller.app().is_some_and(|app| app.rights.scopes.is_some());
    !is_limited && !http.broker.asks_consent(account) && caller.still_may(http.clock.now().wall).is_ok()
}

/// The token, if the caller may have it, and a line of that in the audit log.
pub(super) async fn hand_out(
    http: &Http,
    caller: &Caller,
    account: &str,
    query: TokenQuery,
) -> Result<TokenReply, Error> {
    let got = token_for(http, caller, account, query).await;
    let scope = got.as_ref().ok().and_then(|reply| reply.scope.clone());
    audited::note(http, caller, AuditEvent::Token, Some(account), got.as_ref().err(), |line| line.scope = scope).await;
    got
}

/// The token, if the caller may have it.
pub(in crate::http) async fn token_for(
    http: &Http,
    caller: &Caller,
    account: &str,
    query: TokenQuery,
) -> Result<TokenReply, Error> {
    let (wait, _place) = http.waiting.at(caller).for_as_long_as(query.wait);
    let query = TokenQuery { wait, ..query };
    consent::permit(http, caller, account, query.wait).await?;
    let mut reply = match caller.app().and_then(|app| app.rights.scopes.as_ref()) {
        None => http.broker.token(account, query).await?,
        Some(limit) => http.broker.token_within(account, query, limit).await?,
    };
    if let Err(error) = caller.still_may(http.clock.now().wall) {
        reply.access_token.zeroize();
        return Err(error);
    }
    Ok(reply)
}

/// Whether the caller wants the bare token: it accepts `text/plain` and not JSON.
fn wants_bare(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let (mut plain, mut json) = (false, false);
    for range in lines.flat_map(|line| line.split(',')) {
        let kind = range.split(';').next().unwrap_or_default().trim();
        plain |= kind.eq_ignore_ascii_case("text/plain");
        json |= kind.eq_ignore_ascii_case("application/json");
    }
    plain && !json
}

fn bare(reply: TokenReply) -> Response {
    let mut token = Zeroizing::new(reply.access_token);
    let mut text = Vec::with_capacity(token.len() + 1);
    text.extend_from_slice(token.as_bytes());
    text.push(b'\n');
    token.zeroize();
    wiped::after_sending(Zeroizing::new(text), HeaderValue::from_static("text/plain; charset=utf-8"))
}

/// Serialised once, into a buffer that does not grow (see [`wiped`]).
fn as_json(mut reply: TokenReply) -> Result<Response, Reject> {
    let extra: usize = reply.extra.iter().map(|(name, value)| name.len() + value.to_string().len() + 8).sum();
    let scope = reply.scope.as_ref().map_or(0, String::len);
    let room = 2 * (reply.access_token.len() + scope + reply.account.len()) + extra + 256;
    let written = wiped::json_by(room, |text| reply.write_json(text));
    reply.access_token.zeroize();
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bare_token_is_for_those_who_take_plain_text_and_not_json() {
        for (accept, bare) in [
            ("", false),
            ("*/*", false),
            ("text/plain", true),
            ("Text/Plain; q=0.9, */*;q=0.1", true),
            ("application/json, text/plain, */*", false),
            ("text/html", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(wants_bare(&headers), bare, "{accept:?}");
        }
    }

    fn reply() -> TokenReply {
        serde_json::from_str(
            r#"{"version":1,"account":"work","access_token":"to\"ken","token_type":"Bearer","expiry":"never","extra":{"a":[1]}}"#,
        )
        .unwrap()
    }

    #[tokio::test]
    async fn the_token_goes_out_as_json_or_bare() {
        let whole = async |reply: Response| axum::body::to_bytes(reply.into_body(), 1000).await.unwrap();
        assert_eq!(whole(bare(reply())).await, "to\"ken\n");
        assert_eq!(
            whole(as_json(reply()).unwrap()).await,
            r#"{"version":1,"account":"work","access_token":"to\"ken","token_type":"Bearer","expiry":"never","extra":{"a":[1]}}"#
        );
    }
}
