//! Programs with their own keys: their rights, and removed or expired keys.

use serde_json::Value;

use crate::http::{Reply, Request};
use crate::idp::{Act, Idp, plain};
use crate::world::{World, account, mode, provider, told, until};

/// The command that restores the default app with all rights.
const AGAIN: &str = "ringback app add default --all-accounts --write";
const TOKEN: &str = "/v1/accounts/work/token?wait=0";

/// Two accounts; `work` has a token with scope `one two`.
fn world(idp: &Idp) -> World {
    let config = [
        provider("idp", idp, "/token", "narrow = \"scope\""),
        account("work", "idp", ""),
        account("home", "idp", ""),
        "default_account = \"work\"".into(),
    ];
    let [provider, work, home, top] = config;
    let mut world = World::with_config(&[top, provider, work, home].join("\n"));
    world.run();
    world.log_in("work");
    world
}

/// Runs `ringback app add` with these arguments; returns the key.
fn add(world: &World, arguments: &[&str]) -> String {
    let (code, key, said) = world.cli(&[&["app", "add"], arguments].concat());
    assert_eq!(code, 0, "{said}");
    assert!(key.starts_with("rbk_") && key.len() == 54 && !said.contains(key.trim()), "{said}");
    key.trim().to_owned()
}

fn ask(world: &World, key: &str, method: &str, target: &str) -> Reply {
    world.ask_tcp(&Request::new(method, target).header("Authorization", &format!("Bearer {key}")))
}

fn apps(world: &World) -> Value {
    world.get("/v1/apps").json()
}

/// A program that runs until its input is closed.
struct Program(std::process::Child);

impl Program {
    fn start() -> Self {
        Self(std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap())
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

#[test]
fn a_key_dies_with_the_process_that_it_was_made_for() {
    let idp = Idp::start();
    let mut world = world(&idp);
    let (first, second, third) = (Program::start(), Program::start(), Program::start());
    let pids = [&first, &second, &third].map(Program::pid);
    let [one, two, three] = [(0, "one"), (1, "two"), (2, "three")].map(|(number, name)| {
        let (code, key, said) = world.cli(&["app", "add", name, "--while-pid", &pids[number]]);
        assert!(code == 0 && said.contains(&format!("ends with process {}.", pids[number])), "{said}");
        key.trim().to_owned()
    });
    let said = |world: &World, pid: &str| {
        let log = world.state().join("audit.jsonl");
        let reason = format!("\"process {pid}, which the key of ");
        until("the audit log says why", || std::fs::read_to_string(&log).unwrap().contains(&reason).then_some(()));
    };
    let status = |world: &World, key: &str| ask(world, key, "GET", TOKEN).status;
    let lives = |world: &World, name: &str| world.cli(&["app", "list"]).1.contains(&format!("{name}: reads"));
    assert_eq!([&one, &two, &three].map(|key| status(&world, key)), [200; 3]);
    assert_eq!(apps(&world)["apps"][1]["while_pid"].to_string(), pids[0]);
    first.end();
    assert_eq!(status(&world, &one), 401, "at once, whoever removes it when");
    until("it is removed", || (!lives(&world, "one")).then_some(()));
    said(&world, &pids[0]);
    world.stop();
    second.end();
    world.run();
    assert_eq!([&one, &two, &three].map(|key| status(&world, key)), [401, 401, 200], "its process still runs");
    until("the daemon has removed that, too", || (!lives(&world, "two")).then_some(()));
    assert!(lives(&world, "three"));
    third.end();
    assert_eq!(status(&world, &three), 401);
    pids[1..].iter().for_each(|pid| said(&world, pid));
    for (pid, says) in [("2147483647", "there is no such process"), ("0", "0 is not in 1.."), ("x", "invalid")] {
        let (code, _, said) = world.cli(&["app", "add", "four", "--while-pid", pid]);
        assert!(code != 0 && said.contains(says), "{code} {said}");
    }
}

#[test]
fn a_key_has_only_its_rights() {
    let idp = Idp::start();
    let world = world(&idp);
    let reader = add(&world, &["reader"]);
    let home = add(&world, &["home-only", "--account", "home"]);
    let writer = add(&world, &["writer", "--all-accounts", "--write"]);
    for (key, method, target, status, says) in [
        (&reader, "GET", TOKEN, 200, "access_token"),
        (&reader, "GET", "/token", 200, "access_token"),
        (&reader, "GET", "/v1/accounts/default", 200, "work"),
        (&reader, "GET", "/v1/accounts/home/token", 403, "no right to that account"),
        (&reader, "GET", "/v1/accounts/nowhere/token", 403, "no right to that account"),
        (&reader, "POST", "/v1/accounts/work/refresh", 403, "may read only"),
        (&reader, "POST", "/v1/accounts/work/login", 403, "may read only"),
        (&reader, "DELETE", "/v1/accounts/work/token", 403, "may read only"),
        (&reader, "POST", "/v1/providers/idp/accept", 403, "may read only"),
        (&reader, "GET", "/v1/apps", 403, "unix socket only"),
        (&home, "GET", "/token", 403, "no right to that account"),
        (&home, "GET", TOKEN, 403, "no right to that account"),
        (&home, "GET", "/v1/accounts/home/token", 428, "nobody has logged in"),
        (&writer, "GET", "/v1/accounts/nowhere/token", 404, "nowhere"),
        (&writer, "POST", "/v1/accounts/work/refresh", 200, "active"),
        (&writer, "POST", "/v1/apps", 403, "unix socket only"),
    ] {
        let reply = ask(&world, key, method, target);
        assert!(reply.body.contains(says), "{method} {target}: {reply:?}");
        assert_eq!(reply.status, status, "{method} {target}: {reply:?}");
    }
    let names = |key: &str| ask(&world, key, "GET", "/v1/accounts").json()["accounts"].as_array().unwrap().len();
    assert_eq!((names(&reader), names(&home), names(&writer)), (1, 1, 2));
    assert!(ask(&world, &home, "GET", "/v1/accounts").json().get("default_account").is_none());
    // A login of its own account is visible, one of another account is not.
    let id = world.start_login("home", "caller_browser").login_id;
    let target = format!("/v1/logins/{id}");
    assert_eq!(ask(&world, &home, "GET", &target).status, 200);
    assert_eq!(ask(&world, &reader, "GET", &target).status, 404);
}

#[test]
fn a_key_on_the_socket_limits_the_caller_to_that_app() {
    let idp = Idp::start();
    let world = world(&idp);
    let reader = add(&world, &["reader"]);
    let shown = |key: &str, method: &str, target: &str| {
        world.ask(&Request::new(method, target).header("Authorization", &format!("Bearer {key}"))).status
    };
    assert_eq!(shown(&reader, "GET", TOKEN), 200);
    assert_eq!(shown(&reader, "GET", "/v1/apps"), 403);
    assert_eq!(shown(&reader, "DELETE", "/v1/apps/default"), 403);
    assert_eq!(shown("rbk_wrong", "GET", TOKEN), 401);
    assert_eq!(world.get("/v1/apps").status, 200, "a caller without a key is the user");
}

#[test]
fn a_key_with_scopes_gets_no_token_with_more() {
    let idp = Idp::start();
    let world = world(&idp);
    let one = add(&world, &["one", "--scope", "one"]);
    let both = add(&world, &["both", "--scope", "one", "--scope", "two"]);
    let other = add(&world, &["other", "--scope", "three"]);
    let token = |key: &str, query: &str| ask(&world, key, "GET", &format!("/v1/accounts/work/token{query}"));
    let narrow = r#"{"access_token":"narrow","token_type":"bearer","expires_in":3600,"scope":"one"}"#;
    idp.next(Act::Raw(plain(200, "application/json", narrow)));
    assert_eq!(token(&one, "").json()["access_token"], "narrow");
    assert_eq!(token(&one, "?scope=one").json()["scope"], "one");
    assert_eq!(token(&one, "?scope=one%20two").status, 403);
    assert_eq!(token(&both, "").json()["scope"], "one two");
    let two = add(&world, &["two", "--scope", "two"]);
    let generous = token(&two, "");
    assert!(
        generous.status == 403 && generous.body.contains("no more than these"),
        "the provider granted the full scope: {generous:?}"
    );
    let refused = token(&other, "");
    assert!(refused.status == 403 && refused.body.contains("limited to some scopes"), "{refused:?}");
}

#[test]
fn a_removed_key_stops_working_at_once_also_for_a_waiting_request() {
    let idp = Idp::start();
    let world = world(&idp);
    let key = add(&world, &["reader", "--account", "home"]);
    let authority = world.authority();
    let waiting = std::thread::spawn({
        let request = Request::get("/v1/accounts/home/token?wait=20").header("Authorization", &format!("Bearer {key}"));
        move || crate::http::Wire::tcp(&authority).ask(&request.bytes(&authority))
    });
    until("the app is seen", || {
        let apps = apps(&world);
        apps["apps"].as_array().unwrap().iter().any(|app| app["name"] == "reader" && app["uses"] == 1).then_some(())
    });
    let (code, _, said) = world.cli(&["app", "remove", "reader"]);
    assert_eq!((code, said.trim()), (0, "reader: removed, its key no longer works"));
    assert_eq!(ask(&world, &key, "GET", "/token").status, 401);
    // The login that it waits for succeeds, and the request still fails.
    world.log_in("home");
    let reply = waiting.join().unwrap();
    assert!(reply.status == 401 && reply.body.contains("removed"), "{reply:?}");
}

#[test]
fn usage_and_expiry_are_shown_and_survive_a_restart() {
    let idp = Idp::start();
    let mut world = world(&idp);
    let key = add(&world, &["reader", "--expires", "90d"]);
    for _ in 0..3 {
        assert_eq!(ask(&world, &key, "GET", TOKEN).status, 200);
    }
    assert_eq!(ask(&world, "rbk_wrong", "GET", TOKEN).status, 401);
    world.restart();
    let list = apps(&world);
    let reader = &list["apps"][1];
    assert_eq!(
        (&reader["name"], &reader["uses"], &reader["last_address"]),
        (&"reader".into(), &3.into(), &"127.0.0.1".into())
    );
    let left = reader["expires_at"].as_i64().unwrap() - reader["created_at"].as_i64().unwrap();
    assert_eq!(left, 90 * 86_400);
    assert_eq!(ask(&world, &key, "GET", TOKEN).status, 200);
    let (code, text, _) = world.cli(&["app", "list"]);
    assert!(code == 0 && text.contains("reader: reads work\n") && text.contains("used 4 times"), "{text}");
    let file = world.state().join("apps.json");
    assert!(mode(&file) == 0o600 && !std::fs::read_to_string(&file).unwrap().contains(&key));
}

#[test]
fn the_key_files_app_can_be_rotated_and_removed() {
    let idp = Idp::start();
    let mut world = world(&idp);
    let first = world.key();
    assert_eq!(ask(&world, &first, "GET", TOKEN).status, 200);
    let (code, out, said) = world.cli(&["app", "rotate", "default"]);
    assert!(code == 0 && out.is_empty() && said.contains("app.key"), "{said}");
    let second = world.key();
    assert_eq!(ask(&world, &first, "GET", TOKEN).status, 401);
    assert_eq!(ask(&world, &second, "GET", TOKEN).status, 200);
    assert!(world.endpoint().key_file.is_some() && world.endpoint().key_hint.is_none());
    let (code, _, said) = world.cli(&["app", "remove", "default"]);
    assert!(code == 0 && said.contains(AGAIN), "{said}");
    assert_eq!(ask(&world, &second, "GET", TOKEN).status, 401);
    // While there is no key file, `endpoint.json` has a hint how to restore it.
    let told = |has: bool| world.endpoint().key_file.is_some() == has && world.endpoint().key_hint.is_none() == has;
    until("endpoint.json tells of it", || told(false).then_some(()));
    assert!(world.endpoint().key_hint.unwrap().contains(AGAIN));
    let (code, _, said) = world.cli(&["app", "add", "default"]);
    assert!(code == 0 && said.contains("default: reads work.") && said.contains(AGAIN), "{said}");
    until("endpoint.json tells of it", || told(true).then_some(()));
    assert_eq!(world.cli(&["app", "remove", "default"]).0, 0);
    let (code, _, said) = world.cli(&["app", "add", "default", "--all-accounts", "--write"]);
    assert!(code == 0 && said.contains("default: reads and changes every account.") && !said.contains(AGAIN), "{said}");
    assert_eq!(world.cli(&["app", "remove", "default"]).0, 0);
    assert!(!world.state().join("app.key").exists());
    world.restart();
    let endpoint = world.endpoint();
    assert!(endpoint.key_file.is_none() && endpoint.key_hint.is_some());
    assert!(!world.state().join("app.key").exists());
    assert_eq!(world.cli(&["token"]).0, 0, "the socket needs no key");
    assert_eq!(world.cli(&["app", "add", "default", "--account", "home"]).0, 0);
    let third = std::fs::read_to_string(world.state().join("app.key")).unwrap();
    assert_eq!(ask(&world, &third, "GET", TOKEN).status, 403);
}

#[test]
fn mistakes_are_reported() {
    let idp = Idp::start();
    let world = world(&idp);
    for (arguments, code, says) in [
        (&["add", "x", "--account", "worq"] as &[&str], 4, "`work`"),
        (&["add", "Editor"], 2, "a-z, 0-9"),
        (&["add", "default"], 2, "app rotate default"),
        (&["remove", "nobody"], 2, "app list"),
        (&["rotate", "nobody"], 2, "app list"),
        (&["add", "x", "--expires", "soon"], 2, "--expires"),
    ] {
        let (got, out, said) = told(world.command(&[&["app"], arguments].concat()).output().unwrap());
        assert!(got == code && out.is_empty() && said.contains(says), "{arguments:?}: {got} {said}");
    }
    let (code, _, said) = told(
        world
            .command(&["app", "list"])
            .env("RINGBACK_URL", format!("http://{}", world.authority()))
            .env("RINGBACK_KEY_FILE", world.state().join("app.key"))
            .output()
            .unwrap(),
    );
    assert!(code == 10 && said.contains("unix socket only"), "{said}");
}
