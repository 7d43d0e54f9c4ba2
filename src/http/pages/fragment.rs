//! An answer in the fragment of the callback (RFC 6749 §4.2.2). Browsers send no fragment, so a page of ours
//! reads it, takes it out of the address bar at once, and posts it to the same path and query: some providers put a
//! part of the answer there, such as `iss` (RFC 9207).
//!
//! This is the only page with a script, and the only form that is taken: from our own origin, with the
//! flow's cookie, for as long as such a login is pending.

use askama::Template;
use axum::Json;
use axum::extract::Request;
use axum::response::{Html, IntoResponse as _, Response};
use serde::Serialize;

use super::answer::{NoOutcome, arrived_on, hand_in, own_cookies};
use crate::broker::login::callback::{CallbackRejected, CallbackRequest, joined};
use crate::error::Error;
use crate::http::body;
use crate::http::form::parameters;
use crate::http::gate::headers::Scripted;
use crate::http::gate::trace::name_route;
use crate::http::message_page::{MessagePage, of_stray};
use crate::http::reply::{Reason, Reject};
use crate::http::state::Http;

/// The longest fragment, in bytes as it arrives: a token is longer than a code.
const LONGEST: usize = 192 * 1024;

#[derive(Template)]
#[template(path = "fragment.html", config = "static/askama.toml")]
struct FragmentPage {
    /// What it says where the answer is not taken.
    strays: [(&'static str, MessagePage<'static>); 4],
}

/// By name, for the script: those that an answer in the fragment can be.
fn strays() -> [(&'static str, CallbackRejected); 4] {
    [
        ("no-login", CallbackRejected::NoLoginPending),
        ("no-state", CallbackRejected::NoState),
        ("unknown-state", CallbackRejected::UnknownState),
        ("other-browser", CallbackRejected::OtherBrowser),
    ]
}

/// What the answer is instead of one that was taken: a name of [`strays`].
#[derive(Serialize)]
struct FragmentRejected {
    stray: Option<&'static str>,
}

fn untaken(stray: &CallbackRejected) -> Response {
    let (_, status, reason) = of_stray(stray);
    let name = strays().into_iter().find(|(_, known)| known == stray).map(|(name, _)| name);
    Reason::given((status, Json(FragmentRejected { stray: name })).into_response(), reason)
}

/// Where the page goes next.
#[derive(Serialize)]
struct FragmentNext {
    outcome: String,
}

/// The page that fetches the answer. The same for everybody: nothing of the request is in it.
pub(super) fn page() -> Response {
    name_route("GET", "callback");
    let strays = strays().map(|(name, stray)| (name, of_stray(&stray).0));
    let Ok(page) = (FragmentPage { strays }).render() else {
        return Reject(Error::Internal { what: "a page could not be rendered".into() }).into_response();
    };
    let mut reply = Html(page).into_response();
    reply.extensions_mut().insert(Scripted);
    reply
}

/// The answer, from the page.
pub(super) async fn posted(http: Http, request: Request) -> Response {
    name_route("POST", "callback");
    let arrived_on = arrived_on(&request).unwrap_or_default();
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let form = match body::read(request, LONGEST).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let (query, cookies) = (parameters(uri.query().unwrap_or_default().as_bytes()), own_cookies(&headers));
    let parameters = joined(parameters(&form), &query);
    match hand_in(&http, CallbackRequest { arrived_on, parameters, in_fragment: true, cookies }).await {
        Ok(handed) => handed.with_cookie(Json(FragmentNext { outcome: handed.outcome.clone() }).into_response()),
        Err(NoOutcome::Away(stray)) => untaken(&stray),
        Err(NoOutcome::Unfinished(why)) => why.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = include_str!("../../../static/fragment.js");

    #[tokio::test]
    async fn the_page_has_one_script_of_ours_and_nothing_in_line() {
        let reply = page();
        assert!(reply.extensions().get::<Scripted>().is_some());
        let page = axum::body::to_bytes(reply.into_body(), 10_000).await.unwrap();
        let page = String::from_utf8(page.to_vec()).unwrap();
        assert_eq!(page.matches("<script").count(), 1, "{page}");
        assert!(page.contains("<script src=\"/static/fragment.js\" defer></script>"), "{page}");
        for wanted in ["<noscript>", "<section id=\"waiting\" hidden>", "<section id=\"failed\" role=\"alert\" hidden>"]
        {
            assert!(page.contains(wanted), "{wanted}: {page}");
        }
        for (name, stray) in strays() {
            assert!(page.contains(&format!("<section id=\"{name}\" role=\"alert\" hidden>")), "{name}: {page}");
            let reply = untaken(&stray);
            assert!(reply.status().is_client_error(), "{name}");
            let body = axum::body::to_bytes(reply.into_body(), 1000).await.unwrap();
            assert_eq!(body, format!("{{\"stray\":\"{name}\"}}"));
        }
        assert!(!page.contains("onload") && !page.contains("style=") && !page.contains('`'), "{page}");
    }

    #[test]
    fn the_script_forgets_the_answer_before_anything_else_and_never_shows_or_keeps_it() {
        let at = |what: &str| SCRIPT.find(what).unwrap_or_else(|| panic!("{what}"));
        let order = ["location.hash", "history.replaceState", "fetch(", "location.replace(outcome)"].map(at);
        assert!(order.is_sorted(), "{order:?}");
        // A `no-referrer` page's request would have the Origin `null` (Fetch, \"append a request Origin header\").
        at("referrerPolicy: \"same-origin\"");
        for never in ["innerHTML", "document.write", "textContent", "localStorage", "sessionStorage", "console", "eval"]
        {
            assert!(!SCRIPT.contains(never), "{never}");
        }
    }
}
