//! What the browser sees: the start of a login, its answer, and how it ended.
//!
//! Pages know no text of the provider but what an [`Error`]'s own sentence carries, which was cleaned
//! before, and askama escapes that too (`security.md` §2.3, reflected XSS). No scripts but the one of
//! [`super::fragment`], one style sheet.
//!
//! [`Error`]: crate::error::Error

use std::borrow::Cow;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::cookies::cookies;
use super::query::Segment;
use super::reject::{Reject, not_found};
use super::{Http, fragment, gate, question_page, to_the_end};
use crate::broker::browser_login::{BrowserStart, CallbackRequest, Opened, Stray, is_in_query};
use crate::clock::Wall;
use crate::contract::{LoginReply, LoginStatus, whose};
use crate::error::Error;
use crate::secret::Nonce256;

/// The longest query of a callback, in bytes as they arrive.
const LONGEST_QUERY: usize = 8 * 1024;
/// The longest value of one parameter of it, decoded. Codes of some providers are JWTs.
const LONGEST_VALUE: usize = 4 * 1024;

/// A page with nothing on it that was not written here.
#[derive(Template)]
#[template(path = "message.html", config = "static/askama.toml")]
struct Message {
    title: &'static str,
    text: &'static str,
    advice: &'static str,
}

/// How a login ended.
#[derive(Template)]
#[template(path = "outcome.html", config = "static/askama.toml")]
struct Outcome<'a> {
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
        return BUSY.with_status(StatusCode::SERVICE_UNAVAILABLE);
    };
    match http.broker.open_ticket(&ticket).await {
        Ok(Opened::Leaves(start)) => to_provider(&start).unwrap_or_else(IntoResponse::into_response),
        Ok(Opened::Over(id)) => see_other(&outcome_path(&id)).unwrap_or_else(IntoResponse::into_response),
        Err(_) => USED_TICKET.with_status(StatusCode::GONE),
    }
}

/// Every path without a route: a callback, if a login is pending whose redirect URI has this path;
/// otherwise it does not exist. An answer in the fragment does not come with the request: [`fragment`]'s
/// page fetches it.
pub(super) async fn callback(State(http): State<Http>, request: Request) -> Response {
    let path = request.uri().path();
    let (expected, in_fragment) = (http.broker.expects_callback(path), http.broker.expects_fragment(path));
    let query = request.uri().query().unwrap_or_default();
    let bare = !is_in_query(&Zeroizing::new(form_urlencoded::parse(query.as_bytes()).into_owned().collect::<Vec<_>>()));
    match *request.method() {
        Method::GET if in_fragment && bare => fragment::page(),
        Method::GET if expected => answer(http, request).await,
        Method::POST if in_fragment => fragment::posted(http, request).await,
        _ => {
            gate::name_route("-", "-");
            not_found().into_response()
        }
    }
}

async fn answer(http: Http, request: Request) -> Response {
    gate::name_route("GET", "callback");
    match hand_in(http, callback_request(request.uri(), request.headers())).await {
        Ok(handed) => handed.with_cookie(see_other(&handed.outcome).unwrap_or_else(IntoResponse::into_response)),
        Err(Turned::Away(Stray::NoLoginPending)) => not_found().into_response(),
        Err(Turned::Away(_)) => STRAY.with_status(StatusCode::BAD_REQUEST),
        Err(Turned::Unfinished(why)) => why.into_response(),
    }
}

/// Why an answer has no outcome.
pub(super) enum Turned {
    /// It belongs to no login, or is none.
    Away(Stray),
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
/// pending.
pub(super) async fn hand_in(http: Http, request: Option<CallbackRequest>) -> Result<Handed, Turned> {
    let request = request.ok_or(Turned::Away(Stray::Malformed))?;
    let broker = http.broker.clone();
    let answered = to_the_end(async move { broker.callback(request).await }).await;
    let id = answered.map_err(Turned::Unfinished)?.map_err(Turned::Away)?;
    let cookie = http.broker.page_cookie(&id).await;
    Ok(Handed { outcome: outcome_path(&id), cookie: cookie.and_then(|cookie| question_page::set_cookie(&id, &cookie)) })
}

pub(super) fn outcome_path(id: &str) -> String {
    format!("/login/outcome/{id}")
}

/// `GET /login/outcome/{id}`: what really happened.
pub(super) async fn outcome(State(http): State<Http>, Segment(id): Segment, headers: HeaderMap) -> Response {
    match http.broker.outcome(&id).await {
        Some(login) => {
            let form_token = match &login.confirm {
                Some(_) => http.broker.question_form(&id, question_page::sent(&headers)).await,
                None => None,
            };
            outcome_page(&login, form_token.as_ref(), http.clock.now().wall)
        }
        None => GONE.with_status(StatusCode::NOT_FOUND),
    }
}

const USED_TICKET: Message = Message {
    title: "This link has been used or is too old",
    text: "A login link works once, for a minute. If a login is open in another tab or window, go on there.",
    advice: "Otherwise start anew: run ringback login, or ask the program that sent you here.",
};
const BUSY: Message = Message {
    title: "Too many logins begin at once",
    text: "Nothing was changed, and this link is still good.",
    advice: "Load this page again in a moment.",
};
const STRAY: Message = Message {
    title: "This answer belongs to no login that was begun in this browser",
    text: "Nothing was changed by it. If you are logging in just now, that login goes on: finish it in its own tab, in the browser where it began.",
    advice: "If you did not expect this page, close it.",
};
const GONE: Message = Message {
    title: "There is nothing to see here any more",
    text: "The outcome of a login is shown for a short time only.",
    advice: "To see how your accounts stand, run ringback status.",
};

const NO_SESSION: Message = Message {
    title: "This page needs a session",
    text: "It shows your accounts, so it is opened from the command line and not by address.",
    advice: "Run ringback open.",
};
const SESSION_OVER: Message = Message {
    title: "The session is over",
    text: "You can close this page.",
    advice: "Run ringback open to begin another.",
};

/// For who has no session, or one that is over.
pub(super) fn no_session() -> Response {
    NO_SESSION.with_status(StatusCode::UNAUTHORIZED)
}

/// After a session was ended.
pub(super) fn session_over() -> Response {
    SESSION_OVER.with_status(StatusCode::OK)
}

/// For a ticket that is no good any more.
pub(super) fn used_ticket() -> Response {
    USED_TICKET.with_status(StatusCode::GONE)
}

impl Message {
    fn with_status(&self, status: StatusCode) -> Response {
        let page = self.render().unwrap_or_else(|_| self.title.to_owned());
        (status, Html(page)).into_response()
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

/// The answer in the query; `None` if that is too long or unfit.
fn callback_request(uri: &Uri, headers: &HeaderMap) -> Option<CallbackRequest> {
    let query = uri.query().unwrap_or_default();
    if query.len() > LONGEST_QUERY {
        return None;
    }
    let parameters = parameters(query.as_bytes(), LONGEST_VALUE)?;
    Some(CallbackRequest {
        arrived_on: arrived_on(uri, headers)?,
        in_fragment: false,
        cookies: own_cookies(headers),
        parameters,
    })
}

/// `None` if a value is longer than `longest` or a parameter is repeated (RFC 6749 §3.1).
pub(super) fn parameters(encoded: &[u8], longest: usize) -> Option<Zeroizing<Vec<(String, String)>>> {
    let parameters: Zeroizing<Vec<(String, String)>> =
        Zeroizing::new(form_urlencoded::parse(encoded).into_owned().collect());
    let repeated = |at: usize, name: &str| parameters.iter().take(at).any(|(earlier, _)| earlier == name);
    let fit = |(at, (name, value)): (usize, &(String, String))| value.len() <= longest && !repeated(at, name);
    parameters.iter().enumerate().all(fit).then_some(parameters)
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

fn outcome_page(login: &LoginReply, form_token: Option<&Nonce256>, now: Wall) -> Response {
    let state = match (login.status, &login.failure) {
        (LoginStatus::Pending, _) => asks_or_pends(login, form_token, now),
        (LoginStatus::Succeeded, _) => Ending::Succeeded(Success {
            whose: whose(&login.identity),
            before: whose(&login.replaced.replaced_identity),
            unknown: login.replaced.identity_unknown,
            scope: login.scope.as_deref().filter(|scope| !scope.is_empty()),
            expires: login.token_expires_at.map(|at| expires(at, now)),
            stays_fresh: login.refreshable == Some(true),
        }),
        (LoginStatus::Failed, Some(failure)) => Ending::Failed {
            what: sentence(&failure.error_description),
            advice: sentence(&failure.hint),
            code: failure.provider_error.as_deref(),
        },
        (LoginStatus::Failed, None) => {
            let (what, advice) = (sentence("The login ended without a token."), sentence("Start it again."));
            Ending::Failed { what, advice, code: None }
        }
    };
    match (Outcome { account: &login.account, state }).render() {
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
