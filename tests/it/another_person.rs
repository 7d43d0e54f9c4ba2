//! A login as another person than before: confirmed on the page, at the terminal or over the API, and nothing is
//! replaced without a confirmation.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};

use ringback::contract::{AccountState, LoginReply, LoginStatus};
use serde_json::{Value, json};
use url::Url;

use crate::http::{Browser, Reply, Request};
use crate::idp::{Act, Idp, granted, plain};
use crate::terminal::AtTerminal;
use crate::world::{World, account, feed, until};

/// A world where `ann` is logged in, with a provider that supports revocation.
fn ann_is_logged_in() -> (Idp, World) {
    ann_is_logged_in_beside("", "")
}

/// The same, with `top` at the top of the config and `more` at its end.
fn ann_is_logged_in_beside(top: &str, more: &str) -> (Idp, World) {
    let idp = Idp::start();
    let revoke = format!("revoke = \"rfc7009\"\nrevoke_url = \"{}\"", idp.url("/revoke"));
    let world = World::start_with(&idp, top, &revoke, more);
    idp.next(granted("ann"));
    world.log_in("work");
    (idp, world)
}

/// Starts a login that `eve` completes; returns its id, the browser, and its last URL and page.
fn eve_logs_in(idp: &Idp, world: &World) -> (String, Browser, Url, Reply) {
    idp.next(granted("eve"));
    for _ in EVES {
        idp.next_at("/revoke", Act::Raw(plain(200, "application/json", "{}")));
    }
    let started = world.start_login("work", "caller_browser");
    let mut browser = Browser::default();
    let stop = |url: &Url| url.path().starts_with("/login/outcome/");
    let (url, _) = browser.go_until(started.start_url.as_deref().unwrap(), stop);
    let page = browser.visit(&url);
    (started.login_id, browser, url, page)
}

/// Presses the button `answer` of the form at `url` in this browser.
fn press(browser: &Browser, url: &Url, form_token: &str, answer: &str) -> Reply {
    let authority = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let cookies: Vec<_> = browser.cookies.iter().filter(|(_, path, ..)| path == url.path()).collect();
    let [(.., name, value)] = cookies[..] else { panic!("expected one cookie of the page: {:?}", browser.cookies) };
    let mut request = Request::new("POST", url.path())
        .header("Origin", &format!("http://{authority}"))
        .header("Sec-Fetch-Site", "same-origin")
        .header("Cookie", &format!("{name}={value}"))
        .header("Content-Type", "application/x-www-form-urlencoded");
    request.body = Some(format!("form_token={form_token}&answer={answer}"));
    crate::http::Wire::tcp(&authority).ask(&request.bytes(&authority))
}

/// The tokens that are revoked if the login is rejected.
const EVES: [&str; 2] = ["RT~canary-eve", "AT~canary-eve"];

fn revoked(idp: &Idp) -> Vec<String> {
    idp.seen_at("/revoke").iter().map(|seen| seen.parameters()["token"].clone()).collect()
}

fn until_revoked(idp: &Idp) {
    until("the new login is revoked", || (revoked(idp) == EVES).then_some(()));
}

fn look(world: &World, id: &str) -> LoginReply {
    world.get(&format!("/v1/logins/{id}")).parse()
}

/// Waits for a line of the audit log whose reason contains `wanted`.
fn audited(world: &World, wanted: &str) -> Value {
    until(&format!("the audit log says {wanted:?}"), || {
        let (_, out, _) = world.cli(&["audit", "--json"]);
        let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.into_iter().find(|line| line["reason"].as_str().is_some_and(|reason| reason.contains(wanted)))
    })
}

#[test]
fn the_page_asks_only_in_the_browser_that_logged_in_and_its_buttons_answer() {
    for (answer, token, status) in
        [("keep", "AT~canary-ann", LoginStatus::Failed), ("replace", "AT~canary-eve", LoginStatus::Succeeded)]
    {
        let (idp, world) = ann_is_logged_in();
        let (id, mut browser, url, page) = eve_logs_in(&idp, &world);
        for wanted in ["email ann@example.org", "email eve@example.org", "sub eve", ">Keep<", ">Replace<"] {
            assert!(page.body.contains(wanted), "{wanted}: {}", page.body);
        }
        assert!(!page.body.contains("canary"), "{}", page.body);
        assert_eq!((world.token("work").as_str(), look(&world, &id).status), ("AT~canary-ann", LoginStatus::Pending));
        let elsewhere = Browser::default().go(url.as_str());
        assert!(elsewhere.body.contains("ringback login work") && !elsewhere.body.contains("<form"), "{elsewhere:?}");
        let token_of_form = browser.visit(&url).form_token().to_owned();
        let answered = press(&browser, &url, &token_of_form, answer);
        assert_eq!((answered.status, answered.header("location")), (303, Some(url.path())), "{answered:?}");
        let page = browser.visit(&url);
        let end = world.login_end(&id);
        assert_eq!((end.status, world.token("work").as_str()), (status, token));
        if answer == "keep" {
            until_revoked(&idp);
            assert!(page.body.contains("stays logged in as email ann@example.org"), "{}", page.body);
            let line = audited(&world, "the answer was to keep the account as it is");
            assert_eq!((&line["event"], &line["result"]), (&json!("login"), &json!("login_failed")));
        } else {
            assert!(
                page.body.contains("email ann@example.org") && page.body.contains("were replaced"),
                "{}",
                page.body
            );
            assert_eq!(audited(&world, "the answer was to replace")["result"], "ok");
            assert!(revoked(&idp).is_empty());
        }
        let again = press(&browser, &url, &token_of_form, "replace");
        assert_eq!((again.status, world.token("work").as_str()), (400, token), "the form works once");
    }
}

#[test]
fn a_redirect_uri_with_its_own_port_asks_there() {
    let idp = Idp::start();
    let port = crate::http::free_port();
    let world = World::start_with(&idp, "", "", &format!("redirect_uri = \"http://127.0.0.1:{port}/cb\""));
    idp.next(granted("ann"));
    world.log_in("work");
    let (id, browser, url, page) = eve_logs_in(&idp, &world);
    assert_eq!(url.port(), Some(port));
    assert_eq!(press(&browser, &url, page.form_token(), "replace").status, 303);
    assert_eq!((world.login_end(&id).status, world.token("work").as_str()), (LoginStatus::Succeeded, "AT~canary-eve"));
}

#[test]
fn a_program_can_answer_over_the_api_if_it_has_the_rights() {
    let (idp, world) = ann_is_logged_in_beside("default_account = \"work\"", &account("other", "idp", ""));
    let key = |arguments: &[&str]| format!("Bearer {}", world.add_app(arguments));
    let reader = key(&["reader", "--account", "work"]);
    let stranger = key(&["stranger", "--account", "other", "--write"]);
    let writer = key(&["writer", "--account", "work", "--write"]);
    let (id, ..) = eve_logs_in(&idp, &world);
    let answer = |id: &str, key: &str, body: &str| {
        let request = Request::new("POST", &format!("/v1/logins/{id}/answer")).header("Authorization", key);
        world.ask_tcp(&request.json(body))
    };
    for (id, key, body, status) in [
        (id.as_str(), &reader, r#"{"replace":true}"#, 403),
        (&id, &stranger, r#"{"replace":true}"#, 404),
        ("guessed", &writer, r#"{"replace":true}"#, 404),
        (&id, &writer, "{}", 400),
        (&id, &writer, r#"{"replace":"yes"}"#, 400),
        (&id, &writer, r#"{"replace":true,"account":"other"}"#, 400),
    ] {
        let reply = answer(id, key, body);
        assert_eq!(reply.status, status, "{body}: {reply:?}");
    }
    assert_eq!(world.token("work"), "AT~canary-ann");
    let asked = world.account("work").login_confirm.expect("a question");
    assert_eq!((&asked.current["sub"], &asked.new["sub"]), (&json!("ann"), &json!("eve")));
    let (_, table, _) = world.cli(&["status"]);
    assert!(table.contains("is waiting: should it replace email ann@example.org"), "{table}");
    let waited = world.get(&format!("/v1/logins/{id}?wait=600"));
    assert_eq!(
        waited.json()["confirm"]["new"]["sub"],
        "eve",
        "a caller that waits for the login learns of the question"
    );
    let end: LoginReply = answer(&id, &writer, r#"{"replace":true}"#).parse();
    assert_eq!((end.status, world.token("work").as_str()), (LoginStatus::Succeeded, "AT~canary-eve"));
    assert_eq!(answer(&id, &writer, r#"{"replace":false}"#).status, 400, "answering works once");
    assert_eq!((world.token("work").as_str(), revoked(&idp).len()), ("AT~canary-eve", 0));
    assert_eq!(audited(&world, "answered: replace")["app"], "writer");
}

#[test]
fn a_stop_revokes_an_unconfirmed_login_and_keeps_the_old_tokens() {
    let (idp, mut world) = ann_is_logged_in();
    eve_logs_in(&idp, &world);
    world.restart();
    assert_eq!((revoked(&idp), world.token("work")), (EVES.map(String::from).to_vec(), "AT~canary-ann".to_owned()));
    audited(&world, "the daemon is stopping: the account stays logged in as");
}

/// Reads the URL that `ringback login` prints; returns it and the rest of the output.
pub(crate) fn shown(child: &mut Child) -> (String, BufReader<std::process::ChildStderr>) {
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut url = String::new();
    while !url.starts_with("http://") {
        url.clear();
        assert_ne!(lines.read_line(&mut url).unwrap(), 0, "no URL was printed");
    }
    (url, lines)
}

#[test]
fn without_a_terminal_login_fails_with_a_hint_and_can_be_confirmed_by_another_run() {
    let (idp, world) = ann_is_logged_in();
    idp.next(granted("eve"));
    let mut child = world.command(&["login", "--no-browser"]).spawn().unwrap();
    let (url, mut lines) = shown(&mut child);
    Browser::default().go(url.trim());
    let mut said = String::new();
    lines.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(11), "{said}");
    assert!(said.contains("is logged in as email ann@example.org") && said.contains("--replace"), "{said}");
    assert_eq!(world.token("work"), "AT~canary-ann");
    let (code, _, said) = world.cli(&["login"]);
    assert_eq!(code, 11, "the login still waits for a confirmation, and there is no terminal: {said}");
    let (code, _, said) = world.cli(&["login", "--replace"]);
    assert_eq!((code, world.token("work").as_str()), (0, "AT~canary-eve"), "{said}");
    assert!(said.contains("The account was logged in as email ann@example.org"), "{said}");
}

#[test]
fn login_with_replace_does_not_ask() {
    let (idp, world) = ann_is_logged_in();
    idp.next(granted("eve"));
    let mut child = world.command(&["login", "--no-browser", "--replace"]).spawn().unwrap();
    let (url, mut lines) = shown(&mut child);
    let page = Browser::default().go(url.trim());
    let mut said = String::new();
    lines.read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), world.token("work").as_str()), (Some(0), "AT~canary-eve"), "{said}");
    assert!(
        said.contains("The account was logged in as email ann@example.org") && page.body.contains("were replaced"),
        "{said}"
    );
}

#[test]
fn a_run_with_via_and_replace_answers_the_question_of_another() {
    let (idp, world) = ann_is_logged_in();
    let (id, ..) = eve_logs_in(&idp, &world);
    // Its input stays open until it ends.
    let arguments = ["login", "work", "--json", "--steps", "--replace"];
    let mut child = world.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
    let steps = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let steps: Vec<Value> = steps.map(|line| serde_json::from_str(&line).unwrap()).collect();
    let [started, end] = &steps[..] else { panic!("{steps:?}") };
    assert_eq!((&started["login_id"], &started["start_url"]), (&json!(id), &Value::Null));
    assert_eq!(started["confirm"]["new"]["sub"], "eve");
    assert_eq!((&end["status"], world.token("work").as_str()), (&json!("succeeded"), "AT~canary-eve"));
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_import_needs_a_confirmation_like_a_login() {
    let (idp, world) = ann_is_logged_in();
    let import = |arguments: &[&str]| {
        let mut command = world.command(&[&["import", "work", "--refresh-token"], arguments].concat());
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        feed(&mut child, b"RT~canary-brought");
        crate::world::told(child.wait_with_output().unwrap())
    };
    idp.next(granted("eve"));
    let (code, _, said) = import(&[]);
    assert_eq!((code, world.token("work").as_str()), (11, "AT~canary-ann"), "{said}");
    let (code, _, said) = world.cli(&["login", "--replace"]);
    assert_eq!((code, world.token("work").as_str()), (0, "AT~canary-eve"), "{said}");
    idp.next(granted("bob"));
    let (code, _, said) = import(&["--replace"]);
    assert_eq!((code, world.token("work").as_str()), (0, "AT~canary-bob"), "{said}");
    assert!(said.contains("The account was logged in as email eve@example.org"), "{said}");
}

#[test]
fn a_login_of_unknown_identity_replaces_the_account_and_says_so() {
    let (idp, world) = ann_is_logged_in();
    let mut child = world.command(&["login", "--no-browser"]).spawn().unwrap();
    let (url, mut lines) = shown(&mut child);
    // The test provider's default reply has no ID token.
    let page = Browser::default().go(url.trim());
    let mut said = String::new();
    lines.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    for told in [&said, &page.body] {
        assert!(told.to_lowercase().contains("the provider does not say who logged in"), "{told}");
    }
    assert!(idp.honours(&world.token("work")));
}

#[test]
fn at_a_terminal_login_asks_and_only_a_yes_replaces() {
    for (line, code, token, told) in [
        ("y\n", 0, "AT~canary-eve", "The account was logged in as email ann@example.org"),
        ("n\n", 6, "AT~canary-ann", "stays logged in as email ann@example.org"),
        ("\n", 6, "AT~canary-ann", "stays logged in as"),
        // Ctrl-D: end of input.
        ("\u{4}", 6, "AT~canary-ann", "stays logged in as"),
    ] {
        let (idp, world) = ann_is_logged_in();
        let (_, _, url, page) = eve_logs_in(&idp, &world);
        let mut terminal = AtTerminal::start(&world, &["login"]);
        let screen = terminal.until_shown("[y/N]");
        assert!(screen.contains("is logged in as email ann@example.org"), "{screen}");
        assert!(screen.contains("This login is as email eve@example.org"), "{screen}");
        assert_eq!(world.token("work"), "AT~canary-ann");
        terminal.type_line(line);
        assert_eq!((terminal.end(), world.token("work").as_str()), (Some(code), token), "{}", terminal.screen());
        terminal.until_shown(told);
        if code != 0 {
            until_revoked(&idp);
        }
        assert!(page.body.contains("<form"), "the page asks, too: {url}");
    }
}

#[test]
fn the_terminal_notices_an_answer_on_the_page() {
    let (idp, world) = ann_is_logged_in();
    let (_, browser, url, page) = eve_logs_in(&idp, &world);
    let mut terminal = AtTerminal::start(&world, &["login"]);
    terminal.until_shown("[y/N]");
    assert_eq!(press(&browser, &url, page.form_token(), "replace").status, 303);
    assert_eq!((terminal.end(), world.token("work").as_str()), (Some(0), "AT~canary-eve"));
    terminal.until_shown("The account was logged in as email ann@example.org");
    assert_eq!(world.account("work").state, AccountState::Active);
}
