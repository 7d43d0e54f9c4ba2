//! The callback: the redirect URI of a login. It is not in the route table, since its path comes from the config.

use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};

use super::answer::{NoOutcome, arrived_on, hand_in, own_cookies};
use super::fragment;
use super::redirect::see_other;
use crate::broker::login::callback::{CallbackRequest, is_in_query};
use crate::http::form::parameters;
use crate::http::gate::trace::name_route;
use crate::http::head::Excess;
use crate::http::message_page::{self, too_large};
use crate::http::reply::{Reason, not_found};
use crate::http::state::Http;

/// Every path without a route: a callback, if it is that of a redirect URI; otherwise it does not exist. An answer in
/// the fragment does not come with the request: [`fragment`]'s page fetches it.
pub(in crate::http) async fn callback(State(http): State<Http>, request: Request) -> Response {
    let path = request.uri().path();
    let in_fragment = http.broker.expects_fragment(path);
    let bare = !is_in_query(&parameters(request.uri().query().unwrap_or_default().as_bytes()));
    match *request.method() {
        Method::GET if in_fragment && bare => fragment::page(),
        Method::GET if http.broker.is_callback(path) => answer(http, request).await,
        Method::POST if in_fragment => fragment::posted(http, request).await,
        _ => {
            name_route("-", "-");
            Reason::given(not_found().into_response(), "no such route")
        }
    }
}

async fn answer(http: Http, request: Request) -> Response {
    name_route("GET", "callback");
    let arrived_on = arrived_on(&request).unwrap_or_default();
    if let Some(excess) = Excess::of(request.headers()) {
        http.broker.tell_waiting(&arrived_on, excess.notice()).await;
        return too_large(excess);
    }
    let request = CallbackRequest {
        arrived_on,
        in_fragment: false,
        cookies: own_cookies(request.headers()),
        parameters: parameters(request.uri().query().unwrap_or_default().as_bytes()),
    };
    match hand_in(&http, request).await {
        Ok(handed) => handed.with_cookie(see_other(&handed.outcome).unwrap_or_else(IntoResponse::into_response)),
        Err(NoOutcome::Away(stray)) => message_page::stray(&stray),
        Err(NoOutcome::Unfinished(why)) => why.into_response(),
    }
}
