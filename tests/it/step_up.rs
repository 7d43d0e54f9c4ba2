//! Step-up: an API wants more scope than the token has. The user is asked once, sees for what, and a login gets it.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::Stdio;

use ringback::contract::{LoginStarted, LoginStatus, ScopeWanted};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::another_person::shown;
use crate::api_server::{ApiServer, with_key};
use crate::attention::Seat;
use crate::http::{Browser, Reply, Request};
use crate::idp::Idp;
use crate::page::Session;
use crate::terminal::AtTerminal;
use crate::world::{World, until};

/// An API that wants the scope that its path names, with `+` between scopes.
fn demanding() -> ApiServer {
    ApiServer::start(|received, line| {
        line.body();
        let target = received.line().split(' ').nth(1).unwrap().to_owned();
        let scope = target.rsplit('/').next().unwrap().replace('+', " ");
        let scope = scope.replace("MARKUP", "<b>").replace("BACKSLASH", "\\\\");
        line.answer(403, &format!("WWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"{scope}\"\r\n"), "no")
    })
}

/// A program without a key needs `scope`.
fn needs(world: &World, scope: &str) -> Reply {
    let reply = world.get(&format!("/proxy/work/{scope}"));
    assert_eq!((reply.status, reply.code().as_str()), (403, "upstream_failed"), "{reply:?}");
    reply
}

fn wanted(world: &World) -> Option<ScopeWanted> {
    world.account("work").proxy.unwrap().scope_wanted
}

fn asked(world: &World) -> String {
    wanted(world).map(|wanted| wanted.scope).unwrap_or_default()
}

/// The scope of the last request to the authorization endpoint.
fn requested(idp: &Idp) -> String {
    idp.seen_at("/authorize").last().unwrap().query()["scope"].clone()
}

fn post_login(more_scope: &str) -> Request {
    let body = json!({ "via": "caller_browser", "more_scope": more_scope });
    Request::new("POST", "/v1/accounts/work/login").json(&body.to_string())
}

/// Logs in with `more_scope`.
fn log_in_with(world: &World, more_scope: &str) {
    let started: LoginStarted = world.ask(&post_login(more_scope)).parse();
    assert_eq!(started.warning, None);
    Browser::default().go(started.start_url.as_deref().unwrap());
    assert_eq!(world.login_end(&started.login_id).status, LoginStatus::Succeeded);
}

#[test]
fn the_user_is_asked_for_the_union_and_a_login_gets_it_and_nothing_loops() {
    let (idp, api) = (Idp::start(), demanding());
    let world = api.world(&idp, "");
    let agent = world.add_app(&["agent", "--proxy", "work"]);
    let by_agent = Request::get("/proxy/work/calls+one").header("Authorization", &format!("Bearer {agent}"));
    let reply = world.ask_tcp(&by_agent);
    assert!(reply.body.contains("`ringback login work --more-scope`"), "{reply:?}");
    needs(&world, "files");
    needs(&world, "calls");
    let question = ScopeWanted { scope: "calls files".into(), apps: vec!["agent".into()] };
    assert_eq!(wanted(&world), Some(question), "`one` is in the config");
    let (code, out, _) = world.cli(&["status"]);
    let says = "more scope wanted (calls files) by agent: run `ringback login work --more-scope`";
    assert!(code == 5 && out.contains(says), "{out}");
    assert!(world.cli(&["status", "--verbose"]).1.contains(says));

    // A login as usual asks for nothing that nobody has agreed to.
    let started = world.start_login("work", "caller_browser");
    assert!(started.warning.as_ref().unwrap().contains("`calls files`"), "{started:?}");
    Browser::default().go(started.start_url.as_deref().unwrap());
    assert_eq!(world.login_end(&started.login_id).status, LoginStatus::Succeeded);
    assert_eq!((requested(&idp).as_str(), asked(&world).as_str()), ("one two", "calls files"));

    let mut child =
        world.command(&["login", "work", "--more-scope", "--no-browser"]).stderr(Stdio::piped()).spawn().unwrap();
    let (url, mut lines) = shown(&mut child);
    Browser::default().go(url.trim());
    let mut said = String::new();
    lines.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    assert_eq!((requested(&idp).as_str(), asked(&world).as_str()), ("one two calls files", ""));

    // The provider did not grant it: that is said, and nobody is asked again.
    let reply = needs(&world, "calls+files");
    assert!(reply.body.contains("asks for this scope already") && asked(&world).is_empty(), "{reply:?}");
    let (code, _, said) = world.cli(&["login", "work", "--more-scope"]);
    assert!(code == 2 && said.contains("a login has asked for it since"), "{said}");
    world.log_in("work");
    assert_eq!(requested(&idp), "one two calls files", "later logins ask for it, too");
    needs(&world, "more");
    assert_eq!(asked(&world), "more", "another scope is another question");
    assert_eq!(world.cli(&["logout", "work"]).0, 0);
    world.log_in("work");
    assert_eq!((requested(&idp).as_str(), asked(&world).as_str()), ("one two", ""), "a logout forgets all of it");
}

#[test]
fn a_reply_without_a_scope_brought_what_was_asked_for() {
    let (idp, api) = (Idp::start(), demanding());
    let world = api.world(&idp, "");
    needs(&world, "calls");
    idp.next(crate::idp::granted("ann"));
    log_in_with(&world, "calls");
    assert_eq!(world.account("work").scope.as_deref(), Some("one two calls"));
}

#[test]
fn the_terminal_shows_the_scope_and_asks() {
    let (idp, api) = (Idp::start(), demanding());
    let world = api.world(&idp, "");
    needs(&world, "calls");
    let mut terminal = AtTerminal::start(&world, &["login", "work", "--more-scope", "--no-browser"]);
    let shown = terminal.until_shown("[y/N]");
    assert!(shown.contains("refused requests of a program without a key, and wants: calls"), "{shown}");
    terminal.type_line("n\n");
    assert_eq!((terminal.end(), asked(&world).as_str()), (Some(0), "calls"));
    assert_eq!(idp.seen_at("/authorize").len(), 1, "no login was begun");
}

#[test]
fn nobody_but_the_user_agrees_and_only_to_what_was_asked() {
    let (idp, api) = (Idp::start(), demanding());
    let world = api.world(&idp, "");
    needs(&world, "calls");
    let writer = world.add_app(&["writer", "--account", "work", "--write"]);
    let by = |request: Request, key: &str| world.ask_tcp(&request.header("Authorization", &format!("Bearer {key}")));
    for (reply, expected) in [
        (by(post_login("calls"), &writer), (403, "not_permitted")),
        (world.ask(&post_login("admin")), (400, "usage")),
        (world.ask(&post_login("calls admin")), (400, "usage")),
        (world.ask_tcp(&with_key(&world, post_login("admin"))), (400, "usage")),
    ] {
        assert_eq!((reply.status, reply.code().as_str()), expected, "{reply:?}");
    }
    let seen = by(Request::get("/v1/accounts/work"), &writer).json();
    assert_eq!(seen["proxy"]["scope_wanted"], json!({ "scope": "calls" }), "an app learns of itself alone");
    assert_eq!(world.ask_tcp(&with_key(&world, post_login("calls"))).status, 200, "a key with every right");
}

#[test]
fn an_upstream_can_neither_flood_the_question_nor_hide_in_it() {
    let (idp, api) = (Idp::start(), demanding());
    let world = api.world(&idp, "");
    for unfit in ["aBACKSLASHb", &"x".repeat(129)] {
        let reply = needs(&world, unfit);
        assert!(reply.body.contains("Nobody is asked") && asked(&world).is_empty(), "{reply:?}");
    }
    for number in 0..40 {
        needs(&world, &format!("scope-{number}+MARKUP"));
    }
    let all: BTreeSet<String> = asked(&world).split(' ').map(str::to_owned).collect();
    assert_eq!(all.len(), 16, "{all:?}");
    let page = Session::begin(&world).get().body;
    assert!(page.contains("&#60;b&#62; scope-0") && !page.contains("<b>"), "{page}");
    let unnamed = needs(&world, "");
    assert!(unnamed.body.contains("Add what the API's documentation names"), "{unnamed:?}");
}

#[test]
fn the_status_page_asks_and_takes_either_answer() {
    let (idp, api) = (Idp::start(), demanding());
    let world = api.world(&idp, "");
    needs(&world, "calls");
    let session = Session::begin(&world);
    let page = session.get().body;
    for says in ["1 question waits for your answer", "<code>calls</code>", "a program without a key", "Log in with it"]
    {
        assert!(page.contains(says), "{says}: {page}");
    }
    assert_eq!(session.press("/do/login", "account=work&more_scope=calls&answer=leave").status, 303);
    assert!(asked(&world).is_empty() && session.get().body.contains("It is left out."));
    let reply = needs(&world, "calls");
    assert!(asked(&world).is_empty(), "not asked again");
    assert!(reply.body.contains("ringback account edit work --scope 'one two calls'"), "{reply:?}");
    needs(&world, "files");
    let leaving = session.press("/do/login", "account=work&more_scope=files&answer=add");
    let to = leaving.header("refresh").unwrap().strip_prefix("0;url=").unwrap().to_owned();
    Browser::default().go(&format!("http://{}{to}", world.authority()));
    until("the question is answered", || asked(&world).is_empty().then_some(()));
    assert_eq!(requested(&idp), "one two files");
}

#[test]
fn a_thousand_refusals_make_one_notification_whose_button_logs_in() {
    let api = demanding();
    let seat = Seat::with(&format!("proxy = {{ upstream = \"{}\" }}", api.url("")));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..250).for_each(|_| drop(needs(&seat.world, "calls"))));
        }
    });
    let notification = seat.desktop.next();
    assert_eq!(notification.title, "Log in to work with more scope?");
    let body = "127.0.0.1 wants calls for a program without a key. `ringback status` has the answers.";
    assert_eq!(notification.body, body);
    assert_eq!(notification.actions, ["login", "Log in with it"]);
    seat.desktop.press(notification.id, "login");
    seat.use_tab(1);
    until("the question is answered", || asked(&seat.world).is_empty().then_some(()));
    assert_eq!(requested(&seat.idp), "one two calls");
    needs(&seat.world, "calls");
    assert!(!seat.desktop.shows_within(std::time::Duration::from_millis(2500)), "asked once");
}

#[test]
fn a_changed_config_ends_the_question() {
    let (idp, api, other) = (Idp::start(), demanding(), demanding());
    let mut world = World::with_config(&api.config(&idp, ""));
    world.run();
    world.log_in("work");
    needs(&world, "calls+files");
    let config = api.config(&idp, "");
    world.configure(&config.replacen("scope = [\"one\", \"two\"]", "scope = [\"one\", \"two\", \"calls\"]", 1));
    world.signal(Signal::HUP);
    until("the config has one of them", || (asked(&world) == "files").then_some(()));
    log_in_with(&world, "files");
    assert_eq!(requested(&idp), "one two calls files");
    // What one API's users agreed to is nothing to another.
    world.configure(&config.replace(&api.url(""), &other.url("")));
    world.signal(Signal::HUP);
    let leads_there = || world.account("work").proxy.filter(|proxy| proxy.upstream.contains(&other.port.to_string()));
    until("the other API is there", leads_there);
    world.log_in("work");
    assert_eq!(requested(&idp), "one two");
}

#[test]
fn an_account_without_a_users_login_is_told_to_change_its_config() {
    let (idp, api) = (Idp::start(), demanding());
    let config = api.config(&idp, "grant = \"client_credentials\"\n");
    idp.next(crate::idp::granted("service"));
    let mut world = World::with_config(&config);
    world.run();
    let reply: Value = needs(&world, "calls").json();
    let hint = reply["hint"].as_str().unwrap();
    assert!(hint.contains("ringback account edit work --scope 'one two calls'") && asked(&world).is_empty(), "{hint}");
}
