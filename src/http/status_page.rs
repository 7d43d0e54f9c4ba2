//! The status page: how the accounts stand, which programs have keys, and buttons for what can be done about
//! it. Only with a session (see [`super::session`]); every button is a form with the session's own token.
//!
//! No token, key or secret is on it. What a provider wrote is cut to a bearable length and escaped.

mod words;

use askama::Template;
use axum::extract::{FromRequest, FromRequestParts as _, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::audited;
use super::gate::Session;
use super::pages;
use super::query::Segment;
use super::reject::Reject;
use super::session::{Told, cookie_name};
use super::{Http, body, to_the_end};
use crate::apps::DEFAULT_APP;
use crate::broker::login::question::Answerer;
use crate::contract::{
    AuditEvent, ConfigMistake, ConsentAnswer, KEY_FILE_AGAIN, LoginVia, SessionReply, StoreState, VERSION,
};
use crate::error::{Error, Obstacle};
use words::{AccountRow, AppRow, LoginRow, app_row, login_row, question_row, row};

/// Forms of ours have a few short fields.
const LONGEST_FORM: usize = 4096;
/// After that many seconds the page looks again.
const AGAIN: &str = "30";

#[derive(Template)]
#[template(path = "status.html", config = "static/askama.toml")]
struct StatusPage<'a> {
    told: Option<Told>,
    form_token: &'a str,
    accounts: Vec<AccountRow>,
    /// What of the config is not in effect.
    mistakes: Vec<ConfigMistake>,
    /// Why the last reload was refused, if it was.
    refused: Vec<ConfigMistake>,
    apps: Vec<AppRow>,
    questions: Vec<(String, String)>,
    logins: Vec<LoginRow>,
    wrong_keys: Option<String>,
    store_key: String,
    locked: bool,
    version: &'static str,
}

#[derive(Template)]
#[template(path = "confirm.html", config = "static/askama.toml")]
struct ConfirmForm<'a> {
    question: String,
    consequence: &'a str,
    action: &'static str,
    field: &'static str,
    value: &'a str,
    button: &'static str,
    form_token: &'a str,
}

#[derive(Template)]
#[template(path = "leaving.html", config = "static/askama.toml")]
struct Leaving<'a> {
    account: &'a str,
}

/// `POST /v1/sessions`: a one-time URL that opens the status page.
pub(super) async fn mint(caller: super::gate::Caller, State(http): State<Http>) -> Result<Response, Reject> {
    let Some(origin) = &http.own_origin else {
        return Err(Reject(Error::Obstacle(Obstacle::NoPort)));
    };
    let ticket = http.sessions.ticket(http.clock.now());
    audited::note(&http, &caller, AuditEvent::Session, None, None, |_| {}).await;
    let url = format!("{origin}/open/{}", ticket.expose());
    let reply = SessionReply { version: VERSION, url, bound_to_user: Some(http.tells_users) };
    super::api::as_wiped_json(&reply, 512)
}

/// `GET /open/{ticket}`: begins a session in this browser.
pub(super) async fn open(State(http): State<Http>, Segment(ticket): Segment, request: Request) -> Response {
    let port = super::gate::port(&request);
    let Some((cookie, port)) = http.sessions.begin(&ticket, http.clock.now()).zip(port) else {
        return pages::used_open_link();
    };
    // `Strict`: no other site's link brings it along. Not `Secure`, since loopback is plain HTTP.
    let line = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", cookie_name(port), cookie.expose());
    let Ok(mut line) = HeaderValue::from_str(&line) else { return pages::used_open_link() };
    line.set_sensitive(true);
    (StatusCode::SEE_OTHER, [(header::LOCATION, HeaderValue::from_static("/")), (header::SET_COOKIE, line)])
        .into_response()
}

/// `GET /`.
pub(super) async fn page(session: Session, State(http): State<Http>) -> Response {
    let now = http.clock.now().wall;
    let Some(form_token) = http.sessions.form_token(session.number) else { return pages::no_session() };
    let accounts = http.broker.accounts();
    let page = StatusPage {
        told: http.sessions.told(session.number),
        form_token: form_token.expose(),
        accounts: accounts.iter().map(|account| row(account, now)).collect(),
        mistakes: http.broker.mistakes(),
        refused: http.broker.refused_reload().map(|refused| refused.mistakes.clone()).unwrap_or_default(),
        logins: accounts.iter().filter_map(login_row).collect(),
        apps: http.apps.list().iter().map(|app| app_row(app, now)).collect(),
        questions: http.consents.pending().into_iter().map(|question| question_row(&question)).collect(),
        wrong_keys: words::wrong_keys(http.apps.wrong_keys()),
        store_key: http.broker.store_key(),
        locked: http.broker.store_state() != StoreState::Unlocked,
        version: env!("CARGO_PKG_VERSION"),
    };
    rendered(&page, &[("refresh", AGAIN)])
}

/// A form of a session, with its token looked at: no action can do without. Fields that the form does not
/// have are empty.
pub(super) struct SessionForm {
    http: Http,
    session: Session,
    fields: zeroize::Zeroizing<Vec<(String, String)>>,
}

impl FromRequest<Http> for SessionForm {
    type Rejection = Response;

    async fn from_request(request: Request, http: &Http) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let session = Session::from_request_parts(&mut parts, http).await.map_err(IntoResponse::into_response)?;
        let fields = body::form(Request::from_parts(parts, body), LONGEST_FORM).await?;
        let form = Self { http: http.clone(), session, fields };
        if http.sessions.acts(form.session.number, form.field("form_token"), http.clock.now()) {
            return Ok(form);
        }
        Err(Reject(Error::Forbidden { why: "this form belongs to another session, or to none" }).into_response())
    }
}

impl SessionForm {
    fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn form_token(&self) -> &str {
        self.field("form_token")
    }

    /// Writes down what was done, keeps a sentence about it for the page, and goes there.
    async fn done<T>(
        &self,
        event: AuditEvent,
        account: Option<&str>,
        good: &str,
        result: Result<T, Error>,
    ) -> Response {
        let failure = result.err();
        audited::note(&self.http, self.session.caller(), event, account, failure.as_ref(), |_| {}).await;
        self.tell(failure.map_or_else(|| worked(good), |error| failed(&error)))
    }

    /// Keeps it for the page, and goes there.
    fn tell(&self, told: Told) -> Response {
        self.http.sessions.tell(self.session.number, told);
        back()
    }
}

/// `POST /do/login`: begins a login in this browser.
pub(super) async fn login(form: SessionForm) -> Response {
    let account = form.field("account");
    let work = form.http.broker.start_login(account, LoginVia::CallerBrowser);
    let started = form.http.waiting.in_browsers().during(work).await;
    audited::note_begun(&form.http, form.session.caller(), account, started.as_ref().err()).await;
    let told = match started {
        Ok(started) => {
            let origin = form.http.own_origin.as_deref().unwrap_or_default();
            if let Some(path) = started.start_url.as_deref().and_then(|url| url.strip_prefix(origin)) {
                // Not a redirect: what a form leads to may not leave this origin (`form-action`), and the
                // provider is elsewhere. The page itself goes on.
                return rendered(&Leaving { account: &started.account }, &[("refresh", &format!("0;url={path}"))]);
            }
            worked(&format!("A login to {} is under way; it needs no browser here.", started.account))
        }
        Err(error) => failed(&error),
    };
    form.tell(told)
}

/// `POST /do/refresh`.
pub(super) async fn refresh(form: SessionForm) -> Response {
    let account = form.field("account").to_owned();
    let result = form.http.waiting.in_browsers().during(form.http.broker.refresh(&account)).await;
    form.done(AuditEvent::Refresh, Some(&account), &format!("{account} has a new token."), result).await
}

/// `POST /do/logout`: asks once more before it does it.
pub(super) async fn logout(form: SessionForm) -> Response {
    let account = form.field("account").to_owned();
    if form.field("sure") != "yes" {
        return confirm(&ConfirmForm {
            question: format!("Log out of {account}?"),
            consequence: "The token is given back to the provider and deleted here. Programs get no token until somebody logs in again.",
            action: "/do/logout",
            field: "account",
            value: &account,
            button: "Log out",
            form_token: form.form_token(),
        });
    }
    let (http, name) = (form.http.clone(), account.clone());
    let result = to_the_end(async move { http.waiting.in_browsers().during(http.broker.logout(&name)).await }).await;
    let result = result.unwrap_or_else(|Reject(error)| Err(error));
    let told = result.as_ref().map_or_else(|_| String::new(), |reply| format!("{account}: {}.", reply.detail));
    form.done(AuditEvent::Logout, Some(&account), &told, result).await
}

/// `POST /do/app-remove`: asks once more before it does it.
pub(super) async fn remove_app(form: SessionForm) -> Response {
    let name = form.field("app").to_owned();
    if form.field("sure") != "yes" {
        return confirm(&ConfirmForm {
            question: format!("Take the key of {name} away?"),
            consequence: &consequence(&name),
            action: "/do/app-remove",
            field: "app",
            value: &name,
            button: "Remove",
            form_token: form.form_token(),
        });
    }
    let result = super::apps::remove_with_answers(&form.http, form.http.apps.clone(), name.clone()).await;
    let told = match name.as_str() {
        DEFAULT_APP => format!("The key of {name} no longer works, and the key file is gone. {KEY_FILE_AGAIN}"),
        _ => format!("The key of {name} no longer works."),
    };
    form.done(AuditEvent::AppRemoved, None, &told, result).await
}

/// What it means to take the app's key away.
fn consequence(app: &str) -> String {
    match app {
        DEFAULT_APP => format!(
            "It stops working at once, for every program that reads it from the key file, and that file is deleted. To \
             bring it back: {KEY_FILE_AGAIN}"
        ),
        _ => "It stops working at once. The program needs a new key after that.".to_owned(),
    }
}

/// `POST /do/consent`: answers a question.
pub(super) async fn consent(form: SessionForm) -> Response {
    let (answer, told) = match form.field("answer") {
        "allow" => (ConsentAnswer::Allow, "Allowed from now on."),
        "once" => (ConsentAnswer::Once, "Allowed this time."),
        _ => (ConsentAnswer::Refuse, "Refused."),
    };
    let given =
        super::consent::give(&form.http, form.session.caller(), form.field("question").to_owned(), answer).await;
    form.tell(given.map_or_else(|error| failed(&error), |()| worked(told)))
}

/// `POST /do/login-answer`: whether a login as another person replaces the account's tokens.
pub(super) async fn answer_login(form: SessionForm) -> Response {
    let (account, replace) = (form.field("account").to_owned(), form.field("answer") == "replace");
    let good = if replace { "The tokens were replaced." } else { "The tokens were kept, and the new login is not." };
    let result = form.http.broker.answer_login(form.field("login"), replace, Answerer::Program).await;
    let result = result.and_then(|login| match login.failure.filter(|_| replace) {
        Some(failure) => {
            Err(Error::LoginFailed { account: login.account, why: failure.error_description, provider_error: None })
        }
        None => Ok(()),
    });
    form.done(AuditEvent::Login, Some(&account), good, result).await
}

/// `POST /do/end`: ends the session.
pub(super) async fn end(form: SessionForm) -> Response {
    form.http.sessions.end(form.session.number);
    pages::session_over()
}

fn worked(sentence: &str) -> Told {
    Told { good: true, sentence: sentence.to_owned() }
}

fn failed(error: &Error) -> Told {
    Told { good: false, sentence: format!("That did not work: {error}. {}", error.hint()) }
}

fn back() -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, HeaderValue::from_static("/"))]).into_response()
}

fn confirm(page: &ConfirmForm<'_>) -> Response {
    rendered(page, &[])
}

fn rendered(page: &impl Template, headers: &[(&'static str, &str)]) -> Response {
    let Ok(text) = page.render() else {
        return Reject(Error::Internal { what: "a page could not be rendered".into() }).into_response();
    };
    let mut reply = Html(text).into_response();
    for (name, value) in headers {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            reply.headers_mut().insert(*name, value);
        }
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Wall;
    use crate::contract::AccountReply;

    #[test]
    fn a_failure_is_an_alert_and_has_no_backticks() {
        let told = failed(&Error::LoginRequired { account: "work".into(), why: "nobody has logged in".into() });
        let page = StatusPage { told: Some(told), store_key: "`key.toml`".into(), ..empty() };
        let text = page.render().unwrap();
        assert!(text.contains(r#"<p class="told bad" role="alert">"#) && !text.contains('`'), "{text}");
        assert!(
            text.contains("Run <code>ringback login work</code>.") && text.contains("<code>key.toml</code>"),
            "{text}"
        );
    }

    fn empty() -> StatusPage<'static> {
        StatusPage {
            told: None,
            form_token: "form-token",
            accounts: vec![],
            mistakes: vec![],
            refused: vec![],
            apps: vec![],
            questions: vec![],
            logins: vec![],
            wrong_keys: None,
            store_key: String::new(),
            locked: false,
            version: "0",
        }
    }

    #[test]
    fn everything_on_the_page_is_escaped_and_every_form_has_the_token() {
        let account: AccountReply = serde_json::from_str(
            r#"{"account":"work","provider":"<b>p","state":"needs_login","attention_needed":true,"refreshable":true,"generation":1,
                "reason":"<script>alert(1)</script>","scope":"\"><img src=x>","identity":{"name":"<i>Ann</i>"}}"#,
        )
        .unwrap();
        let page = StatusPage {
            told: Some(worked("<u>told</u>")),
            accounts: vec![row(&account, Wall(0))],
            mistakes: vec![ConfigMistake { account: Some("<b>bad".into()), message: "<i>m".into() }],
            refused: vec![ConfigMistake { account: None, message: "<u>r".into() }],
            apps: vec![AppRow { name: "editor".into(), rights: "<s>".into(), used: String::new(), ends: None }],
            questions: vec![("7".into(), "<em>x".into())],
            logins: vec![LoginRow { account: "work".into(), login: "l1".into(), question: "<em>x".into() }],
            wrong_keys: words::wrong_keys(1),
            store_key: "<a>".into(),
            ..empty()
        };
        let text = page.render().unwrap();
        for tag in ["<script", "<img", "<b>", "<i>", "<u>", "<s>", "<em>", "<a>", "style=", "onclick", "href=\"http"] {
            assert!(!text.contains(tag), "{tag}: {text}");
        }
        assert_eq!(text.matches("<form").count(), text.matches(r#"name="form_token" value="form-token""#).count());
        assert!(text.contains(r#"<p class="told good" role="status">"#), "{text}");
        let names: Vec<_> = text.split("aria-label=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        let buttons = text.matches("<button").count();
        assert_eq!((names.len(), distinct.len()), (buttons, buttons), "each button has a name of its own: {names:?}");
        assert_eq!(text.matches("<form").count(), 7, "answer, answer, log in, refresh, log out, remove, end: {text}");
    }
}
