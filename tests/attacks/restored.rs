//! A state folder, or a file of it, that is older than the last write: restored from a backup, by a file system
//! snapshot, or on purpose. The provider revokes a login whose refresh token is sent twice.

use std::path::PathBuf;

use ringback::contract::AccountState;

use crate::disk::{Kept, put};
use crate::http::Request;
use crate::idp::Idp;
use crate::report::Report;
use crate::world::{World, account, names, provider, until};

/// Two logged-in accounts and a running daemon.
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

/// Deletes the state folder and starts with a new one.
fn recreate_state_folder(world: &mut World) {
    world.stop();
    std::fs::remove_dir_all(world.state()).unwrap();
    world.run();
    world.log_in("work");
}

/// The file of the account's high-water mark.
pub(crate) fn mark(world: &World) -> PathBuf {
    let marks = world.root().join(".cache/ringback/generations");
    let [state] = &names(&marks)[..] else { panic!("expected one folder of marks") };
    marks.join(state).join("work")
}

/// What happens between the backup and its restoration.
type BetweenBackupAndRestore = (&'static str, &'static [fn(&mut World)]);

const BETWEEN_BACKUP_AND_RESTORE: &[BetweenBackupAndRestore] = &[
    ("refreshes", &[refresh, World::restart, refresh, World::restart, refresh]),
    ("one refresh", &[refresh]),
    ("a login", &[log_in]),
    ("a logout", &[log_out]),
    ("a logout and a login", &[log_out, log_in]),
    (
        "a refresh, and a login that stays pending",
        &[refresh, |world| drop(world.start_login("work", "caller_browser"))],
    ),
    ("a recreated folder", &[recreate_state_folder]),
    ("a recreated folder, and a refresh", &[recreate_state_folder, refresh]),
    ("a refresh, and the daemon is killed", &[refresh, World::restart, |world| world.kill(), World::run]),
];

/// How much is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Folder,
    /// The account's file only. Not for a new state folder, which has another key.
    File,
}

#[test]
fn a_restored_store_sends_nothing_to_the_provider_and_needs_a_login() {
    let mut report = Report::default();
    for (name, meanwhile) in BETWEEN_BACKUP_AND_RESTORE {
        for extent in [Extent::Folder, Extent::File] {
            if extent == Extent::File && name.contains("recreated") {
                continue;
            }
            report.row();
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
            report.expect(&name, view.reason_code.as_deref() == Some("restored_from_backup"), &view);
            report.expect(&name, !view.refreshable && view.next_refresh_at.is_none() && view.attention_needed, &view);
            press(&world, &name, &mut report);
            look(&world, &name, &mut report);
            world.restart();
            press(&world, &name, &mut report);
            report.expect(&name, idp.seen().len() == seen, "the provider received a request");
            report.expect(&name, world.token("home") == home, "the other account is unchanged");
            // A login repairs the account permanently.
            world.log_in("work");
            world.restart();
            refresh(&mut world);
            world.restart();
            let token = world.token("work");
            report.expect(&name, token != older && idp.honours(&token), &token);
            report.expect(&name, idp.reuses() == 0, idp.reuses());
        }
    }
    report.end();
}

/// Everything that could make the daemon use the restored tokens.
fn press(world: &World, name: &str, report: &mut Report) {
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
        report.expect(name, reply.status >= 400 && !reply.body.contains("AT~canary"), (target, &reply));
    }
    let reply = world.get("/v1/accounts/work/token?wait=0");
    report.expect(name, reply.status == 428 && reply.body.contains("restored from a backup"), &reply);
}

/// What the command line shows.
fn look(world: &World, name: &str, report: &mut Report) {
    let (code, _, said) = world.cli(&["token", "work"]);
    report.expect(name, code == 5 && said.contains("restored from a backup") && said.contains("login work"), &said);
    let (code, shown, _) = world.cli(&["status"]);
    report.expect(name, code == 5 && shown.contains("restored from a backup"), &shown);
    let (_, found, _) = world.cli(&["doctor", "--offline"]);
    report.expect(name, found.contains("restored from a backup") && found.contains("ringback login work"), &found);
}

#[test]
fn callers_that_wait_for_a_restored_account_get_the_reason() {
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
fn a_logout_from_a_restored_store_revokes_nothing_and_is_remembered() {
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
fn without_rotation_a_restored_refresh_token_is_used() {
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
fn a_deleted_and_recreated_state_folder_is_not_a_restored_one() {
    let idp = Idp::start();
    let mut world = two_accounts(&idp);
    refresh(&mut world);
    let before = world.account("work").generation;
    recreate_state_folder(&mut world);
    for _ in 0..2 {
        let view = world.account("work");
        assert!(view.state == AccountState::Active && view.generation > before, "{view:?}");
        refresh(&mut world);
        world.restart();
    }
    assert!(idp.honours(&world.token("work")));
}

#[test]
fn each_state_folder_has_its_own_marks_and_a_moved_one_has_none() {
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
