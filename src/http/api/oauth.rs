//! The token endpoint for OAuth client libraries (RFC 6749 §3.2), which know a token URL and nothing of our own API, and
//! its metadata (RFC 8414). What they get is the account's access token, and never a refresh token.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use serde::Serialize;
use zeroize::Zeroize as _;

use super::token::hand_out;
use crate::broker::handle::TokenQuery;
use crate::contract::{AuditEvent, TokenReply};
use crate::error::Error;
use crate::http::audited::audited;
use crate::http::gate::account::NamedAccount;
use crate::http::gate::caller::{Caller, OfClient};
use crate::http::reply::Reject;
use crate::http::state::Http;
use crate::http::token_request::ClientGrant;
use crate::http::{query, wiped};

pub(in crate::http) async fn token(
    NamedAccount { caller, account }: NamedAccount,
    OfClient(request): OfClient,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> Result<Response, Reject> {
    query::read(query.as_deref(), [])?;
    let grant = request.grant()?;
    let target = query::target(request.target())?;
    // Clients name their scopes in every request: naming all of them asks for nothing narrower.
    let target = target.filter(|target| !http.broker.is_whole(&account, target));
    let is_own = target.is_none();
    if is_own && grant == ClientGrant::RefreshToken {
        renew_if_rejected(&http, &caller, &account).await?;
    }
    let reply = hand_out(&http, &caller, &account, TokenQuery { target, ..TokenQuery::default() }).await?;
    if let Some(app) = caller.app().filter(|_| is_own) {
        app.handed_out.note(&account, &reply.access_token);
    }
    written(reply, request.refresh_token())
}

/// A client that has a valid token refreshes it for one reason: an API rejected it. So a refresh by an app that has the
/// current token already is taken as such a report, with the limits of one (`account/state/rejected.rs`). It is a guess:
/// where it brings no other token, the present one is served. But if the provider, too, says that the login is over, the
/// client is told.
async fn renew_if_rejected(http: &Http, caller: &Caller, account: &str) -> Result<(), Error> {
    let Some(app) = caller.app() else { return Ok(()) };
    let Some(mut current) = http.broker.cached_token(account, &TokenQuery::default()) else { return Ok(()) };
    let has_it = app.handed_out.was_last(account, &current.access_token);
    current.access_token.zeroize();
    if !has_it {
        return Ok(());
    }
    let renewal = http.waiting.at(caller).during(http.broker.rejected(account));
    match audited(http, caller, AuditEvent::Refresh, Some(account), renewal).await {
        Err(error @ Error::LoginRequired { .. }) => Err(error),
        _ => Ok(()),
    }
}

/// A token response (RFC 6749 §5.1).
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::http) struct TokenResponse<'a> {
    access_token: &'a str,
    token_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

/// Without the provider's other members: an ID token among them would be checked by clients, and is not of this issuer.
/// `shown`: what the client sent as its refresh token. It gets that back, since some clients keep nothing but the reply to
/// a refresh, and would have no refresh token for the next one.
fn written(mut reply: TokenReply, shown: Option<&str>) -> Result<Response, Reject> {
    let (access_token, token_type, scope) = (&reply.access_token, &reply.token_type, reply.scope.as_deref());
    let room = 2 * (access_token.len() + scope.map_or(0, str::len) + shown.map_or(0, str::len)) + 256;
    // While a refresh is on its way, a token may be served in its last second. A client that is told of none fails, instead
    // of trying the token and asking again.
    let expires_in = reply.expires_in.map(|left| left.max(1));
    let response = TokenResponse { access_token, token_type, expires_in, scope, refresh_token: shown };
    let written = wiped::json(&response, room);
    reply.access_token.zeroize();
    let mut written = written?;
    // `Cache-Control` is on every reply.
    written.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    Ok(written)
}

/// The metadata of the issuer `/oauth2`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "OAuthMetadata"))]
pub(in crate::http) struct Metadata {
    issuer: String,
    token_endpoint: String,
    token_endpoint_auth_methods_supported: [&'static str; 2],
    grant_types_supported: [&'static str; 2],
    /// Required by RFC 8414; there is no authorization endpoint.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    response_types_supported: [&'static str; 0],
}

/// By the name and port that the client asked by, which the gate has checked: the issuer has to be the one that the client
/// knows (RFC 8414 §3.3).
pub(in crate::http) async fn metadata(headers: HeaderMap) -> Result<Json<Metadata>, Reject> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.ok_or_else(|| Reject(Error::Internal { what: "a request without a Host".into() }))?;
    let issuer = format!("http://{}/oauth2", host.to_ascii_lowercase());
    Ok(Json(Metadata {
        token_endpoint: format!("{issuer}/token"),
        issuer,
        token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
        grant_types_supported: ["client_credentials", "refresh_token"],
        response_types_supported: [],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_response_has_the_members_of_the_rfc_and_no_others() {
        for (extra, shown, expected) in [
            (
                r#""expires_in":60,"expires_at":5,"scope":"a b","extra":{"id_token":"canary","refresh_token":"canary"}"#,
                None,
                r#"{"access_token":"to\"ken","token_type":"Bearer","expires_in":60,"scope":"a b"}"#,
            ),
            (
                r#""expires_in":0,"expires_at":5"#,
                None,
                r#"{"access_token":"to\"ken","token_type":"Bearer","expires_in":1}"#,
            ),
            (
                r#""expiry":"never""#,
                Some("key"),
                r#"{"access_token":"to\"ken","token_type":"Bearer","refresh_token":"key"}"#,
            ),
        ] {
            let reply =
                format!(r#"{{"version":1,"account":"work","access_token":"to\"ken","token_type":"Bearer",{extra}}}"#);
            let reply = written(serde_json::from_str(&reply).unwrap(), shown).unwrap();
            assert_eq!(reply.headers()["pragma"], "no-cache");
            assert_eq!(axum::body::to_bytes(reply.into_body(), 1000).await.unwrap(), expected);
        }
    }
}
