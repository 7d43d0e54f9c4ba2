//! Logins: started, waited for, answered at a terminal.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use zeroize::Zeroizing;

use crate::broker::login::question::Answerer;
use crate::contract::{AuditEvent, LoginAnswer, LoginReply, LoginRequest, LoginStarted, PasteRequest};
use crate::error::Error;
use crate::http::audited;
use crate::http::body::JsonBody;
use crate::http::completion::run_to_completion;
use crate::http::gate::account::{NamedAccount, OfLogin};
use crate::http::query::{self, LoginQuery};
use crate::http::reply::{ApiReply, Reject};
use crate::http::state::Http;
use crate::http::version_skew;

pub(in crate::http) async fn start_login(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<LoginRequest>,
) -> ApiReply<LoginStarted> {
    let request = request.unwrap_or_default();
    // A program that was refused must not answer for the user.
    if !request.more_scope.is_empty() && caller.app().is_some_and(|app| !app.rights.is_all()) {
        return Err(Reject(Error::Beyond { why: "only a key with every right may log in with `more_scope`".into() }));
    }
    let begun = http.broker.start_login_as(&account, request);
    let work = http.waiting.at(&caller).during(begun);
    let begun = work.await;
    audited::note_begun(&http, &caller, &account, begun.as_ref().err()).await;
    let mut begun = begun?;
    begun.warning = begun.warning.or_else(|| version_skew::of_caller(&headers).map(|skew| skew.to_string()));
    Ok(Json(begun))
}

pub(in crate::http) async fn login(
    OfLogin { caller, id, .. }: OfLogin,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> ApiReply<LoginReply> {
    let LoginQuery { wait, seen } = query::login(query.as_deref())?;
    let (wait, _place) = http.waiting.at(&caller).for_as_long_as(Some(wait));
    Ok(Json(http.broker.login_or_question(&id, wait.unwrap_or_default(), seen).await?))
}

pub(in crate::http) async fn paste(
    OfLogin { id, .. }: OfLogin,
    State(http): State<Http>,
    JsonBody(request): JsonBody<PasteRequest>,
) -> ApiReply<LoginReply> {
    let Some(request) = request else {
        return Err(Reject(Error::Usage { what: "the body has to be `{\"redirect_url\": ...}`".into() }));
    };
    let redirect_url = Zeroizing::new(request.redirect_url);
    // Needs no place: a login takes one answer, and only so many logins are pending.
    Ok(Json(run_to_completion(async move { http.broker.paste(&id, &redirect_url).await }).await??))
}

/// Whether the tokens of another person, which a login brought, take the place of the account's.
pub(in crate::http) async fn answer(
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
