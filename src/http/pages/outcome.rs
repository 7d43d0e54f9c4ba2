//! The page that tells how a login ended.

use std::borrow::Cow;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse as _, Response};

use super::answer::AGAIN;
use super::question;
use crate::clock::Wall;
use crate::contract::{LoginReply, LoginStatus, whose};
use crate::error::Error;
use crate::http::message_page::{self, sentence};
use crate::http::query::Segment;
use crate::http::reply::Reject;
use crate::http::state::Http;
use crate::secret::Nonce256;

/// How a login ended.
#[derive(Template)]
#[template(path = "outcome.html", config = "static/askama.toml")]
struct LoginOutcome<'a> {
    account: &'a str,
    state: Ending<'a>,
}

enum Ending<'a> {
    Pending,
    /// It is another person's than the account's tokens are. `form_token`: in the browser that may answer.
    Asks {
        current: String,
        new: String,
        left: String,
        form_token: Option<&'a str>,
    },
    Succeeded(Success<'a>),
    Failed {
        what: Cow<'a, str>,
        advice: Cow<'a, str>,
        code: Option<&'a str>,
        /// The account has a valid token of an earlier login.
        earlier: bool,
    },
}

struct Success<'a> {
    whose: Option<String>,
    /// The other person whose tokens were replaced.
    before: Option<String>,
    /// Nobody can tell whether it was the same person before.
    unknown: bool,
    scope: Option<&'a str>,
    expires: Option<Expires>,
    stays_fresh: bool,
    /// Another answer came after the one that it succeeded with.
    again: bool,
}

/// When a token expires, for people and for machines.
#[derive(Debug, PartialEq, Eq)]
struct Expires {
    /// RFC 3339.
    at: String,
    /// The same, to be read.
    shown: String,
    /// Such as `59m`.
    left: String,
}

fn outcome_page(login: &LoginReply, form_token: Option<&Nonce256>, again: bool, now: Wall) -> Response {
    let state = match (login.status, &login.failure) {
        (LoginStatus::Pending, _) => asks_or_pends(login, form_token, now),
        (LoginStatus::Succeeded, _) => Ending::Succeeded(Success {
            whose: whose(&login.identity),
            before: whose(&login.replaced.replaced_identity),
            unknown: login.replaced.identity_unknown,
            scope: login.scope.as_deref().filter(|scope| !scope.is_empty()),
            expires: login.token_expires_at.map(|at| expires(at, now)),
            stays_fresh: login.refreshable == Some(true),
            again,
        }),
        (LoginStatus::Failed, Some(failure)) => Ending::Failed {
            what: sentence(&failure.error_description),
            advice: sentence(&failure.hint),
            code: failure.provider_error.as_deref(),
            earlier: login.earlier_login,
        },
        (LoginStatus::Failed, None) => {
            let (what, advice) = (sentence("The login ended without a token."), sentence("Start it again."));
            Ending::Failed { what, advice, code: None, earlier: login.earlier_login }
        }
    };
    match (LoginOutcome { account: &login.account, state }).render() {
        Ok(page) => Html(page).into_response(),
        Err(_) => Reject(Error::Internal { what: "a page could not be rendered".into() }).into_response(),
    }
}

fn asks_or_pends<'a>(login: &LoginReply, form_token: Option<&'a Nonce256>, now: Wall) -> Ending<'a> {
    let Some(confirm) = &login.confirm else { return Ending::Pending };
    let (current, new) = confirm.in_words();
    let left = expires(login.expires_at, now).left;
    let form_token = form_token.map(Nonce256::expose);
    Ending::Asks { current, new, left, form_token }
}

/// `at` is in Unix seconds. More than the two largest units would be noise.
fn expires(at: i64, now: Wall) -> Expires {
    let then = Wall::of_unix_seconds(at);
    let left = humantime::format_duration(std::time::Duration::from_secs(then.since(now).as_secs())).to_string();
    let at = then.rfc3339_seconds();
    Expires {
        shown: at.replace('T', " ").replace('Z', " UTC"),
        at,
        left: left.split(' ').take(2).collect::<Vec<_>>().join(" "),
    }
}

/// `GET /login/outcome/{id}`: what really happened.
pub(in crate::http) async fn outcome(
    State(http): State<Http>,
    Segment(id): Segment,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match http.broker.outcome(&id).await {
        Some(login) => {
            let form_token = match &login.confirm {
                Some(_) => http.broker.question_form(&id, question::sent(&headers)).await,
                None => None,
            };
            let again = query.is_some_and(|query| query == AGAIN);
            outcome_page(&login, form_token.as_ref(), again, http.clock.now().wall)
        }
        None => message_page::gone(),
    }
}

#[cfg(test)]
mod tests;
