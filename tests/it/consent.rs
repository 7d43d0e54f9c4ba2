//! Asking the user before a program gets its first token.

use std::thread::JoinHandle;

use serde_json::Value;

use crate::desktop::Desktop;
use crate::http::{Reply, Request, Wire};
use crate::idp::Idp;
use crate::world::{World, account, provider, until};

/// Two accounts that are logged in; `work` asks.
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

/// A fetch in the background.
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

/// The question that waits, once there is one.
fn question(world: &World) -> Value {
    until("a question waits", || world.get("/v1/consents").json()["pending"].get(0).cloned())
}

const WORK: &str = "/v1/accounts/work/token";

#[test]
fn the_first_fetch_waits_for_the_answer_which_is_remembered_for_this_program_and_account() {
    let idp = Idp::start();
    let mut world = world(&idp);
    assert_eq!(world.get("/v1/accounts/home/token").status, 200, "this account asks nobody");
    let waiting = fetches(&world, WORK, None);
    let asked = question(&world);
    let who = asked["who"].as_str().unwrap();
    assert!(who.starts_with('/') && who.contains("/it-") && asked["account"] == "work", "{asked}");
    assert_eq!(world.cli(&["consent", "allow", asked["id"].as_str().unwrap()]).0, 0);
    assert_eq!(waiting.join().unwrap().status, 200);
    assert_eq!(world.get(WORK).status, 200, "at once");
    assert_eq!(world.cli(&["token"]).0, 0, "our own command line is the hands of who runs it");
    // A key makes it another one.
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
    // Another app of the same name inherits nothing.
    assert_eq!(world.cli(&["app", "remove", "editor"]).0, 0);
    assert!(!world.cli(&["consent", "list"]).1.contains("editor"));
    let (code, _, said) = world.cli(&["consent", "allow", "999"]);
    assert!(code == 2 && said.contains("has the number") && said.contains("ringback consent list"), "{said}");
    let told = std::fs::read_to_string(world.state().join("audit.jsonl")).unwrap();
    assert!(told.contains("\"event\":\"consent\"") && told.contains("Refuse: the app editor"), "{told}");
}

#[test]
fn a_question_stands_for_a_while_also_if_nobody_waits_for_its_answer() {
    let idp = Idp::start();
    let world = world(&idp);
    let refused = world.get(&format!("{WORK}?wait=0"));
    assert!(refused.status == 403 && refused.body.contains("has not answered"), "{refused:?}");
    let (code, out, said) = world.cli(&["token", "--wait", "1"]);
    assert!(code == 10 && out.is_empty() && said.contains("ringback consent list"), "{code} {said}");
    // Both are one question, which stands for a while: who did not wait is allowed from the next fetch on.
    let asked = world.get("/v1/consents").json()["pending"].as_array().unwrap().clone();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(world.cli(&["consent", "allow", asked[0]["id"].as_str().unwrap()]).0, 0);
    assert_eq!(world.get(&format!("{WORK}?wait=0")).status, 200);
}

#[test]
fn once_is_for_what_waits_now_and_forgotten_answers_are_asked_for_again() {
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
fn a_notification_asks_and_its_button_answers() {
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
    assert_eq!((shown.title.as_str(), shown.body.as_str()), ("A token of work?", "It is asked for by the app editor."));
    assert_eq!(shown.actions, ["allow", "Allow", "once", "Once", "refuse", "Refuse"]);
    desktop.press(shown.id + 1, "refuse");
    desktop.press(shown.id, "allow");
    assert_eq!(waiting.join().unwrap().status, 200);
    assert_eq!(world.get("/v1/consents").json()["remembered"][0]["allowed"], true);
}
