//! An account's health is reported consistently by exit code, hook and notification.

use std::os::unix::fs::PermissionsExt as _;

use ringback::contract::{AccountHealth, AccountState};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::desktop::Desktop;
use crate::idp::{Act, Idp, plain, unavailable};
use crate::world::{World, account, provider, until};

fn ended() -> Act {
    Act::Raw(plain(400, "application/json", r#"{"error":"invalid_grant"}"#))
}

fn health(world: &World, account: &str) -> AccountHealth {
    world.account(account).health.unwrap().now
}

#[test]
fn status_exits_with_the_code_of_the_least_healthy_account() {
    let idp = Idp::start();
    let names = ["well", "down", "gone"];
    let config: String = names
        .map(|name| [provider(name, &idp, &format!("/token/{name}"), ""), account(name, name, "")].concat())
        .concat();
    let mut world = World::with_config(&config);
    world.run();
    let code = |arguments: &[&str]| world.cli(&[&["status"], arguments].concat()).0;
    assert_eq!((code(&[]), code(&["well"])), (5, 5), "no login yet");
    idp.set_lifetime(2);
    world.log_in("down");
    idp.set_lifetime(3600);
    idp.always_at("/token/down", unavailable());
    world.log_in("well");
    world.log_in("gone");
    assert_eq!((code(&["well"]), code(&["gone"])), (0, 0));
    until("it is down", || (health(&world, "down") == AccountHealth::Recovering).then_some(()));
    assert_eq!((code(&["down"]), code(&["well"]), code(&[])), (7, 0, 7));
    idp.next_at("/token/gone", ended());
    world.post("/v1/accounts/gone/refresh");
    world.until_state("gone", AccountState::NeedsLogin);
    assert_eq!((code(&["gone"]), code(&["down"]), code(&["well"]), code(&[])), (5, 7, 0, 5));
    assert_eq!(world.cli(&["lock"]).0, 0);
    assert_eq!((code(&["well"]), code(&[])), (9, 9));
    assert_eq!(world.cli(&["unlock"]).0, 0);
    idp.always_at("/token/down", Act::Behave);
    until("it is up", || (world.cli(&["refresh", "down"]).0 == 0).then_some(()));
    world.log_in("gone");
    assert_eq!(code(&[]), 0);
}

/// A hook that records its events.
fn hook(folder: &TempDir) -> String {
    let script = folder.path().join("hook");
    let told = folder.path().join("told");
    std::fs::write(&script, format!("#!/bin/sh\necho \"$RINGBACK_EVENT\" >>{}\n", told.display())).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("hook = [\"{}\"]", script.display())
}

fn events(folder: &TempDir) -> Vec<String> {
    let text = std::fs::read_to_string(folder.path().join("told")).unwrap_or_default();
    text.lines().filter(|line| *line != "refreshed").map(str::to_owned).collect()
}

fn until_told(folder: &TempDir, all: &[&str]) {
    until(&format!("the hook is told {all:?}; it was told {:?}", events(folder)), || {
        let told = events(folder);
        assert!(all.starts_with(&told.iter().map(String::as_str).collect::<Vec<_>>()), "{told:?}");
        (told == all).then_some(())
    });
}

#[test]
fn the_hook_gets_an_outage_its_end_and_every_login() {
    let (idp, folder) = (Idp::living(3), tempfile::tempdir().unwrap());
    let world = World::start_with(&idp, "", "", &hook(&folder));
    world.log_in("work");
    until_told(&folder, &["logged_in"]);
    idp.always_at("/token", unavailable());
    until_told(&folder, &["logged_in", "failing"]);
    assert_eq!(health(&world, "work"), AccountHealth::Recovering);
    idp.set_lifetime(3600);
    idp.always_at("/token", Act::Behave);
    assert_eq!(world.cli(&["token", "work"]).0, 0);
    until_told(&folder, &["logged_in", "failing", "recovered"]);
    world.log_in("work");
    until_told(&folder, &["logged_in", "failing", "recovered", "logged_in"]);
    assert_eq!(world.cli(&["logout", "work"]).0, 0);
    until_told(&folder, &["logged_in", "failing", "recovered", "logged_in", "logged_out"]);
}

#[test]
fn an_outage_is_notified_and_the_notification_closed_at_its_end() {
    let (idp, desktop) = (Idp::living(3), Desktop::start());
    let mut world = World::with_config(&World::config_of(&idp, "", "", ""));
    world.through = vec!["/usr/bin/env".into(), desktop.variable()];
    world.run();
    world.log_in("work");
    idp.always_at("/token", unavailable());
    let shown = desktop.next();
    assert_eq!(shown.title, "work can't be refreshed");
    assert!(shown.body.contains("503"), "{shown:?}");
    assert!(shown.actions.is_empty(), "a login would not help: {shown:?}");
    assert_eq!(health(&world, "work"), AccountHealth::Recovering);
    idp.set_lifetime(3600);
    idp.always_at("/token", Act::Behave);
    assert_eq!(world.cli(&["token", "work"]).0, 0);
    assert_eq!(desktop.next_closed(), shown.id);
}

#[test]
fn a_corrected_client_secret_is_used_at_the_reload() {
    let (idp, folder) = (Idp::living(2), tempfile::tempdir().unwrap());
    let file = folder.path().join("secret");
    let write = |secret: &str| {
        std::fs::write(&file, secret).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("right~canary\n");
    let config = World::config_of(&idp, "", "", "").replace(
        &format!("client_secret = \"{}\"", crate::world::SECRET),
        &format!("client_secret_file = \"{}\"", file.display()),
    );
    let mut world = World::with_config(&config);
    world.run();
    world.log_in("work");
    write("wrong~canary\n");
    idp.set_lifetime(3600);
    idp.always_at("/token", Act::Raw(plain(401, "application/json", r#"{"error":"invalid_client"}"#)));
    until("it is refused", || (world.cli(&["status"]).0 == 5).then_some(()));
    until("the token has expired", || (health(&world, "work") == AccountHealth::NeedsUser).then_some(()));
    assert_eq!(world.account("work").state, AccountState::Active, "the login is still valid");
    let (code, _, said) = world.cli(&["refresh", "work"]);
    assert!(code == 8 && said.contains("invalid_client"), "{code} {said}");
    write("corrected~canary\n");
    idp.always_at("/token", Act::Behave);
    world.signal(Signal::HUP);
    until("it is well", || (health(&world, "work") == AccountHealth::Usable).then_some(()));
    let last = idp.seen_at("/token").pop().unwrap();
    let used = last.parameters().get("client_secret").cloned().unwrap_or_default();
    assert!(used == "corrected~canary" || last.header("authorization").is_some(), "{last:?}");
    assert_eq!(world.cli(&["status"]).0, 0);
}
