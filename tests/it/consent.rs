//! Asking the user before a program gets its first token.

use std::thread::JoinHandle;

use serde_json::Value;

use crate::desktop::Desktop;
use crate::http::{Reply, Request, Wire};
use crate::idp::Idp;
use crate::world::{World, account, provider, until};

/// Two logged-in accounts; `work` needs consent.
fn world(idp: &Idp) -> World {
    let config = [
        "default_account = \"work\"\n".to_owned(),
        provider("idp", idp, "/token", ""),
        account("work", "idp", "consent = \"ask\""),
        account("home", "idp", ""),
    ];
    let mut world = World::with_config(&config.join("\n"));
    world.run();
    world.log_in("work");
    world.log_in("home");
    world
}

/// Fetches a token in a background thread.
fn fetches(world: &World, target: &str, key: Option<&str>) -> JoinHandle<Reply> {
    let (authority, socket) = (world.authority(), world.runtime().join("ringback.sock"));
    let mut request = Request::get(target);
    if let Some(key) = key {
        request = request.header("Authorization", &format!("Bearer {key}"));
    }
    std::thread::spawn(move || {
        if request.headers.is_empty() {
            Wire::unix(&socket).ask(&request.bytes("localhost"))
        } else {
            Wire::tcp(&authority).ask(&request.bytes(&authority))
        }
    })
}

/// Waits for the pending question.
fn question(world: &World) -> Value {
    until("a question waits", || world.get("/v1/consents").json()["pending"].get(0).cloned())
}

const WORK: &str = "/v1/accounts/work/token";

#[test]
fn the_first_fetch_waits_for_consent_which_is_remembered_per_program_and_account() {
    let idp = Idp::start();
    let mut world = world(&idp);
    assert_eq!(world.get("/v1/accounts/home/token").status, 200, "this account needs no consent");
    let waiting = fetches(&world, WORK, None);
    let asked = question(&world);
    let who = asked["who"].as_str().unwrap();
    assert!(who.starts_with('/') && who.contains("/it-") && asked["account"] == "work", "{asked}");
    assert_eq!(world.cli(&["consent", "allow", asked["id"].as_str().unwrap()]).0, 0);
    assert_eq!(waiting.join().unwrap().status, 200);
    assert_eq!(world.get(WORK).status, 200, "served without a question");
    assert_eq!(world.cli(&["token"]).0, 0, "our own command line counts as the program that runs it");
    // With a key, the same program counts as that app.
    let (_, key, _) = world.cli(&["app", "add", "editor"]);
    let waiting = fetches(&world, WORK, Some(key.trim()));
    let asked = question(&world);
    assert_eq!(asked["who"], "the app editor");
    assert_eq!(world.cli(&["consent", "refuse", asked["id"].as_str().unwrap()]).0, 0);
    let refused = waiting.join().unwrap();
    assert!(refused.status == 403 && refused.body.contains("the user refused it"), "{refused:?}");
    world.restart();
    assert_eq!(world.get(WORK).status, 200, "remembered");
    assert_eq!(fetches(&world, WORK, Some(key.trim())).join().unwrap().status, 403);
    let (code, list, _) = world.cli(&["consent", "list"]);
    assert!(code == 0 && list.contains("the app editor may not get tokens of work"), "{list}");
    // A new app with the same name inherits no answer.
    assert_eq!(world.cli(&["app", "remove", "editor"]).0, 0);
    assert!(!world.cli(&["consent", "list"]).1.contains("editor"));
    let (code, _, said) = world.cli(&["consent", "allow", "999"]);
    assert!(code == 2 && said.contains("no pending question") && said.contains("ringback consent list"), "{said}");
    let told = std::fs::read_to_string(world.state().join("audit.jsonl")).unwrap();
    assert!(told.contains("\"event\":\"consent\"") && told.contains("Refuse: the app editor"), "{told}");
}

#[test]
fn a_question_stays_open_for_a_while_after_its_caller_has_gone() {
    let idp = Idp::start();
    let world = world(&idp);
    let refused = world.get(&format!("{WORK}?wait=0"));
    assert!(refused.status == 403 && refused.body.contains("has not answered"), "{refused:?}");
    let (code, out, said) = world.cli(&["token", "--wait", "1"]);
    assert!(code == 10 && out.is_empty() && said.contains("ringback consent list"), "{code} {said}");
    // Both share one question, which stays open for a while: once allowed, the next fetch succeeds.
    let asked = world.get("/v1/consents").json()["pending"].as_array().unwrap().clone();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(world.cli(&["consent", "allow", asked[0]["id"].as_str().unwrap()]).0, 0);
    assert_eq!(world.get(&format!("{WORK}?wait=0")).status, 200);
}

#[test]
fn allowing_once_covers_only_waiting_requests_and_forgotten_answers_are_asked_again() {
    let idp = Idp::start();
    let world = world(&idp);
    let both = [fetches(&world, WORK, None), fetches(&world, WORK, None)];
    let asked = question(&world);
    assert_eq!(world.cli(&["consent", "once", asked["id"].as_str().unwrap()]).0, 0);
    for waiting in both {
        assert_eq!(waiting.join().unwrap().status, 200);
    }
    let waiting = fetches(&world, WORK, None);
    let asked = question(&world);
    assert_eq!(world.cli(&["consent", "allow", asked["id"].as_str().unwrap()]).0, 0);
    assert_eq!(waiting.join().unwrap().status, 200);
    let known = world.get("/v1/consents").json()["remembered"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.cli(&["consent", "forget", &known]).0, 0);
    let waiting = fetches(&world, WORK, None);
    assert_eq!(world.cli(&["consent", "refuse", question(&world)["id"].as_str().unwrap()]).0, 0);
    assert_eq!(waiting.join().unwrap().status, 403);
}

#[test]
fn a_notification_asks_for_consent_and_its_button_answers() {
    let idp = Idp::start();
    let desktop = Desktop::start();
    let config = [provider("idp", &idp, "/token", ""), account("work", "idp", "consent = \"ask\"")];
    let mut world = World::with_config(&config.join("\n"));
    world.through = vec!["/usr/bin/env".into(), desktop.variable()];
    world.run();
    world.log_in("work");
    let (_, key, _) = world.cli(&["app", "add", "editor"]);
    let waiting = fetches(&world, WORK, Some(key.trim()));
    let shown = desktop.next();
    assert_eq!((shown.title.as_str(), shown.body.as_str()), ("A token of work?", "Requested by the app editor."));
    assert_eq!(shown.actions, ["allow", "Allow", "once", "Once", "refuse", "Refuse"]);
    desktop.press(shown.id + 1, "refuse");
    desktop.press(shown.id, "allow");
    assert_eq!(waiting.join().unwrap().status, 200);
    assert_eq!(world.get("/v1/consents").json()["remembered"][0]["allowed"], true);
}
