//! `ringback store rekey`, also killed at every step.

use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;

use ringback::contract::AccountState;

use crate::idp::Idp;
use crate::world::{World, account, provider, until};

const PASSPHRASE: &str = "canary horse battery";

/// The steps at which the process is killed, in order, and whether the new key is in effect after them.
const STEPS: [(&str, bool); 11] = [
    ("rekey_key_placed", false),
    ("rekey_account_sealed", false),
    ("rekey_all_sealed", false),
    ("rekey_decided", true),
    ("rekey_account_moved", true),
    ("rekey_all_moved", true),
    // From a key file to a key file.
    ("rekey_key_overwritten", true),
    ("rekey_key_moved", true),
    ("rekey_noted", true),
    ("rekey_old_key_gone", true),
    ("rekey_done", true),
];

/// Two logged-in accounts and a stopped daemon.
fn two_accounts(idp: &Idp) -> World {
    let more = account("work", "idp", "") + &account("home", "idp", "");
    let mut world = World::with_config(&(provider("idp", idp, "/token", "") + &more));
    world.run();
    world.log_in("work");
    world.log_in("home");
    world
}

fn passphrase_file(world: &World, text: &str) -> PathBuf {
    use std::io::Write as _;
    let path = world.root().join("passphrase");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    path
}

/// Runs `store rekey` to its end, or until it is killed at `step`.
fn rekey(world: &World, to: &str, step: Option<&str>) -> (ExitStatus, String) {
    let file = passphrase_file(world, PASSPHRASE);
    let mut arguments = vec!["store", "rekey", "--to", to];
    if to == "passphrase" {
        arguments.extend(["--passphrase-file", file.to_str().unwrap()]);
    }
    let mut command = world.command(&arguments);
    step.map(|step| command.env("RINGBACK_FAILPOINT", step));
    let output = command.output().unwrap();
    (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Starts the daemon, unlocks it if it needs a passphrase, and fetches both tokens.
fn tokens(world: &mut World) -> [String; 2] {
    world.run();
    if world.get("/v1/accounts").json()["store"] == "passphrase_needed" {
        let body = serde_json::json!({ "passphrase": PASSPHRASE });
        let request = crate::http::Request::new("POST", "/v1/unlock").json(&body.to_string());
        assert_eq!(world.ask(&request).status, 200);
    }
    ["work", "home"].map(|account| world.token(account))
}

fn state_files(world: &World) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(world.state())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("key") || name.contains("passphrase") || name.contains("next"))
        .collect();
    names.retain(|name| name != "app.key");
    names.sort_unstable();
    names
}

#[test]
fn killed_at_any_step_the_store_has_the_old_key_or_the_new_one_and_every_account() {
    for to in ["file", "passphrase"] {
        let idp = Idp::start();
        let mut world = two_accounts(&idp);
        let before = ["work", "home"].map(|account| world.token(account));
        world.stop();
        let mut key = std::fs::read(world.state().join("master.key")).unwrap();
        for (step, decided) in STEPS {
            let context = format!("to {to}, killed at {step}");
            if step == "rekey_key_overwritten" && to == "passphrase" {
                continue;
            }
            let (status, said) = rekey(&world, to, Some(step));
            assert_eq!(status.signal(), Some(9), "{context} was not reached: {said}");
            assert_eq!(tokens(&mut world), before, "{context}");
            assert_eq!(world.account_files(), ["home.sealed", "work.sealed"], "{context}");
            let left: &[&str] = match (to, decided) {
                (_, false) => &["master.key"],
                ("file", true) => &["key-source", "master.key"],
                (_, true) => &["key-source", "passphrase.toml"],
            };
            world.stop();
            let found = state_files(&world);
            let found: Vec<&str> =
                found.iter().map(String::as_str).filter(|name| decided || *name != "key-source").collect();
            assert_eq!(found, left, "{context}");
            if to == "file" {
                let now = std::fs::read(world.state().join("master.key")).unwrap();
                assert_eq!(now != key, decided, "{context}");
                key = now;
            } else if decided {
                // Restore the initial key for the next step.
                let file = passphrase_file(&world, PASSPHRASE);
                let present = ["--store-passphrase-file", file.to_str().unwrap()];
                let (code, _, said) = world.cli(&[&["store", "rekey", "--to", "file"], &present[..]].concat());
                assert_eq!(code, 0, "{context}: {said}");
            }
        }
    }
}

#[test]
fn a_rekey_killed_during_its_completion_is_completed_at_the_next_start() {
    let idp = Idp::start();
    let mut world = two_accounts(&idp);
    let before = ["work", "home"].map(|account| world.token(account));
    world.stop();
    assert_eq!(rekey(&world, "file", Some("rekey_decided")).0.signal(), Some(9));
    for step in ["rekey_account_moved", "rekey_all_moved", "rekey_key_overwritten", "rekey_key_moved", "rekey_noted"] {
        world.spawn(Some(step));
        assert_eq!(world.ended().signal(), Some(9), "{step}");
    }
    assert_eq!(tokens(&mut world), before);
    world.stop();
    assert_eq!(state_files(&world), ["key-source", "master.key"]);
}

#[test]
fn a_rekey_names_the_config_change_and_the_accounts_still_work() {
    let idp = Idp::start();
    let mut world = two_accounts(&idp);
    let (status, said) = rekey(&world, "file", None);
    assert!(status.code() == Some(9) && said.contains("in use by another ringback daemon"), "{said}");
    world.stop();
    let (status, said) = rekey(&world, "file", None);
    assert!(
        status.success() && said.contains("Encrypted with it: home, work.") && !said.contains("Set `key"),
        "{said}"
    );
    let (status, said) = rekey(&world, "passphrase", None);
    let config = world.config_file();
    let told = format!("Set `key = \"passphrase\"` in `[store]` of {}", config.display());
    assert!(status.success() && said.contains(&told) && !said.contains("canary"), "{said}");
    let (status, said) = rekey(&world, "keyring", None);
    assert!(status.code() == Some(9) || status.code() == Some(2), "no passphrase was given: {said}");
    // The daemon logs the same, and works; a refresh is committed with the new key.
    tokens(&mut world);
    world.until_logged("set `key = \"passphrase\"`");
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 200);
    let newest = world.token("work");
    world.restart();
    assert_eq!(world.get("/v1/accounts").json()["store"], "passphrase_needed");
    world.stop();
    let mut text = std::fs::read_to_string(&config).unwrap();
    text.push_str("[store]\nkey = \"passphrase\"\n");
    world.configure(&text);
    let warned = world.log().matches("set `key").count();
    assert_eq!(tokens(&mut world)[0], newest);
    assert_eq!(world.log().matches("set `key").count(), warned, "{}", world.log());
    assert_eq!(world.account("work").state, AccountState::Active);
    world.stop();
    // An export contains what the new key opens.
    let file = passphrase_file(&world, PASSPHRASE);
    let (file, house) = (file.to_str().unwrap(), world.root().join("house.age"));
    let arguments = ["export", house.to_str().unwrap(), "--passphrase-file", file, "--store-passphrase-file", file];
    let (code, _, said) = world.cli(&arguments);
    assert!(code == 0 && said.contains("home, work"), "{said}");
    let audit = std::fs::read_to_string(world.state().join("audit.jsonl")).unwrap_or_default();
    assert_eq!(audit.matches("\"rekey\"").count(), 4, "two accounts, twice");
    until("nothing is left", || (world.account_files() == ["home.sealed", "work.sealed"]).then_some(()));
}

#[test]
fn invalid_arguments_are_refused_before_any_question() {
    let idp = Idp::start();
    let mut world = two_accounts(&idp);
    world.stop();
    let short = passphrase_file(&world, "short");
    let short = short.to_str().unwrap();
    for (arguments, says) in [
        (&["--to", "file", "--passphrase-stdin"] as &[&str], "a new passphrase makes no sense here"),
        (&["--to", "passphrase"], "there is no terminal to ask at"),
        (&["--to", "passphrase", "--passphrase-file", short], "at least 12 characters"),
        (&["--to", "elsewhere"], "possible values"),
        (&[], "--to"),
    ] {
        let (code, _, said) = world.cli(&[&["store", "rekey"], arguments].concat());
        assert!(code == 2 && said.contains(says), "{arguments:?}: {code} {said}");
    }
    assert_eq!(state_files(&world), ["master.key"]);
}
