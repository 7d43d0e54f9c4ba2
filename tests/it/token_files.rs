//! Token files: written, replaced and deleted as the accounts have tokens.

use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::idp::Idp;
use crate::world::{World, account, mode, provider, until};

/// One account with this file, not logged in.
fn world(idp: &Idp, file: &str) -> World {
    let mut world = World::with_config("");
    world.configure(&config(idp, &world, file));
    world.run();
    world
}

/// `DIR` stands for the world's folder.
fn config(idp: &Idp, world: &World, file: &str) -> String {
    let file = file.replace("DIR", world.root().to_str().unwrap());
    [provider("idp", idp, "/token", ""), account("work", "idp", &file)].concat()
}

const BARE: &str = "file = [{ path = \"DIR/token\" }]";

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn until_it_holds(path: &Path, content: &str) {
    until("the file has the token", || (read(path).as_deref() == Some(content)).then_some(()));
}

/// Logs in and waits for the file; its token.
fn logged_in(world: &World, path: &Path) -> String {
    world.log_in("work");
    let token = world.token("work");
    until_it_holds(path, &token);
    token
}

fn until_gone(path: &Path) {
    until("the file is gone", || (!path.exists()).then_some(()));
}

fn file_error(world: &World) -> Option<String> {
    world.account("work").file_error
}

fn until_error(world: &World, text: &str) {
    until(&format!("the status says {text:?}"), || file_error(world).filter(|error| error.contains(text)));
}

/// The list of our files in the state folder.
fn ledger(world: &World) -> PathBuf {
    world.state().join("token-files.json")
}

#[test]
fn a_file_follows_the_token_and_is_gone_after_a_logout() {
    let idp = Idp::start();
    let world = world(&idp, BARE);
    let path = world.root().join("token");
    assert!(!path.exists() && !ledger(&world).exists());
    let first = logged_in(&world, &path);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(world.cli(&["refresh"]).0, 0);
    let second = world.token("work");
    assert_ne!(first, second);
    until_it_holds(&path, &second);
    let audit = until("the files are written down", || {
        Some(world.cli(&["audit", "--json"]).1).filter(|lines| lines.matches("for the file ").count() >= 2)
    });
    let line = audit.lines().find(|line| line.contains("for the file ")).unwrap();
    assert!(line.contains("\"event\":\"token\"") && line.contains("\"account\":\"work\""), "{line}");
    assert_eq!(world.cli(&["logout"]).0, 0);
    until_gone(&path);
    assert_eq!(file_error(&world), None);
}

#[test]
fn a_file_has_the_mode_and_the_text_of_the_config() {
    let idp = Idp::start();
    let file = "[[accounts.work.file]]\npath = \"DIR/token\"\nmode = \"0640\"\n\
                template = '{\"t\":\"{access_token}\",\"at\":{expires_at}}'\n\
                [[accounts.work.file]]\npath = \"DIR/other\"\n";
    let world = world(&idp, file);
    world.log_in("work");
    let (token, path) = (world.token("work"), world.root().join("token"));
    let at = world.account("work").expires_at.unwrap();
    let text = until("the file is there", || read(&path));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["t"], token.as_str());
    assert!((json["at"].as_i64().unwrap() - at).abs() <= 1, "{text} {at}");
    assert_eq!(mode(&path), 0o640);
    until_it_holds(&world.root().join("other"), &token);
    assert_eq!(text.matches(':').count(), 2, "there is nothing else in it, such as a refresh token: {text}");
}

#[test]
fn a_lock_and_a_stop_delete_the_file_and_it_comes_back() {
    let idp = Idp::start();
    let mut world = world(&idp, BARE);
    let path = world.root().join("token");
    let token = logged_in(&world, &path);
    assert_eq!(world.cli(&["lock"]).0, 0);
    until_gone(&path);
    assert_eq!(world.cli(&["unlock"]).0, 0);
    until_it_holds(&path, &token);
    world.stop();
    assert!(!path.exists() && !ledger(&world).exists());
    world.run();
    assert_eq!(read(&path).as_deref(), Some(token.as_str()), "it is there as soon as the daemon is ready");
}

#[test]
fn what_a_killed_daemon_left_is_replaced_or_deleted_at_the_next_start() {
    let idp = Idp::start();
    let mut world = world(&idp, BARE);
    let path = world.root().join("token");
    let token = logged_in(&world, &path);
    world.kill();
    assert!(path.exists());
    // Another file of the account, and none of the old place.
    world.configure(&config(&idp, &world, "file = [{ path = \"DIR/moved\", template = \"T={access_token}\" }]"));
    world.run();
    let moved = world.root().join("moved");
    assert_eq!((read(&path), read(&moved)), (None, Some(format!("T={token}"))));
    world.kill();
    // The same place with another content; in between, a half-written file.
    std::fs::write(world.root().join(".moved.ringback-tmp"), "half").unwrap();
    world.configure(&config(&idp, &world, "file = [{ path = \"DIR/moved\" }]"));
    world.run();
    assert_eq!(read(&moved), Some(token));
    assert!(!world.root().join(".moved.ringback-tmp").exists());
    world.kill();
    // An account without a token any more.
    world.configure(&config(&idp, &world, "file = [{ path = \"DIR/moved\" }]\n[store]\nkey = \"memory\""));
    world.run();
    assert_eq!(read(&moved), None);
}

#[test]
fn a_reload_deletes_a_file_that_is_no_longer_configured_if_it_is_ours() {
    let idp = Idp::start();
    let world = world(&idp, "file = [{ path = \"DIR/one\" }, { path = \"DIR/two\" }]");
    let (one, two, three) = (world.root().join("one"), world.root().join("two"), world.root().join("three"));
    let token = logged_in(&world, &one);
    until_it_holds(&two, &token);
    std::fs::write(&two, "somebody else's").unwrap();
    world.configure(&config(&idp, &world, "file = [{ path = \"DIR/three\" }]"));
    world.signal(Signal::HUP);
    until_it_holds(&three, &token);
    until_gone(&one);
    assert_eq!(read(&two).as_deref(), Some("somebody else's"));
}

#[test]
fn a_place_that_cannot_be_used_is_told_and_left_alone() {
    let idp = Idp::start();
    let world = world(&idp, "file = [{ path = \"DIR/tokens/token\" }]");
    let (folder, path) = (world.root().join("tokens"), world.root().join("tokens/token"));
    world.log_in("work");
    until_error(&world, "No such file");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(&path, "somebody else's").unwrap();
    // Each change of the account is an occasion to try again.
    let again = || assert_eq!(world.cli(&["refresh"]).0, 0);
    again();
    until_error(&world, "did not write");
    assert_eq!(read(&path).as_deref(), Some("somebody else's"));
    assert!(world.cli(&["status", "-v"]).1.contains("its token file is not as it should be"));
    std::fs::remove_file(&path).unwrap();
    let target = world.root().join("target");
    std::fs::write(&target, "behind a link").unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    again();
    until_error(&world, "symlink");
    assert_eq!(read(&target).as_deref(), Some("behind a link"));
    std::fs::remove_file(&path).unwrap();
    again();
    until_it_holds(&path, &world.token("work"));
    until("the status is well again", || file_error(&world).is_none().then_some(()));
    world.until_logged("is as it should be again");
    assert!(!world.log().contains(&world.token("work")));
}

#[test]
fn a_token_whose_file_cannot_be_written_is_written_down_once() {
    let idp = Idp::start();
    let world = world(&idp, BARE);
    let path = world.root().join("token");
    // In the place of the half-written file.
    let blocked = world.root().join(".token.ringback-tmp");
    std::fs::create_dir(&blocked).unwrap();
    let noted = || world.cli(&["audit", "--json"]).1.matches("for the file ").count();
    // Each change of the config is an occasion to try again. The other file shows that it was taken.
    let again = |name: &str| {
        let files = format!("file = [{{ path = \"DIR/token\" }}, {{ path = \"DIR/{name}\" }}]");
        world.configure(&config(&idp, &world, &files));
        world.signal(Signal::HUP);
        until_it_holds(&world.root().join(name), &world.token("work"));
    };
    world.log_in("work");
    until_error(&world, "directory");
    until("the token is written down", || (noted() == 1).then_some(()));
    again("one");
    again("two");
    until("the other files are written down", || (noted() >= 3).then_some(()));
    assert_eq!(noted(), 3, "one for the file that can't be written");
    assert_eq!(world.cli(&["refresh"]).0, 0);
    until_it_holds(&world.root().join("two"), &world.token("work"));
    until("the next token is written down", || (noted() >= 5).then_some(()));
    std::fs::remove_dir(&blocked).unwrap();
    again("three");
    until_it_holds(&path, &world.token("work"));
    until("the last file is written down", || (noted() >= 6).then_some(()));
    assert_eq!(noted(), 6);
}

#[test]
fn a_token_that_has_expired_without_another_leaves_no_file() {
    let idp = Idp::living(2);
    let world = world(&idp, BARE);
    let path = world.root().join("token");
    world.log_in("work");
    until("the file is there", || read(&path));
    idp.next(crate::idp::Act::Raw(crate::idp::plain(400, "application/json", r#"{"error":"invalid_grant"}"#)));
    assert_ne!(world.cli(&["refresh"]).0, 0);
    until_gone(&path);
}
