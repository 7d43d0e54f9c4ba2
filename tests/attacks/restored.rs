//! A state folder, or a file of it, that is older than what was written last: put back from a backup, by a snapshot
//! of a file system, or on purpose. The provider ends a login whose refresh token comes twice.

use std::path::PathBuf;

use ringback::contract::AccountState;

use crate::disk::{Kept, put};
use crate::http::Request;
use crate::idp::Idp;
use crate::siege::Siege;
use crate::world::{World, account, names, provider, until};

/// Two accounts, logged in; the daemon runs.
pub(crate) fn two_accounts(idp: &Idp) -> World {
    let revoke = format!("revoke_url = \"{}\"", idp.url("/revoke"));
    let config = [provider("idp", idp, "/token", &revoke), account("work", "idp", ""), account("home", "idp", "")];
    let mut world = World::with_config(&config.concat());
    world.run();
    world.log_in("work");
    world.log_in("home");
    world
}

pub(crate) fn refresh(world: &mut World) {
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 200);
}

fn log_in(world: &mut World) {
    world.log_in("work");
}

fn log_out(world: &mut World) {
    assert_eq!(world.ask(&Request::new("DELETE", "/v1/accounts/work/token")).status, 200);
}

/// The state folder is deleted, and begun anew.
fn begin_anew(world: &mut World) {
    world.stop();
    std::fs::remove_dir_all(world.state()).unwrap();
    world.run();
    world.log_in("work");
}

/// The file of the one account's marks.
pub(crate) fn mark(world: &World) -> PathBuf {
    let marks = world.root().join(".cache/ringback/generations");
    let [state] = &names(&marks)[..] else { panic!("one folder for one state folder") };
    marks.join(state).join("work")
}

/// What happens between the copy and the day on which it is put back.
type Meanwhile = (&'static str, &'static [fn(&mut World)]);

const MEANWHILE: &[Meanwhile] = &[
    ("refreshes", &[refresh, World::restart, refresh, World::restart, refresh]),
    ("one refresh", &[refresh]),
    ("a login", &[log_in]),
    ("a logout", &[log_out]),
    ("a logout and a login", &[log_out, log_in]),
    ("a refresh, and a login that nobody ends", &[refresh, |world| drop(world.start_login("work", "caller_browser"))]),
    ("a folder that was begun anew", &[begin_anew]),
    ("a folder that was begun anew, and refreshed", &[begin_anew, refresh]),
    ("a refresh, and the daemon is killed", &[refresh, World::restart, |world| world.kill(), World::run]),
];

/// How much is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Folder,
    /// The account's own file. Its key is that of the folder, so not for one that was begun anew.
    File,
}

#[test]
fn an_older_store_that_is_put_back_shows_the_provider_nothing_and_asks_for_a_login() {
    let mut siege = Siege::default();
    for (name, meanwhile) in MEANWHILE {
        for extent in [Extent::Folder, Extent::File] {
            if extent == Extent::File && name.contains("anew") {
                continue;
            }
            siege.row();
            let name = format!("{name}, {extent:?}");
            let idp = Idp::start();
            let mut world = two_accounts(&idp);
            let (older, home) = (world.token("work"), world.token("home"));
            world.stop();
            let kept = Kept::keep(&world);
            let sealed = std::fs::read(world.sealed("work")).unwrap();
            world.run();
            meanwhile.iter().for_each(|act| act(&mut world));
            world.stop();
            match extent {
                Extent::Folder => kept.restore(&world),
                Extent::File => put(&world.sealed("work"), &sealed),
            }
            let seen = idp.seen().len();
            world.run();
            let view = world.until_state("work", AccountState::NeedsLogin);
            siege.expect(&name, view.reason_code.as_deref() == Some("restored_from_backup"), &view);
            siege.expect(&name, !view.refreshable && view.next_refresh_at.is_none() && view.attention_needed, &view);
            press(&world, &name, &mut siege);
            look(&world, &name, &mut siege);
            world.restart();
            press(&world, &name, &mut siege);
            siege.expect(&name, idp.seen().len() == seen, "the provider was asked something");
            siege.expect(&name, world.token("home") == home, "the other account is as it was");
            // It is mended by a login, for good.
            world.log_in("work");
            world.restart();
            refresh(&mut world);
            world.restart();
            let token = world.token("work");
            siege.expect(&name, token != older && idp.honours(&token), &token);
            siege.expect(&name, idp.reuses() == 0, idp.reuses());
        }
    }
    siege.end();
}

/// All that could make the daemon use what it holds.
fn press(world: &World, name: &str, siege: &mut Siege) {
    let targets = [
        ("GET", "/token"),
        ("GET", "/v1/accounts/work/token"),
        ("GET", "/v1/accounts/work/token?min_ttl=86400&wait=1"),
        ("GET", "/v1/accounts/work/token?scope=one&wait=1"),
        ("POST", "/v1/accounts/work/rejected"),
        ("POST", "/v1/accounts/work/refresh"),
        ("GET", "/v1/accounts/work/info"),
    ];
    for (method, target) in targets {
        let reply = world.ask(&Request::new(method, target));
        siege.expect(name, reply.status >= 400 && !reply.body.contains("AT~canary"), (target, &reply));
    }
    let reply = world.get("/v1/accounts/work/token?wait=0");
    siege.expect(name, reply.status == 428 && reply.body.contains("restored from a backup"), &reply);
}

/// What the command line tells.
fn look(world: &World, name: &str, siege: &mut Siege) {
    let (code, _, said) = world.cli(&["token", "work"]);
    siege.expect(name, code == 5 && said.contains("restored from a backup") && said.contains("login work"), &said);
    let (code, shown, _) = world.cli(&["status"]);
    siege.expect(name, code == 5 && shown.contains("restored from a backup"), &shown);
    let (_, found, _) = world.cli(&["doctor", "--offline"]);
    siege.expect(name, found.contains("restored from a backup") && found.contains("ringback login work"), &found);
}

#[test]
fn who_waits_for_the_account_is_told() {
    let idp = Idp::start();
    let hook = "hook = [\"/bin/sh\", \"-c\", \"echo $RINGBACK_EVENT >>$HOME/told\"]";
    let mut world = World::start_with(&idp, "", "", hook);
    world.log_in("work");
    let kept = Kept::keep(&world);
    refresh(&mut world);
    world.stop();
    kept.restore(&world);
    let told = world.root().join("told");
    let _ = std::fs::remove_file(&told);
    world.run();
    until("the hook is told", || {
        std::fs::read_to_string(&told).is_ok_and(|text| text == "login_needed\n").then_some(())
    });
    assert_eq!(idp.refreshes(), 1);
}

#[test]
fn a_logout_from_an_older_store_revokes_nothing_and_is_remembered() {
    let idp = Idp::start();
    let mut world = two_accounts(&idp);
    let kept = Kept::keep(&world);
    refresh(&mut world);
    world.stop();
    kept.restore(&world);
    world.run();
    let seen = idp.seen().len();
    let reply = world.ask(&Request::new("DELETE", "/v1/accounts/work/token"));
    assert_eq!(reply.json()["outcome"], "deleted_here_only", "{reply:?}");
    assert_eq!((world.account("work").state, idp.seen().len()), (AccountState::SignedOut, seen));
    world.stop();
    kept.restore(&world);
    world.run();
    assert_eq!(world.account("work").reason_code.as_deref(), Some("restored_from_backup"));
    assert_eq!(idp.seen().len(), seen);
}

#[test]
fn who_never_replaces_refresh_tokens_goes_on_with_the_older_one() {
    let idp = Idp::start();
    let mut world = World::start(&idp);
    world.log_in("work");
    let kept = Kept::keep(&world);
    refresh(&mut world);
    world.stop();
    kept.restore(&world);
    world.run();
    assert_eq!(world.account("work").state, AccountState::NeedsLogin);
    world.configure(&World::config_of(&idp, "", "rotation = \"never\"", ""));
    world.signal(rustix::process::Signal::HUP);
    world.until_state("work", AccountState::Active);
}

#[test]
fn a_folder_that_is_deleted_and_begun_anew_is_no_older_one() {
    let idp = Idp::start();
    let mut world = two_accounts(&idp);
    refresh(&mut world);
    let before = world.account("work").generation;
    begin_anew(&mut world);
    for _ in 0..2 {
        let view = world.account("work");
        assert!(view.state == AccountState::Active && view.generation > before, "{view:?}");
        refresh(&mut world);
        world.restart();
    }
    assert!(idp.honours(&world.token("work")));
}

#[test]
fn state_folders_have_marks_of_their_own_and_a_moved_one_has_none() {
    let idp = Idp::start();
    let mut world = World::with_config("");
    let at = |world: &mut World, name: &str| {
        let folder = world.root().join("state").join(name);
        world.configure(&World::config_of(&idp, &format!("[store]\nfolder = \"{}\"", folder.display()), "", ""));
        world.run();
    };
    at(&mut world, "one");
    world.log_in("work");
    refresh(&mut world);
    world.restart();
    refresh(&mut world);
    world.stop();
    at(&mut world, "two");
    world.log_in("work");
    world.restart();
    refresh(&mut world);
    assert_eq!((world.account("work").state, world.account("work").generation), (AccountState::Active, 2));
    world.stop();
    let state = world.root().join("state");
    std::fs::rename(state.join("one"), state.join("three")).unwrap();
    at(&mut world, "three");
    refresh(&mut world);
    world.stop();
    at(&mut world, "two");
    refresh(&mut world);
    assert_eq!((world.account("work").state, idp.reuses()), (AccountState::Active, 0));
}
