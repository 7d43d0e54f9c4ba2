//! The socket and `endpoint.json` are removed under the daemon, and programs look for it in another place.

use std::path::Path;

use rustix::process::Signal;

use crate::idp::Idp;
use crate::world::{World, until};

fn is_found(world: &World) -> bool {
    let (code, said, wrong) = world.cli(&["status"]);
    assert!([0, 3, 5].contains(&code), "{code} {said} {wrong}");
    code != 3
}

/// What is removed, and how, from the runtime folder.
type Removal = (&'static str, fn(&Path));

#[test]
fn what_programs_find_the_daemon_by_is_made_anew() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    let remove: [Removal; 4] = [
        ("the socket", |runtime| std::fs::remove_file(runtime.join("ringback.sock")).unwrap()),
        ("endpoint.json", |runtime| std::fs::remove_file(runtime.join("endpoint.json")).unwrap()),
        ("the folder", |runtime| std::fs::remove_dir_all(runtime).unwrap()),
        ("the folder, which is kept elsewhere", |runtime| {
            std::fs::rename(runtime, runtime.with_extension("old")).unwrap();
        }),
    ];
    for (what, remove) in remove {
        remove(&world.runtime());
        until(&format!("{what} is there again"), || (world.is_announced() && is_found(&world)).then_some(()));
        assert_eq!(world.token("work"), world.token("work"));
    }
    assert!(world.runtime().join("ringback.sock").exists());
}

#[test]
fn a_stream_that_came_in_before_goes_on_and_the_file_is_removed_at_the_end() {
    let idp = Idp::start();
    let mut world = World::start(&idp);
    world.log_in("work");
    let wire = world.wire();
    std::fs::remove_dir_all(world.runtime()).unwrap();
    until("the daemon is found again", || is_found(&world).then_some(()));
    let asked = crate::http::Request::get("/v1/accounts/work/token");
    assert_eq!(wire.ask(&asked.bytes("localhost")).status, 200);
    world.stop();
    assert!(!world.runtime().join("ringback.sock").exists() && !world.is_announced());
}

#[test]
fn without_a_place_the_client_names_the_daemon_and_a_hangup_brings_it_back() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    // As logind does it at the end of the last session: the user's whole folder goes, and only root can bring it back.
    let (place, away) = (world.root().join("run"), world.root().join("run.old"));
    std::fs::rename(&place, &away).unwrap();
    std::fs::write(&place, "").unwrap();
    world.signal(Signal::HUP);
    world.until_logged("programs can't find the daemon");
    let (code, _, said) = world.cli(&["token", "work"]);
    assert!(code == 3 && said.contains(&format!("runs (process {})", world.pid())), "{code} {said}");
    assert!(said.contains(&format!("kill -HUP {}", world.pid())), "{said}");
    std::fs::remove_file(&place).unwrap();
    std::fs::create_dir(&place).unwrap();
    std::fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    world.signal(Signal::HUP);
    until("the daemon is found again", || is_found(&world).then_some(()));
    world.until_logged("programs find the daemon again");
}

#[test]
fn a_daemon_that_was_started_without_a_runtime_folder_is_found_by_a_shell_that_has_one() {
    let idp = Idp::start();
    let mut world = World::with_config(&World::config_of(&idp, "", "", ""));
    world.through = ["env", "-u", "XDG_RUNTIME_DIR"].map(str::to_owned).into();
    world.spawn(None);
    until("the daemon is found", || is_found(&world).then_some(()));
    world.stop();
}
