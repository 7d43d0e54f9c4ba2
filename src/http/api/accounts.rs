//! Accounts: their state, and what can be done with one that needs no login.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use zeroize::Zeroize as _;

use crate::contract::{
    AccountReply, AccountsReply, AuditEvent, ConfigMistake, Health, ImportReply, ImportRequest, InfoReply, LogoutReply,
    RejectedReply, ReloadRefused, VERSION,
};
use crate::error::Error;
use crate::http::audited::audited;
use crate::http::body::JsonBody;
use crate::http::completion::run_to_completion;
use crate::http::gate::account::NamedAccount;
use crate::http::gate::caller::Caller;
use crate::http::proxy::described;
use crate::http::query;
use crate::http::reply::ApiReply;
use crate::http::state::Http;
use crate::http::version_skew;
use crate::program_version;

pub(in crate::http) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok".into() })
}

/// An app sees the accounts that it was given, and not even the names of the others.
pub(in crate::http) async fn accounts(
    caller: Caller,
    State(http): State<Http>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> ApiReply<AccountsReply> {
    query::read(query.as_deref(), [])?;
    version_skew::of_caller(&headers);
    let mut accounts = http.broker.accounts();
    accounts.retain(|account| caller.sees(&account.account));
    for account in &mut accounts {
        described::describe(&http, Some(&caller), account);
    }
    // A mistake that is about no account may name others, and paths.
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
        daemon_version: Some(program_version::OWN.into()),
        default_account: http.broker.default_account().filter(|account| caller.sees(account)),
        store_key: http.broker.store_key(),
        store: http.broker.store_state(),
        accounts,
        mistakes,
        reload_refused,
        config_reads: Some(http.broker.config_reads()),
        // They name other apps, and paths.
        extra_listeners: if caller.sees_all() {
            http.extra_listeners.shown(&http.apps, http.clock.now().wall)
        } else {
            Vec::new()
        },
    }))
}

pub(in crate::http) async fn account(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> ApiReply<AccountReply> {
    query::read(query.as_deref(), [])?;
    let mut reply = http.broker.account(&account)?;
    described::describe(&http, Some(&caller), &mut reply);
    Ok(Json(reply))
}

pub(in crate::http) async fn info(
    NamedAccount { caller, account, .. }: NamedAccount,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> ApiReply<InfoReply> {
    query::read(query.as_deref(), [])?;
    Ok(Json(http.waiting.at(&caller).during(http.broker.info(&account)).await?))
}

pub(in crate::http) async fn import(
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
    Ok(Json(run_to_completion(work).await??))
}

pub(in crate::http) async fn logout(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
) -> ApiReply<LogoutReply> {
    let work = http.waiting.at(&caller).during(http.broker.logout(&account));
    Ok(Json(audited(&http, &caller, AuditEvent::Logout, Some(&account), work).await?))
}

pub(in crate::http) async fn refresh(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
) -> ApiReply<AccountReply> {
    let work = http.waiting.at(&caller).during(http.broker.refresh(&account));
    Ok(Json(audited(&http, &caller, AuditEvent::Refresh, Some(&account), work).await?))
}

pub(in crate::http) async fn rejected(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
) -> ApiReply<RejectedReply> {
    let work = http.waiting.at(&caller).during(http.broker.rejected(&account));
    Ok(Json(audited(&http, &caller, AuditEvent::Refresh, Some(&account), work).await?))
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
