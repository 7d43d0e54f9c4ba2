//! Locking and unlocking the store: on the command line, over HTTP, across restarts.

use std::path::Path;
use std::process::Stdio;

use ringback::contract::{AccountState, LoginStatus};

use crate::http::{Reply, Request};
use crate::idp::{Act, Idp};
use crate::world::{World, account, feed, mode, names, provider, told, until, until_past};

const PASSPHRASE: &str = "canary horse battery staple";
const BY_PASSPHRASE: &str = "[store]\nkey = \"passphrase\"\n";

fn config(idp: &Idp, store: &str) -> String {
    [store, &provider("idp", idp, "/token", ""), &account("work", "idp", "")].concat()
}

fn start(idp: &Idp, store: &str) -> World {
    let mut world = World::with_config(&config(idp, store));
    world.run();
    world
}

/// `ringback unlock` with this line on standard input.
fn unlock(world: &World, line: &str) -> (i32, String, String) {
    let mut child = world.command(&["unlock", "--passphrase-stdin"]).stdin(Stdio::piped()).spawn().unwrap();
    // The command may exit without reading.
    feed(&mut child, line.as_bytes());
    told(child.wait_with_output().unwrap())
}

fn post_unlock(world: &World, body: &str) -> Reply {
    world.ask(&Request::new("POST", "/v1/unlock").json(body))
}

fn is_locked(world: &World) {
    let reply = world.get("/v1/accounts/work/token?wait=5");
    assert_eq!((reply.status, reply.code().as_str()), (423, "store_unavailable"), "{reply:?}");
    assert!(reply.json()["hint"].as_str().unwrap().contains("ringback unlock"), "{reply:?}");
    let (code, out, err) = world.cli(&["token", "work"]);
    assert_eq!((code, out.as_str()), (9, ""), "{err}");
    assert!(err.contains("locked") && err.contains("ringback unlock"), "{err}");
    let (code, out, _) = world.cli(&["status"]);
    assert_eq!(code, 9);
    assert!(out.contains("store unavailable") && out.contains("locked: run `ringback unlock`"), "{out}");
    assert_eq!(world.post("/v1/accounts/work/login").status, 423);
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 423);
    let view = world.account("work");
    assert_eq!((view.state, view.attention_needed, view.scope), (AccountState::StoreUnavailable, true, None));
    assert_eq!(world.get("/healthz").status, 200, "the daemon serves");
}

/// Every file below `folder`.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let found = names(folder).into_iter().map(|name| folder.join(name));
    found.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn a_locked_store_serves_nothing_and_unlocks_without_a_new_login() {
    let idp = Idp::start();
    let world = start(&idp, "");
    world.log_in("work");
    let token = world.token("work");
    let (code, _, err) = world.cli(&["lock"]);
    assert_eq!((code, err.contains("is locked")), (0, true), "{err}");
    is_locked(&world);
    let (code, _, err) = world.cli(&["lock"]);
    assert_eq!((code, err.contains("already")), (0, true), "{err}");
    assert_eq!(world.get("/v1/accounts").json()["store"], "locked");
    assert_eq!(idp.refreshes(), 0);
    let (code, _, err) = world.cli(&["unlock"]);
    assert_eq!((code, err.contains("is unlocked")), (0, true), "{err}");
    assert_eq!(world.token("work"), token);
    let (code, _, err) = world.cli(&["unlock"]);
    assert_eq!((code, err.contains("already")), (0, true), "{err}");
    assert_eq!((world.get("/v1/accounts").json()["store"].as_str(), idp.refreshes()), (Some("unlocked"), 0));
}

#[test]
fn a_lock_stores_the_refresh_in_flight_first() {
    let idp = Idp::start();
    let world = start(&idp, "");
    world.log_in("work");
    let old = world.token("work");
    idp.next(Act::WorkAndHold);
    let refresh = world.command(&["refresh", "work"]).spawn().unwrap();
    idp.until_holding();
    let lock = world.command(&["lock"]).spawn().unwrap();
    until("callers are turned away", || (world.get("/v1/accounts/work/token?wait=0").status == 423).then_some(()));
    idp.release();
    let (code, _, err) = told(lock.wait_with_output().unwrap());
    assert_eq!(code, 0, "{err}");
    _ = refresh.wait_with_output().unwrap();
    is_locked(&world);
    assert_eq!(world.cli(&["unlock"]).0, 0);
    let new = world.token("work");
    assert!(new != old && idp.honours(&new));
    assert_eq!((idp.refreshes(), idp.reuses()), (1, 0));
}

#[test]
fn a_token_that_expired_during_a_lock_is_refreshed_at_once() {
    let idp = Idp::living(2);
    let world = start(&idp, "");
    world.log_in("work");
    let ends = world.account("work").expires_at;
    assert_eq!(world.cli(&["lock"]).0, 0);
    let sent = idp.refreshes();
    until_past(ends);
    assert_eq!(idp.refreshes(), sent, "nothing is sent while locked");
    idp.set_lifetime(3600);
    assert_eq!(world.cli(&["unlock"]).0, 0);
    idp.until_refreshes(sent + 1);
    let (code, token, err) = world.cli(&["token", "work"]);
    assert!(code == 0 && idp.honours(token.trim()), "{err}");
}

#[test]
fn a_pending_login_ends_when_the_store_is_locked() {
    let idp = Idp::start();
    let world = start(&idp, "");
    let started = world.start_login("work", "caller_browser");
    assert_eq!(world.post("/v1/lock").status, 200);
    let end = world.login_end(&started.login_id);
    assert_eq!(end.status, LoginStatus::Failed);
    assert!(end.failure.unwrap().error_description.contains("locked"));
}

#[test]
fn a_passphrase_is_set_at_the_first_start_and_needed_at_every_later_one() {
    let idp = Idp::start();
    let mut world = start(&idp, BY_PASSPHRASE);
    world.until_logged("ringback unlock");
    is_locked_and(&world, "passphrase_unset");
    for bad in ["\n", "short\n"] {
        let (code, _, err) = unlock(&world, bad);
        assert_eq!(code, 2, "{err}");
    }
    is_locked_and(&world, "passphrase_unset");
    let (code, _, err) = unlock(&world, &format!("{PASSPHRASE}\n"));
    assert_eq!((code, err.contains("passphrase is set")), (0, true), "{err}");
    world.log_in("work");
    let token = world.token("work");
    assert_eq!(mode(&world.state().join("passphrase.toml")), 0o600);
    world.restart();
    is_locked(&world);
    is_locked_and(&world, "passphrase_needed");
    let sealed = std::fs::read(world.sealed("work")).unwrap();
    let (code, _, err) = unlock(&world, "canary wrong canary\n");
    assert_eq!((code, err.contains("wrong"), err.contains("canary")), (10, true, false), "{err}");
    let reply = post_unlock(&world, "{\"passphrase\":\"canary wrong\"}");
    assert_eq!((reply.status, reply.header("retry-after")), (403, Some("2")), "{reply:?}");
    world.until_logged("wrong passphrase");
    is_locked(&world);
    assert_eq!(std::fs::read(world.sealed("work")).unwrap(), sealed);
    assert_eq!(unlock(&world, &format!("{PASSPHRASE}\n")).0, 0);
    assert_eq!(world.token("work"), token, "without a new login");
    assert_eq!(world.cli(&["lock"]).0, 0);
    assert_eq!(unlock(&world, &format!("{PASSPHRASE}\n")).0, 0);
    assert_eq!(world.token("work"), token);
    for path in files(&world.state()).into_iter().chain(files(&world.runtime())) {
        if path.file_name().is_some_and(|name| name != "ringback.sock") {
            assert!(!holds(&std::fs::read(&path).unwrap(), b"canary"), "{}", path.display());
        }
    }
    assert!(!world.log().contains("canary"), "nor in the log");
}

fn is_locked_and(world: &World, state: &str) {
    assert_eq!(world.get("/v1/accounts").json()["store"], state);
    assert_eq!(world.get("/v1/accounts/work/token").status, 423);
}

#[test]
fn a_passphrase_is_never_sent_over_tcp_or_set_by_accident() {
    let idp = Idp::start();
    let world = start(&idp, BY_PASSPHRASE);
    let body = format!("{{\"passphrase\":\"{PASSPHRASE}\",\"new\":true}}");
    let request =
        Request::new("POST", "/v1/unlock").json(&body).header("Authorization", &format!("Bearer {}", world.key()));
    let reply = world.ask_tcp(&request);
    assert_eq!((reply.status, reply.code().as_str()), (403, "not_permitted"), "{reply:?}");
    let mut over_tcp = world.command(&["unlock", "--passphrase-stdin"]);
    over_tcp
        .env("RINGBACK_URL", world.endpoint().url.unwrap())
        .env("RINGBACK_KEY_FILE", world.endpoint().key_file.unwrap());
    let mut child = over_tcp.stdin(Stdio::piped()).spawn().unwrap();
    feed(&mut child, PASSPHRASE.as_bytes());
    let (code, _, err) = told(child.wait_with_output().unwrap());
    assert_eq!((code, err.contains("socket")), (10, true), "{err}");
    let reply = post_unlock(&world, &format!("{{\"passphrase\":\"{PASSPHRASE}\"}}"));
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "usage"),
        "the first passphrase needs an explicit request: {reply:?}"
    );
    let reply = post_unlock(&world, "{}");
    assert_eq!((reply.status, reply.code().as_str()), (400, "usage"), "{reply:?}");
    is_locked_and(&world, "passphrase_unset");
    assert!(!world.state().join("passphrase.toml").exists());
    assert_eq!(post_unlock(&world, &body).status, 200);
    assert_eq!(world.get("/v1/accounts").json()["store"], "unlocked");
}

#[test]
fn a_missing_key_keeps_the_store_locked_until_it_is_back() {
    let idp = Idp::start();
    let world = start(&idp, "");
    world.log_in("work");
    let token = world.token("work");
    assert_eq!(world.cli(&["lock"]).0, 0);
    let (key, aside) = (world.state().join("master.key"), world.state().join("aside"));
    std::fs::rename(&key, &aside).unwrap();
    let (code, _, err) = world.cli(&["unlock"]);
    assert_eq!((code, err.contains("master.key"), key.exists()), (9, true, false), "{err}");
    is_locked(&world);
    std::fs::rename(&aside, &key).unwrap();
    assert_eq!(world.cli(&["unlock"]).0, 0);
    assert_eq!(world.token("work"), token);
}
