//! A login as another person than the account's tokens are of asks on the page of its outcome, in the browser that
//! logged in: that one alone has the cookie which the form needs, and its token.

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};

use super::redirect::{outcome_path, see_other};
use crate::broker::login::question::{Answerer, PageCookie};
use crate::error::Error;
use crate::http::query::Segment;
use crate::http::reply::Reject;
use crate::http::state::Http;
use crate::http::{cookies, form};

/// The form has two short fields.
const LONGEST_FORM: usize = 1024;
/// The path belongs to one login, so that its cookie needs no name of its own.
const COOKIE: &str = "ringback_question";

/// For the browser that an answer led to the outcome page.
pub(super) fn set_cookie(id: &str, cookie: &PageCookie, is_secure: bool) -> Option<HeaderValue> {
    cookies::of_login((COOKIE, cookie.value.expose()), &outcome_path(id), cookie.max_age, is_secure)
}

/// The values of all cookies of that name.
pub(super) fn sent(headers: &axum::http::HeaderMap) -> Vec<String> {
    cookies::named(headers, COOKIE).map(str::to_owned).collect()
}

/// `POST /login/outcome/{id}`: the answer.
pub(in crate::http) async fn answer(State(http): State<Http>, Segment(id): Segment, request: Request) -> Response {
    match taken(&http, &id, request).await {
        Ok(()) => see_other(&outcome_path(&id)).unwrap_or_else(IntoResponse::into_response),
        Err(refused) => refused,
    }
}

async fn taken(http: &Http, id: &str, request: Request) -> Result<(), Response> {
    let refused = |error| Reject(error).into_response();
    let unfit = || refused(Error::Usage { what: "the form is not one of ringback's".into() });
    let cookies = sent(request.headers());
    let fields = form::own_form(request, LONGEST_FORM).await?;
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    let replace = match field("answer") {
        "replace" => true,
        "keep" => false,
        _ => return Err(unfit()),
    };
    let answerer = Answerer::Page { cookies, form_token: field("form_token").to_owned() };
    http.broker.answer_login(id, replace, answerer).await.map(drop).map_err(refused)
}
