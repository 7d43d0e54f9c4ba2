//! `store.key = "memory"`: tokens are in the daemon only.

use ringback::contract::AccountState;

use crate::idp::Idp;
use crate::world::World;

const MEMORY: &str = "[store]\nkey = \"memory\"";

#[test]
fn tokens_in_memory_are_served_and_end_with_the_daemon() {
    let idp = Idp::start();
    let mut world = World::start_with(&idp, MEMORY, "", "");
    world.log_in("work");
    let first = world.token("work");
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 200);
    assert_ne!(world.token("work"), first);
    let (code, status, _) = world.cli(&["status", "-v"]);
    assert!(code == 0 && status.contains("Store key: none: the tokens are in memory only"), "{status}");
    assert!(world.account_files().is_empty() && !world.state().join("master.key").exists());

    let (code, _, said) = world.cli(&["serve"]);
    assert!(code != 0 && said.contains("is in use by another ringback daemon"), "{said}");

    world.restart();
    assert_eq!(world.account("work").state, AccountState::SignedOut);
}

#[test]
fn a_lock_forgets_the_tokens_and_a_login_brings_new_ones() {
    let idp = Idp::start();
    let world = World::start_with(&idp, MEMORY, "", "");
    world.log_in("work");
    assert_eq!(world.cli(&["lock"]).0, 0);
    assert_eq!(world.cli(&["token"]).0, world.cli(&["refresh"]).0, "locked");
    assert_eq!(world.cli(&["unlock"]).0, 0);
    world.until_state("work", AccountState::SignedOut);
    world.log_in("work");
    assert_eq!(world.cli(&["token"]).0, 0);
}

#[test]
fn commands_that_need_a_stored_token_say_that_there_is_none() {
    let idp = Idp::start();
    let world = World::with_config(&World::config_of(&idp, MEMORY, "", ""));
    let file = world.root().join("file");
    std::fs::write(&file, "").unwrap();
    let (file, new) = (file.display().to_string(), world.root().join("new").display().to_string());
    for arguments in [&["export", &new][..], &["import", "--from", &file], &["store", "rekey", "--to", "file"]] {
        let (code, _, said) = world.cli(arguments);
        assert!(code == 2 && said.contains("the daemon keeps the tokens in its memory only"), "{arguments:?}: {said}");
    }
}

#[test]
fn tokens_of_an_earlier_setting_are_named_and_kept() {
    let idp = Idp::start();
    let mut world = World::start(&idp);
    world.log_in("work");
    let stored = world.token("work");
    world.stop();
    world.configure(&World::config_of(&idp, MEMORY, "", ""));
    world.run();
    world.until_logged("tokens from before, which are not used: work");
    assert_eq!(world.account("work").state, AccountState::SignedOut);
    world.stop();
    world.configure(&World::config_of(&idp, "", "", ""));
    world.run();
    assert_eq!(world.token("work"), stored);
}
