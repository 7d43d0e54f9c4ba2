//! The page itself.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::form::rendered;
use super::words::{self, AccountRow, AppRow, LoginRow, app_row, login_row, question_row, row};
use crate::contract::{ConfigMistake, StoreState};
use crate::http::gate::caller::Session;
use crate::http::message_page::no_session;
use crate::http::session::Told;
use crate::http::state::Http;

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
    /// Whether the tokens are stored, encrypted with that key.
    durable: bool,
    locked: bool,
    version: &'static str,
}

/// `GET /`.
pub(in crate::http) async fn page(session: Session, State(http): State<Http>) -> Response {
    let now = http.clock.now().wall;
    let Some(form_token) = http.sessions.form_token(session.number) else { return no_session() };
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
        durable: http.broker.stores_durably(),
        locked: http.broker.store_state() != StoreState::Unlocked,
        version: env!("CARGO_PKG_VERSION"),
    };
    rendered(&page, &[("refresh", AGAIN)])
}

#[cfg(test)]
mod tests {
    use super::super::form::{failed, worked};
    use super::*;
    use crate::clock::Wall;
    use crate::contract::AccountReply;
    use crate::error::Error;

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

    #[test]
    fn the_page_tells_tokens_that_are_not_stored() {
        for (durable, told) in [(true, "are encrypted with a key from"), (false, "are in memory only, and end with")] {
            let text = StatusPage { durable, ..empty() }.render().unwrap();
            assert!(text.contains(told), "{text}");
        }
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
            durable: true,
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
