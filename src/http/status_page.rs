//! The status page: how the accounts stand, which programs have keys, and buttons for what can be done about
//! it. Only with a session (see [`super::session`]); every button is a form with the session's own token.
//!
//! No token, key or secret is on it. What a provider wrote is cut to a bearable length and escaped.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::audited;
use super::gate::Session;
use super::pages::{self, parameters};
use super::query::Segment;
use super::reject::Reject;
use super::session::cookie_name;
use super::{Http, body, to_the_end};
use crate::apps::App;
use crate::apps::consent::Question;
use crate::clock::Wall;
use crate::contract::{
    AccountReply, AccountState, AuditEvent, ConsentAnswer, LoginVia, SessionReply, StoreState, VERSION, whose,
};
use crate::error::Error;

/// Forms of ours have a few short fields.
const LONGEST_FORM: usize = 4096;
/// What a provider wrote is cut to this many characters.
const SHOWN: usize = 300;
/// After that many seconds the page looks again.
const AGAIN: &str = "30";

#[derive(Template)]
#[template(path = "status.html", config = "static/askama.toml")]
struct Page<'a> {
    told: Option<String>,
    form_token: &'a str,
    accounts: Vec<Row>,
    apps: Vec<AppRow>,
    questions: Vec<(String, String)>,
    wrong_keys: u64,
    store_key: String,
    locked: bool,
    version: &'static str,
}

/// An account, in words.
struct Row {
    name: String,
    provider: String,
    mark: &'static str,
    class: &'static str,
    state: &'static str,
    facts: Vec<(&'static str, String)>,
    trouble: Option<String>,
    can_log_in: bool,
    can_refresh: bool,
    can_log_out: bool,
}

/// A program with a key, in words.
struct AppRow {
    name: String,
    rights: String,
    used: String,
    ends: Option<String>,
}

#[derive(Template)]
#[template(path = "confirm.html", config = "static/askama.toml")]
struct Confirm<'a> {
    question: String,
    consequence: &'static str,
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
        return Err(Reject(Error::Usage { what: "the status page needs a TCP listener: see `listen.tcp`".into() }));
    };
    let ticket = http.sessions.ticket(http.clock.now());
    audited::note(&http, &caller, AuditEvent::Session, None, None, |_| {}).await;
    let reply = SessionReply { version: VERSION, url: format!("{origin}/open/{}", ticket.expose()) };
    super::api::as_wiped_json(&reply, 512)
}

/// `GET /open/{ticket}`: begins a session in this browser.
pub(super) async fn open(State(http): State<Http>, Segment(ticket): Segment, request: Request) -> Response {
    let port = super::gate::port(&request);
    let Some((cookie, port)) = http.sessions.begin(&ticket, http.clock.now()).zip(port) else {
        return pages::used_ticket();
    };
    // `Strict`: no other site's link brings it along. Not `Secure`, since loopback is plain HTTP.
    let line = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", cookie_name(port), cookie.expose());
    let Ok(mut line) = HeaderValue::from_str(&line) else { return pages::used_ticket() };
    line.set_sensitive(true);
    (StatusCode::SEE_OTHER, [(header::LOCATION, HeaderValue::from_static("/")), (header::SET_COOKIE, line)])
        .into_response()
}

/// `GET /`.
pub(super) async fn page(session: Session, State(http): State<Http>) -> Response {
    let now = http.clock.now().wall;
    let Some(form_token) = http.sessions.form_token(session.number) else { return pages::no_session() };
    let page = Page {
        told: http.sessions.told(session.number),
        form_token: form_token.expose(),
        accounts: http.broker.accounts().iter().map(|account| row(account, now)).collect(),
        apps: http.apps.list().iter().map(|app| app_row(app, now)).collect(),
        questions: http.consents.pending().into_iter().map(|question| question_row(&question)).collect(),
        wrong_keys: http.apps.wrong_keys(),
        store_key: http.broker.store_key(),
        locked: http.broker.store_state() != StoreState::Unlocked,
        version: env!("CARGO_PKG_VERSION"),
    };
    rendered(&page, &[("refresh", AGAIN)])
}

/// A form of a session, with its token looked at: no action can do without. Fields that the form does not
/// have are empty.
struct Form {
    http: Http,
    session: Session,
    fields: zeroize::Zeroizing<Vec<(String, String)>>,
}

impl Form {
    async fn read(session: Session, http: Http, request: Request) -> Result<Self, Response> {
        let bytes = body::read(request, LONGEST_FORM).await?;
        let unfit = || Reject(Error::Usage { what: "the form is none of ours".into() }).into_response();
        let fields = parameters(&bytes, LONGEST_FORM).ok_or_else(unfit)?;
        let form = Self { http, session, fields };
        let now = form.http.clock.now();
        if form.http.sessions.acts(form.session.number, form.field("form_token"), now) {
            return Ok(form);
        }
        Err(Reject(Error::Forbidden { why: "this form belongs to another session, or to none" }).into_response())
    }

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
        let told = match failure {
            None => good.to_owned(),
            Some(error) => format!("That did not work: {error}. {}", error.hint()),
        };
        self.http.sessions.tell(self.session.number, told);
        back()
    }
}

/// `POST /do/login`: begins a login in this browser.
pub(super) async fn login(session: Session, State(http): State<Http>, request: Request) -> Response {
    let form = match Form::read(session, http, request).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let account = form.field("account");
    let started = form.http.broker.start_login(account, LoginVia::CallerBrowser).await;
    audited::note(&form.http, form.session.caller(), AuditEvent::Login, Some(account), started.as_ref().err(), |_| {})
        .await;
    let told = match started {
        Ok(started) => {
            let origin = form.http.own_origin.as_deref().unwrap_or_default();
            if let Some(path) = started.start_url.as_deref().and_then(|url| url.strip_prefix(origin)) {
                // Not a redirect: what a form leads to may not leave this origin (`form-action`), and the
                // provider is elsewhere. The page itself goes on.
                return rendered(&Leaving { account: &started.account }, &[("refresh", &format!("0;url={path}"))]);
            }
            format!("A login to {} is under way; it needs no browser here.", started.account)
        }
        Err(error) => format!("That did not work: {error}. {}", error.hint()),
    };
    form.http.sessions.tell(form.session.number, told);
    back()
}

/// `POST /do/refresh`.
pub(super) async fn refresh(session: Session, State(http): State<Http>, request: Request) -> Response {
    let form = match Form::read(session, http, request).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let account = form.field("account").to_owned();
    let result = form.http.broker.refresh(&account).await;
    form.done(AuditEvent::Refresh, Some(&account), &format!("{account} has a new token."), result).await
}

/// `POST /do/logout`: asks once more before it does it.
pub(super) async fn logout(session: Session, State(http): State<Http>, request: Request) -> Response {
    let form = match Form::read(session, http, request).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let account = form.field("account").to_owned();
    if form.field("sure") != "yes" {
        return confirm(&Confirm {
            question: format!("Log out of {account}?"),
            consequence: "The token is given back to the provider and deleted here. Programs get no token until somebody logs in again.",
            action: "/do/logout",
            field: "account",
            value: &account,
            button: "Log out",
            form_token: form.form_token(),
        });
    }
    let broker = form.http.broker.clone();
    let name = account.clone();
    let result = to_the_end(async move { broker.logout(&name).await }).await;
    let result = result.unwrap_or_else(|Reject(error)| Err(error));
    let told = result.as_ref().map_or_else(|_| String::new(), |reply| format!("{account}: {}.", reply.detail));
    form.done(AuditEvent::Logout, Some(&account), &told, result).await
}

/// `POST /do/app-remove`: asks once more before it does it.
pub(super) async fn remove_app(session: Session, State(http): State<Http>, request: Request) -> Response {
    let form = match Form::read(session, http, request).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let name = form.field("app").to_owned();
    if form.field("sure") != "yes" {
        return confirm(&Confirm {
            question: format!("Take the key of {name} away?"),
            consequence: "It stops working at once. The program needs a new key after that.",
            action: "/do/app-remove",
            field: "app",
            value: &name,
            button: "Remove",
            form_token: form.form_token(),
        });
    }
    let result = super::apps::remove_with_answers(&form.http, form.http.apps.clone(), name.clone()).await;
    form.done(AuditEvent::AppRemoved, None, &format!("The key of {name} works no more."), result).await
}

/// `POST /do/consent`: answers a question.
pub(super) async fn consent(session: Session, State(http): State<Http>, request: Request) -> Response {
    let form = match Form::read(session, http, request).await {
        Ok(form) => form,
        Err(refused) => return refused,
    };
    let (answer, told) = match form.field("answer") {
        "allow" => (ConsentAnswer::Allow, "Allowed from now on."),
        "once" => (ConsentAnswer::Once, "Allowed this time."),
        _ => (ConsentAnswer::Refuse, "Refused."),
    };
    let given =
        super::consent::give(&form.http, form.session.caller(), form.field("question").to_owned(), answer).await;
    let told = given.map_or_else(|error| format!("That did not work: {error}."), |()| told.to_owned());
    form.http.sessions.tell(form.session.number, told);
    back()
}

/// `POST /do/end`: ends the session.
pub(super) async fn end(session: Session, State(http): State<Http>, request: Request) -> Response {
    match Form::read(session, http, request).await {
        Ok(form) => {
            form.http.sessions.end(form.session.number);
            pages::session_over()
        }
        Err(refused) => refused,
    }
}

fn back() -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, HeaderValue::from_static("/"))]).into_response()
}

fn confirm(page: &Confirm<'_>) -> Response {
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

fn row(account: &AccountReply, now: Wall) -> Row {
    let (mark, class, state) = match account.state {
        AccountState::Active if account.last_error.is_some() => ("!", "notice", "has a token, and trouble"),
        AccountState::Active => ("✓", "good", "has a token"),
        AccountState::Starting => ("…", "", "is getting its first token"),
        AccountState::SignedOut => ("–", "notice", "nobody has logged in"),
        AccountState::NeedsLogin => ("!", "bad", "needs a login"),
        AccountState::StoreUnavailable => ("✗", "bad", "its tokens can't be read"),
    };
    let time = |at: Option<i64>| at.map(|at| moment(at, now));
    let facts = [
        ("Whose", whose(&account.identity)),
        ("Scope", account.scope.clone().filter(|scope| !scope.is_empty())),
        ("Expires", time(account.expires_at)),
        ("Next refresh", time(account.next_refresh_at)),
        ("Login due", time(account.login_due_at)),
        ("Login", account.login_pending.as_ref().map(|_| "in progress".to_owned())),
    ];
    let error = account.last_error.as_ref().map(|error| error.error_description.clone());
    let holds = matches!(account.state, AccountState::Active | AccountState::NeedsLogin);
    Row {
        name: account.account.clone(),
        provider: cut(&account.provider),
        mark,
        class,
        state,
        facts: facts.into_iter().filter_map(|(name, value)| Some((name, cut(&value?)))).collect(),
        trouble: account.reason.clone().or(error).map(|why| cut(&why)),
        can_log_in: account.state != AccountState::StoreUnavailable,
        can_refresh: account.refreshable && holds,
        can_log_out: holds,
    }
}

/// Its number, and who asks for what.
fn question_row(question: &Question) -> (String, String) {
    (question.id.clone(), cut(&format!("{} asks for a token of {}", question.asker, question.account)))
}

fn app_row(app: &App, now: Wall) -> AppRow {
    let accounts = app.rights.accounts.as_ref();
    let accounts = accounts.map_or("every account".into(), |some| some.iter().cloned().collect::<Vec<_>>().join(", "));
    let usage = app.usage();
    AppRow {
        name: app.name.clone(),
        rights: cut(&format!("{} {accounts}", if app.rights.write { "reads and changes" } else { "reads" })),
        used: usage
            .last_used_at
            .map_or("never used".into(), |at| format!("used {} times, last {}", usage.uses, moment(at, now))),
        ends: app.expires_at.map(|at| moment(at, now)),
    }
}

/// What a stranger wrote, in a bearable length and without what hides or turns text around.
fn cut(text: &str) -> String {
    let odd = |c: &char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let short: String = text.chars().filter(|c| !odd(c)).take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() { short + "…" } else { short }
}

/// `at` in Unix seconds, as seen from `now`, in the largest unit of which there are two.
fn moment(at: i64, now: Wall) -> String {
    let distance = at.abs_diff(now.unix_seconds());
    let told = match distance {
        0..120 => format!("{distance} s"),
        120..7_200 => format!("{} min", distance / 60),
        7_200..172_800 => format!("{} h", distance / 3600),
        _ => format!("{} days", distance / 86_400),
    };
    if at >= now.unix_seconds() { format!("in {told}") } else { format!("{told} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_wrote_is_cut_and_cannot_turn_the_page_around() {
        assert_eq!(cut("a\u{202e}b\u{200b}c\nd"), "abcd");
        assert_eq!(cut(&"x".repeat(SHOWN + 1)).chars().count(), SHOWN + 1);
        assert_eq!(moment(160, Wall(100_000)), "in 60 s");
        assert_eq!(moment(0, Wall(500_000_000)), "5 days ago");
    }

    #[test]
    fn everything_on_the_page_is_escaped_and_every_form_has_the_token() {
        let account: AccountReply = serde_json::from_str(
            r#"{"account":"work","provider":"<b>p","state":"needs_login","attention_needed":true,"refreshable":true,"generation":1,
                "reason":"<script>alert(1)</script>","scope":"\"><img src=x>","identity":{"name":"<i>Ann</i>"}}"#,
        )
        .unwrap();
        let page = Page {
            told: Some("<u>told</u>".into()),
            form_token: "form-token",
            accounts: vec![row(&account, Wall(0))],
            apps: vec![AppRow { name: "editor".into(), rights: "<s>".into(), used: String::new(), ends: None }],
            questions: vec![("7".into(), "<em>x".into())],
            wrong_keys: 1,
            store_key: "<a>".into(),
            locked: false,
            version: "0",
        };
        let text = page.render().unwrap();
        for tag in ["<script", "<img", "<b>", "<i>", "<u>", "<s>", "<em>", "<a>", "style=", "onclick", "href=\"http"] {
            assert!(!text.contains(tag), "{tag}: {text}");
        }
        assert_eq!(text.matches("<form").count(), text.matches(r#"name="form_token" value="form-token""#).count());
        assert_eq!(text.matches("<form").count(), 6, "answer, log in, refresh, log out, remove, end: {text}");
    }
}
