//! The token of an account in the shapes of two clouds' metadata servers, whose client libraries know no other. What they
//! say of scopes or resources is not looked at, as on Compute Engine: the token is the account's own.

use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use url::form_urlencoded;
use zeroize::Zeroize as _;

use super::token::hand_out;
use crate::broker::handle::TokenQuery;
use crate::contract::TokenReply;
use crate::http::gate::account::NamedAccount;
use crate::http::query::Segment;
use crate::http::reply::{Reject, not_found};
use crate::http::state::Http;
use crate::http::wiped;

/// The only service account, and also its `email`: it is no address, so that clients ask nobody about it.
const SERVICE_ACCOUNT: &str = "default";
/// Google's client gives up after 3 s, and asks again.
const GCE_WAIT: Duration = Duration::from_secs(2);
/// Both shapes need a lifetime: that of a token whose expiry nobody knows, or that has none.
const ASSUMED: u64 = 3600;

/// That there is a metadata server.
pub(in crate::http) async fn gce_root(_: NamedAccount) -> Response {
    of_google("computeMetadata/\n".into_response())
}

#[derive(Serialize)]
struct ServiceAccount<'a> {
    aliases: [&'a str; 1],
    email: &'a str,
    scopes: Vec<&'a str>,
}

pub(in crate::http) async fn gce_service_account(
    NamedAccount { account, .. }: NamedAccount,
    Segment(name): Segment,
    State(http): State<Http>,
) -> Result<Response, Reject> {
    require_default(&name)?;
    let state = http.broker.account(&account)?;
    let scopes = state.scope.as_deref().unwrap_or_default().split_whitespace().collect();
    let shown = ServiceAccount { aliases: [SERVICE_ACCOUNT], email: SERVICE_ACCOUNT, scopes };
    Ok(of_google(Json(shown).into_response()))
}

#[derive(Serialize)]
struct GceToken<'a> {
    access_token: &'a str,
    expires_in: u64,
    token_type: &'a str,
}

pub(in crate::http) async fn gce_token(
    NamedAccount { caller, account }: NamedAccount,
    Segment(name): Segment,
    State(http): State<Http>,
) -> Result<Response, Reject> {
    require_default(&name)?;
    let query = TokenQuery { wait: Some(GCE_WAIT), ..TokenQuery::default() };
    let mut reply = hand_out(&http, &caller, &account, query).await?;
    let token = GceToken { access_token: &reply.access_token, expires_in: left(&reply), token_type: &reply.token_type };
    let written = wiped::json(&token, room(&reply));
    reply.access_token.zeroize();
    written.map(of_google)
}

#[derive(Serialize)]
struct ManagedIdentityToken<'a> {
    access_token: &'a str,
    /// Unix seconds, as a text: some clients take nothing else.
    expires_on: String,
    token_type: &'a str,
    /// What the client asked for: it keeps the token under this name.
    resource: &'a str,
}

pub(in crate::http) async fn managed_identity_token(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
    RawQuery(query): RawQuery,
) -> Result<Response, Reject> {
    let query = query.unwrap_or_default();
    let resource = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "resource");
    let resource = resource.map(|(_, value)| value).unwrap_or_default();
    let mut reply = hand_out(&http, &caller, &account, TokenQuery::default()).await?;
    let now = http.clock.now().wall.unix_seconds();
    let expires_at = reply.expires_at.unwrap_or_else(|| now.saturating_add_unsigned(ASSUMED));
    let token = ManagedIdentityToken {
        access_token: &reply.access_token,
        expires_on: expires_at.to_string(),
        token_type: &reply.token_type,
        resource: &resource,
    };
    let written = wiped::json(&token, room(&reply) + 2 * resource.len());
    reply.access_token.zeroize();
    written
}

fn require_default(name: &str) -> Result<(), Reject> {
    if name == SERVICE_ACCOUNT { Ok(()) } else { Err(not_found()) }
}

/// Seconds. While a refresh is on its way, a token may be served in its last one; none left would be an error to clients.
fn left(reply: &TokenReply) -> u64 {
    reply.expires_in.map_or(ASSUMED, |left| left.max(1))
}

fn room(reply: &TokenReply) -> usize {
    2 * (reply.access_token.len() + reply.token_type.len()) + 256
}

/// By this line clients know the server.
fn of_google(mut reply: Response) -> Response {
    reply.headers_mut().insert("metadata-flavor", HeaderValue::from_static("Google"));
    reply.headers_mut().insert(header::SERVER, HeaderValue::from_static("Metadata Server for VM"));
    reply
}
