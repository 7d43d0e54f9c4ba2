//! The page, without a broker.

use std::collections::BTreeSet;

use super::super::form::{failed, worked};
use super::*;
use crate::apps::consent::{ConsentQuestion, Requester};
use crate::clock::{Boot, Moment, Wall};
use crate::contract::{AuditEvent, AuditLine};
use crate::error::Error;

const NOW: Moment = Moment { wall: Wall(1_700_000_000_000), boot: Boot(std::time::Duration::from_secs(1000)) };

fn empty() -> StatusPage<'static> {
    StatusPage {
        told: None,
        form_token: "form-token",
        now: ShownTime::of(NOW.wall.unix_seconds(), NOW.wall),
        needy: vec![],
        accounts: vec![],
        mistakes: vec![],
        refused: vec![],
        apps: vec![],
        questions: vec![],
        logins: vec![],
        scopes: vec![],
        audit: Some(vec![]),
        wrong_keys: None,
        command: None,
        store_key: String::new(),
        durable: true,
        locked: false,
        version: "0",
    }
}

#[test]
fn the_page_tells_tokens_that_are_not_stored() {
    for (durable, told) in [(true, "are encrypted with a key from"), (false, "are in memory only, and end with")] {
        let text = StatusPage { durable, ..empty() }.render().unwrap();
        assert!(text.contains(told), "{text}");
    }
}

fn account(more: &str) -> AccountRow {
    let json = format!(
        r#"{{"account":"work","provider":"<b>p","refreshable":true,"generation":1,"scope":"\"><img src=x>",
            "identity":{{"name":"<i>Ann</i>"}},{more}}}"#
    );
    row(&serde_json::from_str(&json).unwrap(), NOW.wall)
}

fn needy() -> AccountRow {
    account(r#""state":"needs_login","attention_needed":true,"reason":"<script>alert(1)</script>""#)
}

fn question(id: &str) -> QuestionRow {
    question_of(Requester::Program("/bin/<em>x".into()), id)
}

fn question_of(asker: Requester, id: &str) -> QuestionRow {
    let question = ConsentQuestion { id: id.into(), asker, account: "work".into(), pid: Some(4711), asked: NOW };
    question_row(&question, NOW)
}

#[test]
fn a_failure_is_an_alert_and_has_no_backticks() {
    let told = failed(&Error::LoginRequired { account: "work".into(), why: "nobody has logged in".into() });
    let page = StatusPage { told: Some(told), store_key: "`key.toml`".into(), ..empty() };
    let text = page.render().unwrap();
    assert!(text.contains(r#"<p class="told bad" role="alert">"#) && !text.contains('`'), "{text}");
    assert!(text.contains("Run <code>ringback login work</code>.") && text.contains("<code>key.toml</code>"), "{text}");
}

#[test]
fn everything_on_the_page_is_escaped_and_every_form_has_the_token() {
    let line = AuditLine { account: Some("<b>x".into()), ..AuditLine::new(AuditEvent::Token, "<u>".into()) };
    let app = AppRow {
        name: "editor".into(),
        temporary: false,
        rights: "<s>".into(),
        scopes: Some("<b>".into()),
        uses: String::new(),
        last: None,
        address: None,
        ends: None,
        while_pid: Some(4711),
    };
    let page = StatusPage {
        told: Some(worked("<u>told</u>")),
        needy: vec![needy()],
        mistakes: vec![ConfigMistake { account: Some("<b>bad".into()), message: "<i>m".into() }],
        refused: vec![ConfigMistake { account: None, message: "<u>r".into() }],
        apps: vec![app],
        questions: vec![question("7")],
        logins: vec![LoginRow {
            account: "work".into(),
            login: "l1".into(),
            current: "<em>x".into(),
            new: "<b>".into(),
        }],
        audit: Some(vec![audit_row(&line, NOW.wall)]),
        wrong_keys: words::wrong_keys(1),
        command: Some("<b>curl".into()),
        store_key: "<a>".into(),
        ..empty()
    };
    let text = page.render().unwrap();
    for tag in ["<script>", "<img", "<b>", "<i>", "<u>", "<s>", "<em>", "<a>", "style=", "onclick", "href=\"http"] {
        assert!(!text.contains(tag), "{tag}: {text}");
    }
    assert!(text.contains("; its key ends with process 4711"), "{text}");
    assert_eq!(text.matches("<script").count(), 1, "{text}");
    assert!(text.contains("<script src=\"/static/status.js\" defer></script>"), "{text}");
    assert_eq!(text.matches("<form").count(), text.matches(r#"name="form_token" value="form-token""#).count());
    assert!(text.contains(r#"<p class="told good" role="status">"#), "{text}");
    let names: Vec<_> = text.split("<button").skip(1).map(name_of).collect();
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "each button has a name of its own: {names:?}");
    assert_eq!(text.matches("<form").count(), 7, "answer, answer, log in, refresh, log out, remove, end: {text}");
}

/// The accessible name of a button, from what follows its `<button`.
fn name_of(rest: &str) -> String {
    let (tag, content) = rest.split_once('>').unwrap();
    let label = content.split("</button>").next().unwrap();
    let name = tag.split_once("aria-label=\"").and_then(|(_, name)| name.split('"').next()).unwrap_or(label);
    assert!(name.starts_with(label.trim_end_matches(['…'])), "{name} begins with its label {label} (WCAG 2.5.3)");
    name.to_owned()
}

#[test]
fn who_needs_somebody_comes_first_with_a_primary_button() {
    let well = account(r#""state":"active","attention_needed":false,"obtained_at":1699999000,"expires_at":1700001000"#);
    let page = StatusPage { needy: vec![needy()], accounts: vec![well], ..empty() };
    let text = page.render().unwrap();
    assert!(text.contains("1 account needs you"), "{text}");
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    let order = ["Needs you", "needs a login", "class=\"primary\"", ">Accounts<", "has a valid token"].map(at);
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(text.matches("class=\"primary\"").count(), 1, "{text}");
    for wanted in ["50 % of the token&#39;s life has passed", "in 16 min", "<title>1 account needs you"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

#[test]
fn a_question_says_who_asks_since_when_until_when_and_what_allow_means() {
    let text = StatusPage { questions: vec![question("7")], ..empty() }.render().unwrap();
    for wanted in
        ["/bin/&#60;em&#62;x", "4711", "in 60 s", "0 s ago", "from now on", "class=\"primary\"", "only a hint"]
    {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

#[test]
fn an_unknown_program_is_promised_nothing_that_is_not_remembered() {
    let questions = vec![question_of(Requester::Unknown, "7")];
    let text = StatusPage { questions, ..empty() }.render().unwrap();
    for wanted in ["does not tell which program it is, so you are asked each time", r#"value="once" class="primary""#] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    for untrue in ["from now on", "only a hint", r#"value="allow""#] {
        assert!(!text.contains(untrue), "{untrue}: {text}");
    }
}

#[test]
fn an_empty_install_is_greeted_with_three_steps() {
    let text = empty().render().unwrap();
    assert!(text.contains("Welcome to ringback") && text.contains("<ol"), "{text}");
    assert_eq!(text.split("<ol").nth(1).unwrap().split("</ol>").next().unwrap().matches("<li").count(), 3, "{text}");
    let mistaken = vec![ConfigMistake { account: Some("work".into()), message: "m".into() }];
    assert!(!StatusPage { mistakes: mistaken, ..empty() }.render().unwrap().contains("<ol class=\"steps\""));
}

#[test]
fn a_path_is_one_word_of_a_shell() {
    for (path, word) in [("/run/user/1/r.sock", "/run/user/1/r.sock"), ("/a b/'c", r"'/a b/'\''c'")] {
        assert_eq!(quoted(path), word);
    }
}

#[test]
fn the_page_says_that_the_audit_log_is_off() {
    let text = StatusPage { audit: None, ..empty() }.render().unwrap();
    assert!(text.contains("The audit log is off"), "{text}");
}
