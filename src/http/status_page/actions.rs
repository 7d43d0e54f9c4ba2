//! The actions behind the buttons of the status page.

use askama::Template;
use axum::response::Response;

use super::form::{SessionForm, failed, rendered, worked};
use crate::apps::DEFAULT_APP;
use crate::apps::wording::KEY_FILE_AGAIN;
use crate::broker::login::question::Answerer;
use crate::contract::{AuditEvent, ConsentAnswer, LoginRequest, LoginVia};
use crate::error::Error;
use crate::http::app_changes::remove_with_answers;
use crate::http::audited;
use crate::http::completion::run_to_completion;
use crate::http::consent::give;
use crate::http::reply::Reject;

#[derive(Template)]
#[template(path = "confirm.html", config = "static/askama.toml")]
struct ConfirmForm<'a> {
    /// With a name between backticks.
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

/// `POST /do/login`: begins a login in this browser, or leaves out the scope that it would ask for.
pub(in crate::http) async fn login(form: SessionForm) -> Response {
    let (account, more_scope) = (form.field("account"), form.field("more_scope").to_owned());
    if form.field("answer") == "leave" {
        let left = form.http.broker.leave_scope_out(account, &more_scope);
        return form.tell(left.map_or_else(|error| failed(&error), |()| worked("It is left out.")));
    }
    let request = LoginRequest { via: LoginVia::CallerBrowser, more_scope, ..LoginRequest::default() };
    let work = form.http.broker.start_login_as(account, request);
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
            worked(&format!("A login to `{}` is in progress; it needs no browser here.", started.account))
        }
        Err(error) => failed(&error),
    };
    form.tell(told)
}

/// `POST /do/refresh`.
pub(in crate::http) async fn refresh(form: SessionForm) -> Response {
    let account = form.field("account").to_owned();
    let result = form.http.waiting.in_browsers().during(form.http.broker.refresh(&account)).await;
    form.done(AuditEvent::Refresh, Some(&account), &format!("`{account}` has a new token."), result).await
}

/// `POST /do/logout`: asks once more before it does it.
pub(in crate::http) async fn logout(form: SessionForm) -> Response {
    let account = form.field("account").to_owned();
    if form.field("sure") != "yes" {
        return confirm(&ConfirmForm {
            question: format!("Log out of `{account}`?"),
            consequence: "The tokens are revoked at the provider and deleted here. Programs get no token until somebody logs in again.",
            action: "/do/logout",
            field: "account",
            value: &account,
            button: "Log out",
            form_token: form.form_token(),
        });
    }
    let (http, name) = (form.http.clone(), account.clone());
    let result =
        run_to_completion(async move { http.waiting.in_browsers().during(http.broker.logout(&name)).await }).await;
    let result = result.unwrap_or_else(|Reject(error)| Err(error));
    let told = result.as_ref().map_or_else(|_| String::new(), |reply| format!("`{account}`: {}.", reply.detail));
    form.done(AuditEvent::Logout, Some(&account), &told, result).await
}

/// `POST /do/app-remove`: asks once more before it does it.
pub(in crate::http) async fn remove_app(form: SessionForm) -> Response {
    let name = form.field("app").to_owned();
    if form.field("sure") != "yes" {
        return confirm(&ConfirmForm {
            question: format!("Remove the key of `{name}`?"),
            consequence: &consequence(&name),
            action: "/do/app-remove",
            field: "app",
            value: &name,
            button: "Remove",
            form_token: form.form_token(),
        });
    }
    let result = remove_with_answers(&form.http, form.http.apps.clone(), name.clone()).await;
    let told = match name.as_str() {
        DEFAULT_APP => format!("The key of `{name}` no longer works, and the key file is deleted. {KEY_FILE_AGAIN}"),
        _ => format!("The key of `{name}` no longer works."),
    };
    form.done(AuditEvent::AppRemoved, None, &told, result).await
}

/// What it means to take the app's key away.
fn consequence(app: &str) -> String {
    match app {
        DEFAULT_APP => format!(
            "It stops working at once for every program that reads it from the key file, and the file is deleted. To get it back: {KEY_FILE_AGAIN}"
        ),
        _ => "It stops working at once. The program needs a new key after that.".to_owned(),
    }
}

/// `POST /do/consent`: answers a question.
pub(in crate::http) async fn consent(form: SessionForm) -> Response {
    let (answer, told) = match form.field("answer") {
        "allow" => (ConsentAnswer::Allow, "Allowed from now on."),
        "once" => (ConsentAnswer::Once, "Allowed this time."),
        _ => (ConsentAnswer::Refuse, "Refused."),
    };
    let given = give(&form.http, form.session.caller(), form.field("question").to_owned(), answer).await;
    form.tell(given.map_or_else(|error| failed(&error), |()| worked(told)))
}

/// `POST /do/login-answer`: whether a login as another person replaces the account's tokens.
pub(in crate::http) async fn answer_login(form: SessionForm) -> Response {
    let (account, replace) = (form.field("account").to_owned(), form.field("answer") == "replace");
    let good =
        if replace { "The tokens were replaced." } else { "The tokens were kept, and the new login was dropped." };
    let result = form.http.broker.answer_login(form.field("login"), replace, Answerer::Program).await;
    let result = result.and_then(|login| match login.failure.filter(|_| replace) {
        Some(failure) => {
            Err(Error::LoginFailed { account: login.account, why: failure.error_description, provider_error: None })
        }
        None => Ok(()),
    });
    form.done(AuditEvent::Login, Some(&account), good, result).await
}

fn confirm(page: &ConfirmForm<'_>) -> Response {
    rendered(page, &[])
}
