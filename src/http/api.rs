//! The API for programs: extract, ask the broker, convert. Shapes are `contract`'s, described in
//! `docs/api.md`; errors are `reject`'s; who may is the gate's.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use zeroize::{Zeroize as _, Zeroizing};

use super::audited::{self, audited};
use super::body::JsonBody;
use super::gate::{Caller, NamedAccount, OfLogin};
use super::query::{self, Segment, WAIT};
use super::reject::Reject;
use super::{Http, consent, to_the_end};
use crate::broker::handle::TokenQuery;
use crate::broker::login::question::Answerer;
use crate::contract::{
    AcceptReply, AccountReply, AccountsReply, AuditEvent, ConfigMistake, Health, ImportReply, ImportRequest, InfoReply,
    LockReply, LoginAnswer, LoginReply, LoginRequest, LoginStarted, LogoutReply, PasteRequest, RejectedReply,
    ReloadRefused, TokenReply, UnlockRequest, VERSION,
};
use crate::error::Error;

/// What a handler gives.
pub(super) type ApiReply<T> = Result<Json<T>, Reject>;

pub(super) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok".into() })
}

/// An app sees the accounts that it was given, and of the others not even the names.
pub(super) async fn accounts(
    caller: Caller,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> ApiReply<AccountsReply> {
    query::read(query.as_deref(), [])?;
    let mut accounts = http.broker.accounts();
    accounts.retain(|account| caller.sees(&account.account));
    // What is about no account names others, and places on the disk.
    let may_see = |mistake: &ConfigMistake| match &mistake.account {
        Some(account) => caller.sees(account),
        None => caller.sees_all(),
    };
    let mut mistakes = http.broker.mistakes();
    mistakes.retain(may_see);
    let reload_refused = http.broker.refused_reload().map(|refused| {
        let mistakes = refused.mistakes.iter().filter(|mistake| may_see(mistake)).cloned().collect();
        ReloadRefused { at: refused.at, mistakes }
    });
    Ok(Json(AccountsReply {
        version: VERSION,
        default_account: http.broker.default_account().filter(|account| caller.sees(account)),
        store_key: http.broker.store_key(),
        store: http.broker.store_state(),
        accounts,
        mistakes,
        reload_refused,
    }))
}

pub(super) async fn account(
    NamedAccount { account, .. }: NamedAccount,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> ApiReply<AccountReply> {
    query::read(query.as_deref(), [])?;
    Ok(Json(http.broker.account(&account)?))
}

pub(super) async fn token(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Reject> {
    let query = query::token(query.as_deref())?;
    let got = token_for(&http, &caller, &account, query).await;
    let scope = got.as_ref().ok().and_then(|reply| reply.scope.clone());
    audited::note(&http, &caller, AuditEvent::Token, Some(&account), got.as_ref().err(), |line| line.scope = scope)
        .await;
    let reply = got?;
    if wants_bare(&headers) { Ok(bare(reply)) } else { as_json(reply) }
}

/// A token that the caller may have.
async fn token_for(http: &Http, caller: &Caller, account: &str, query: TokenQuery) -> Result<TokenReply, Error> {
    let (wait, _place) = http.waiting.at(caller).for_as_long_as(query.wait);
    let query = TokenQuery { wait, ..query };
    consent::permit(http, caller, account, query.wait).await?;
    let mut reply = match caller.app().and_then(|app| app.rights.scopes.as_ref()) {
        None => http.broker.token(account, query).await?,
        Some(limit) => http.broker.token_within(account, query, limit).await?,
    };
    if let Err(error) = caller.still_may(http) {
        reply.access_token.zeroize();
        return Err(error);
    }
    Ok(reply)
}

pub(super) async fn info(
    NamedAccount { caller, account, .. }: NamedAccount,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> ApiReply<InfoReply> {
    query::read(query.as_deref(), [])?;
    Ok(Json(http.waiting.at(&caller).during(http.broker.info(&account)).await?))
}

pub(super) async fn import(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
    JsonBody(request): JsonBody<ImportRequest>,
) -> ApiReply<ImportReply> {
    let request = one_token(request.unwrap_or_default())?;
    // A refresh token may work once.
    let work = async move {
        let work = http.waiting.at(&caller).during(http.broker.import(&account, request));
        audited(&http, &caller, AuditEvent::Import, Some(&account), work).await
    };
    Ok(Json(to_the_end(work).await??))
}

pub(super) async fn accept(caller: Caller, State(http): State<Http>, Segment(name): Segment) -> ApiReply<AcceptReply> {
    let work = http.waiting.at(&caller).during(http.broker.accept_provider(&name));
    Ok(Json(audited(&http, &caller, AuditEvent::Accept, None, work).await?))
}

/// Without a place to wait in, it is locked all the same.
pub(super) async fn lock(caller: Caller, State(http): State<Http>) -> ApiReply<LockReply> {
    let broker = http.broker.clone();
    let locking = tokio::spawn(async move { broker.lock().await });
    let ended = async { locking.await.unwrap_or_else(|_| Err(Error::Internal { what: "locking crashed".into() })) };
    let work = http.waiting.at(&caller).during(ended);
    Ok(Json(audited(&http, &caller, AuditEvent::Lock, None, work).await?))
}

pub(super) async fn unlock(
    caller: Caller,
    State(http): State<Http>,
    JsonBody(request): JsonBody<UnlockRequest>,
) -> ApiReply<LockReply> {
    let work = http.waiting.at(&caller).during(http.broker.unlock(request.unwrap_or_default()));
    Ok(Json(audited(&http, &caller, AuditEvent::Unlock, None, work).await?))
}

pub(super) async fn logout(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
) -> ApiReply<LogoutReply> {
    let work = http.waiting.at(&caller).during(http.broker.logout(&account));
    Ok(Json(audited(&http, &caller, AuditEvent::Logout, Some(&account), work).await?))
}

pub(super) async fn refresh(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
) -> ApiReply<AccountReply> {
    let work = http.waiting.at(&caller).during(http.broker.refresh(&account));
    Ok(Json(audited(&http, &caller, AuditEvent::Refresh, Some(&account), work).await?))
}

pub(super) async fn rejected(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
) -> ApiReply<RejectedReply> {
    let work = http.waiting.at(&caller).during(http.broker.rejected(&account));
    Ok(Json(audited(&http, &caller, AuditEvent::Refresh, Some(&account), work).await?))
}

pub(super) async fn start_login(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
    JsonBody(request): JsonBody<LoginRequest>,
) -> ApiReply<LoginStarted> {
    let begun = http.broker.start_login_as(&account, request.unwrap_or_default());
    let work = http.waiting.at(&caller).during(begun);
    let begun = work.await;
    audited::note_begun(&http, &caller, &account, begun.as_ref().err()).await;
    Ok(Json(begun?))
}

pub(super) async fn login(
    OfLogin { caller, id, .. }: OfLogin,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> ApiReply<LoginReply> {
    let [wait] = query::read(query.as_deref(), [WAIT])?;
    let (wait, _place) = http.waiting.at(&caller).for_as_long_as(Some(wait.unwrap_or_default()));
    Ok(Json(http.broker.login_or_question(&id, wait.unwrap_or_default()).await?))
}

pub(super) async fn paste(
    OfLogin { id, .. }: OfLogin,
    State(http): State<Http>,
    JsonBody(request): JsonBody<PasteRequest>,
) -> ApiReply<LoginReply> {
    let Some(request) = request else {
        return Err(Reject(Error::Usage { what: "the body has to be `{\"redirect_url\": ...}`".into() }));
    };
    let redirect_url = Zeroizing::new(request.redirect_url);
    // Needs no place: a login takes one answer, and only so many logins are pending.
    Ok(Json(to_the_end(async move { http.broker.paste(&id, &redirect_url).await }).await??))
}

/// Whether the tokens of another person, which a login brought, take the place of the account's.
pub(super) async fn answer(
    OfLogin { caller, id, account }: OfLogin,
    State(http): State<Http>,
    JsonBody(request): JsonBody<LoginAnswer>,
) -> ApiReply<LoginReply> {
    let Some(LoginAnswer { replace }) = request else {
        return Err(Reject(Error::Usage {
            what: "the body has to be `{\"replace\": true}` or `{\"replace\": false}`".into(),
        }));
    };
    // Needs no place: a login is answered once, and only so many logins are pending.
    let work = http.broker.answer_login(&id, replace, Answerer::Program);
    let answered = work.await;
    let said = if replace { "answered: replace" } else { "answered: keep" };
    audited::note(&http, &caller, AuditEvent::Login, Some(&account), answered.as_ref().err(), |line| {
        line.reason = line.reason.take().or(Some(said.into()));
    })
    .await;
    Ok(Json(answered?))
}

/// One of the two, which goes into headers and forms and so has to be visible ASCII (RFC 6749 §A.12, §A.17).
/// A request that is refused is wiped.
fn one_token(mut request: ImportRequest) -> Result<ImportRequest, Error> {
    let token = match (&request.access_token, &request.refresh_token) {
        (Some(token), None) | (None, Some(token)) => token.as_str(),
        _ => "",
    };
    if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(request);
    }
    request.access_token.zeroize();
    request.refresh_token.zeroize();
    let what = "the body has to be `{\"access_token\": ...}` or `{\"refresh_token\": ...}`, in visible ASCII";
    Err(Error::Usage { what: what.into() })
}

/// Whether the caller wants the token and nothing around it: it accepts `text/plain` and not JSON.
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
    wiped_after_sending(Zeroizing::new(text), HeaderValue::from_static("text/plain; charset=utf-8"))
}

/// Serialised once, into a buffer that does not move: one that grew would leave copies behind.
fn as_json(mut reply: TokenReply) -> Result<Response, Reject> {
    let extra: usize = reply.extra.iter().map(|(name, value)| name.len() + value.to_string().len() + 8).sum();
    let scope = reply.scope.as_ref().map_or(0, String::len);
    let mut text = Vec::with_capacity(2 * (reply.access_token.len() + scope + reply.account.len()) + extra + 256);
    let written = serde_json::to_writer(&mut text, &reply);
    reply.access_token.zeroize();
    wiped_json(text, written)
}

/// As JSON, in a buffer that is wiped after sending: `room` has to hold all of it.
pub(super) fn as_wiped_json(reply: &impl serde::Serialize, room: usize) -> Result<Response, Reject> {
    let mut text = Vec::with_capacity(room);
    let written = serde_json::to_writer(&mut text, reply);
    wiped_json(text, written)
}

fn wiped_json(text: Vec<u8>, written: serde_json::Result<()>) -> Result<Response, Reject> {
    let text = Zeroizing::new(text);
    let unwritten = |_| Reject(Error::Internal { what: "a reply could not be serialised".into() });
    written.map_err(unwritten)?;
    Ok(wiped_after_sending(text, HeaderValue::from_static("application/json")))
}

fn wiped_after_sending(text: Zeroizing<Vec<u8>>, kind: HeaderValue) -> Response {
    let mut reply = Response::new(Body::from(Bytes::from_owner(text)));
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
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

    #[test]
    fn what_is_imported_is_one_token_in_visible_ascii() {
        for (body, fit) in [
            (r#"{"access_token":"a~6+/="}"#, true),
            (r#"{"refresh_token":"r"}"#, true),
            ("{}", false),
            (r#"{"access_token":"a","refresh_token":"r"}"#, false),
            (r#"{"access_token":""}"#, false),
            (r#"{"access_token":"a b"}"#, false),
            (r#"{"access_token":"a\nb"}"#, false),
            (r#"{"access_token":"ä"}"#, false),
        ] {
            assert_eq!(one_token(serde_json::from_str(body).unwrap()).is_ok(), fit, "{body}");
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
