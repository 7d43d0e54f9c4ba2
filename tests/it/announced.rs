//! Recovery when the socket or `endpoint.json` is removed, and clients with another runtime folder.

use std::path::Path;

use rustix::process::Signal;

use crate::idp::Idp;
use crate::world::{World, until};

fn is_found(world: &World) -> bool {
    let (code, said, wrong) = world.cli(&["status"]);
    assert!([0, 3, 5].contains(&code), "{code} {said} {wrong}");
    code != 3
}

/// Name, and the function that removes something from the runtime folder.
type Removal = (&'static str, fn(&Path));

#[test]
fn the_socket_and_endpoint_file_are_recreated() {
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
fn an_open_connection_survives_and_the_endpoint_file_is_removed_at_the_stop() {
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
fn without_a_runtime_folder_the_client_names_the_daemon_and_sighup_recreates_the_socket() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    // At the end of the last session logind removes the user's runtime folder, and only root can create it again.
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
fn a_daemon_started_without_a_runtime_folder_is_found_by_a_client_that_has_one() {
    let idp = Idp::start();
    let mut world = World::with_config(&World::config_of(&idp, "", "", ""));
    world.through = ["env", "-u", "XDG_RUNTIME_DIR"].map(str::to_owned).into();
    world.spawn(None);
    until("the daemon is found", || is_found(&world).then_some(()));
    world.stop();
}
