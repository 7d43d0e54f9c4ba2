//! The page itself.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::form::rendered;
use super::overview::{Counts, Overview};
use super::programs::{AppRow, AuditRow, QuestionRow, app_row, audit_row, question_row};
use super::shown::ShownTime;
use super::words::{self, AccountRow, LoginRow, ScopeRow, login_row, row, scope_row};
use crate::contract::{AccountReply, ConfigMistake, StoreState};
use crate::http::gate::caller::Session;
use crate::http::gate::headers::Scripted;
use crate::http::message_page::no_session;
use crate::http::proxy::described;
use crate::http::session::Told;
use crate::http::state::Http;

/// So many lines of the audit log are shown.
const AUDIT_LINES: usize = 8;

#[derive(Template)]
#[template(path = "status.html", config = "static/askama.toml")]
struct StatusPage<'a> {
    told: Option<Told>,
    form_token: &'a str,
    /// When the page was made.
    now: ShownTime,
    /// Those that need somebody.
    needy: Vec<AccountRow>,
    accounts: Vec<AccountRow>,
    /// What of the config is not in effect.
    mistakes: Vec<ConfigMistake>,
    /// Why the last reload was refused, if it was.
    refused: Vec<ConfigMistake>,
    apps: Vec<AppRow>,
    questions: Vec<QuestionRow>,
    logins: Vec<LoginRow>,
    scopes: Vec<ScopeRow>,
    /// `None`: the log is off.
    audit: Option<Vec<AuditRow>>,
    wrong_keys: Option<String>,
    /// A command that gets a token.
    command: Option<String>,
    store_key: String,
    /// Whether the tokens are stored, encrypted with that key.
    durable: bool,
    locked: bool,
    version: &'static str,
}

impl StatusPage<'_> {
    /// The first line.
    fn overview(&self) -> Overview {
        let rows = || self.needy.iter().chain(&self.accounts);
        Counts {
            accounts: rows().count(),
            usable: rows().filter(|row| row.is_usable).count(),
            idle: rows().filter(|row| row.is_idle).count(),
            waiting: self.accounts.iter().filter(|row| !row.is_usable && !row.is_idle).count(),
            needy: self.needy.len(),
            mistaken: self.mistakes.len(),
            questions: self.questions.len() + self.logins.len() + self.scopes.len(),
            locked: self.locked,
            refused_reload: !self.refused.is_empty(),
        }
        .overview()
    }

    fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.needy.is_empty() && self.mistakes.is_empty()
    }

    fn has_needs(&self) -> bool {
        let Self { needy, mistakes, refused, questions, logins, scopes, .. } = self;
        self.locked
            || !(needy.is_empty()
                && mistakes.is_empty()
                && refused.is_empty()
                && questions.is_empty()
                && logins.is_empty()
                && scopes.is_empty())
    }
}

/// `GET /`.
pub(in crate::http) async fn page(session: Session, State(http): State<Http>, headers: HeaderMap) -> Response {
    let now = http.clock.now();
    let Some(form_token) = http.sessions.form_token(session.number) else { return no_session() };
    // What an action came to is for the page that a person goes to, not for the script that looks again.
    let by_script = headers.get("sec-fetch-dest").is_some_and(|dest| dest == "empty");
    let log = http.audit.clone();
    let audit = tokio::task::spawn_blocking(move || log.last(AUDIT_LINES)).await.ok().flatten();
    let mut accounts = http.broker.accounts();
    for account in &mut accounts {
        described::describe(&http, None, account);
    }
    let (needy, others): (Vec<_>, Vec<_>) =
        accounts.iter().map(|account| row(account, now.wall)).partition(|row| row.needs_somebody);
    let page = StatusPage {
        told: if by_script { None } else { http.sessions.told(session.number) },
        form_token: form_token.expose(),
        now: ShownTime::of(now.wall.unix_seconds(), now.wall),
        mistakes: http.broker.mistakes(),
        refused: http.broker.refused_reload().map(|refused| refused.mistakes.clone()).unwrap_or_default(),
        logins: accounts.iter().filter_map(login_row).collect(),
        scopes: accounts.iter().filter_map(scope_row).collect(),
        apps: http.apps.list().iter().map(|app| app_row(app, now.wall)).collect(),
        questions: http.consents.pending().iter().map(|question| question_row(question, now)).collect(),
        audit: audit.map(|lines| lines.iter().map(|line| audit_row(line, now.wall)).collect()),
        wrong_keys: words::wrong_keys(http.apps.wrong_keys()),
        command: command(&http, &accounts),
        store_key: http.broker.store_key(),
        durable: http.broker.stores_durably(),
        locked: http.broker.store_state() != StoreState::Unlocked,
        version: env!("CARGO_PKG_VERSION"),
        needy,
        accounts: others,
    };
    let mut reply = rendered(&page, &[]);
    reply.extensions_mut().insert(Scripted);
    reply
}

/// Over the socket, which needs no key. By the account's own name, so that it does not depend on `default_account`.
fn command(http: &Http, accounts: &[AccountReply]) -> Option<String> {
    let default = http.broker.default_account().or_else(|| Some(accounts.first()?.account.clone()))?;
    let socket = http.socket.as_ref()?.to_str()?;
    Some(format!("curl -s --unix-socket {} http://localhost/v1/accounts/{default}/token", quoted(socket)))
}

/// As one word of a shell.
fn quoted(path: &str) -> String {
    let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c));
    if plain { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests;
