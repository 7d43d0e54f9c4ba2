//! What the browser sees: the start of a login, its answer, and how it ended.
//!
//! Pages know no text of the provider but what an [`Error`]'s own sentence carries, which was cleaned
//! before, and askama escapes that too (`security.md` §2.3, reflected XSS). No scripts but the one of
//! [`super::fragment`], one style sheet.
//!
//! [`Error`]: crate::error::Error

mod message;

use std::borrow::Cow;

use askama::Template;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::cookies::cookies;
use super::head::Excess;
use super::query::Segment;
use super::reject::{Reason, Reject, not_found};
use super::{Http, fragment, gate, question_page, to_the_end};
use crate::broker::login::callback::{BrowserStart, CallbackRejected, CallbackRequest, StartRedirect, is_in_query};
use crate::clock::Wall;
use crate::contract::{LoginReply, LoginStatus, whose};
use crate::error::Error;
use crate::secret::Nonce256;
pub(super) use message::{MessagePage, no_session, of_error, of_stray, session_over, too_large, used_open_link};

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

/// `GET /static/style.css`.
pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../static/style.css")).into_response()
}

/// `GET /favicon.ico`: there is none.
pub(super) async fn no_icon() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `GET /login/start/{ticket}`: binds the login to this browser and sends it to the provider.
pub(super) async fn start(State(http): State<Http>, Segment(ticket): Segment) -> Response {
    // The request may be pushed to the provider first.
    let Some(_place) = http.waiting.in_browsers().place() else {
        return message::busy();
    };
    match http.broker.open_ticket(&ticket).await {
        Ok(StartRedirect::Leaves(start)) => to_provider(&start).unwrap_or_else(IntoResponse::into_response),
        Ok(StartRedirect::Over(id)) => see_other(&outcome_path(&id)).unwrap_or_else(IntoResponse::into_response),
        Err(stray) => message::stray(&stray),
    }
}

/// Every path without a route: a callback, if it is that of a redirect URI; otherwise it does not exist. An answer in
/// the fragment does not come with the request: [`fragment`]'s page fetches it.
pub(super) async fn callback(State(http): State<Http>, request: Request) -> Response {
    let path = request.uri().path();
    let in_fragment = http.broker.expects_fragment(path);
    let bare = !is_in_query(&parameters(request.uri().query().unwrap_or_default().as_bytes()));
    match *request.method() {
        Method::GET if in_fragment && bare => fragment::page(),
        Method::GET if http.broker.is_callback(path) => answer(http, request).await,
        Method::POST if in_fragment => fragment::posted(http, request).await,
        _ => {
            gate::name_route("-", "-");
            Reason::given(not_found().into_response(), "no such route")
        }
    }
}

async fn answer(http: Http, request: Request) -> Response {
    gate::name_route("GET", "callback");
    let arrived_on = arrived_on(request.uri(), request.headers()).unwrap_or_default();
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
        Err(NoOutcome::Away(stray)) => message::stray(&stray),
        Err(NoOutcome::Unfinished(why)) => why.into_response(),
    }
}

/// Why an answer has no outcome.
pub(super) enum NoOutcome {
    /// It belongs to no login that waits for it.
    Away(CallbackRejected),
    /// A fault of ours.
    Unfinished(Reject),
}

/// An answer that the broker has taken.
pub(super) struct Handed {
    /// The path of the page that tells the outcome.
    pub(super) outcome: String,
    /// Binds this browser to the question on that page, if there is one.
    cookie: Option<HeaderValue>,
}

impl Handed {
    pub(super) fn with_cookie(&self, mut reply: Response) -> Response {
        if let Some(cookie) = &self.cookie {
            reply.headers_mut().insert(header::SET_COOKIE, cookie.clone());
        }
        reply
    }
}

/// Has the broker take the answer. Needs no place to wait in: a login takes one answer, and only so many logins are
/// pending. An answer to a login that took one before leads to what came of that.
pub(super) async fn hand_in(http: &Http, request: CallbackRequest) -> Result<Handed, NoOutcome> {
    let broker = http.broker.clone();
    let pending = Url::parse(&request.arrived_on).is_ok_and(|uri| broker.expects_callback(uri.path()));
    let answered = to_the_end(async move { broker.callback(request).await }).await;
    match answered.map_err(NoOutcome::Unfinished)? {
        Ok(id) => {
            let cookie = http.broker.page_cookie(&id).await;
            let cookie = cookie.and_then(|cookie| question_page::set_cookie(&id, &cookie));
            Ok(Handed { outcome: outcome_path(&id), cookie })
        }
        Err(CallbackRejected::Over(id)) => {
            Ok(Handed { outcome: format!("{}?{AGAIN}", outcome_path(&id)), cookie: None })
        }
        Err(CallbackRejected::NoState | CallbackRejected::UnknownState) if !pending => {
            Err(NoOutcome::Away(CallbackRejected::NoLoginPending))
        }
        Err(stray) => Err(NoOutcome::Away(stray)),
    }
}

/// Parameters that are looked at: no provider sends so many, and some are compared with each other.
const MOST_PARAMETERS: usize = 256;

/// In the query of the outcome page: it is not the first answer that led there.
const AGAIN: &str = "again";

pub(super) fn outcome_path(id: &str) -> String {
    format!("/login/outcome/{id}")
}

/// `GET /login/outcome/{id}`: what really happened.
pub(super) async fn outcome(
    State(http): State<Http>,
    Segment(id): Segment,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match http.broker.outcome(&id).await {
        Some(login) => {
            let form_token = match &login.confirm {
                Some(_) => http.broker.question_form(&id, question_page::sent(&headers)).await,
                None => None,
            };
            let again = query.is_some_and(|query| query == AGAIN);
            outcome_page(&login, form_token.as_ref(), again, http.clock.now().wall)
        }
        None => message::gone(),
    }
}

/// The cookie is `SameSite=Lax` since a `Strict` one would not come back from the provider's page. It
/// is not `Secure`, since loopback is plain HTTP. `expose` is the fourth in the program: what binds
/// the login to the browser has to reach the browser.
fn to_provider(start: &BrowserStart) -> Result<Response, Reject> {
    let cookie = format!(
        "{}={}; Path={}; Max-Age={}; HttpOnly; SameSite=Lax",
        start.cookie_name,
        start.cookie_value.expose(),
        start.cookie_path,
        start.max_age.as_secs(),
    );
    let mut reply = see_other(&start.authorize_url)?;
    let mut cookie = HeaderValue::from_str(&cookie).map_err(|_| unsendable("a cookie"))?;
    cookie.set_sensitive(true);
    reply.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(reply)
}

/// 303, never 307: what the browser sends next is a GET without a body (RFC 9700 §4.12).
pub(super) fn see_other(to: &str) -> Result<Response, Reject> {
    let to = HeaderValue::from_str(to).map_err(|_| unsendable("a redirect"))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response())
}

fn unsendable(what: &str) -> Reject {
    Reject(Error::Internal { what: format!("{what} can't be a header") })
}

/// In their order, decoded once. Wiped after use.
pub(super) fn parameters(encoded: &[u8]) -> Zeroizing<Vec<(String, String)>> {
    Zeroizing::new(form_urlencoded::parse(encoded).into_owned().take(MOST_PARAMETERS).collect())
}

/// The whole URI without its query, as the browser knows it.
pub(super) fn arrived_on(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    Some(format!("http://{host}{}", uri.path()))
}

/// The cookies of the request, for a login's flow to find its own among them.
pub(super) fn own_cookies(headers: &HeaderMap) -> Vec<(String, String)> {
    cookies(headers).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
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

/// With its full stop: a fact has none where it stands behind `error:`, on a page it does.
fn sentence(text: &str) -> Cow<'_, str> {
    if text.is_empty() || text.ends_with(['.', '!', '?', '…']) { text.into() } else { format!("{text}.").into() }
}

/// The last second that RFC 3339 can write: 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

/// `at` is in Unix seconds. More than the two largest units would be noise.
fn expires(at: i64, now: Wall) -> Expires {
    let then = Wall(at.clamp(0, LAST_SECOND) * 1000);
    let left = humantime::format_duration(std::time::Duration::from_secs(then.since(now).as_secs())).to_string();
    let at = humantime::format_rfc3339_seconds(then.to_system()).to_string();
    Expires {
        shown: at.replace('T', " ").replace('Z', " UTC"),
        at,
        left: left.split(' ').take(2).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests;
