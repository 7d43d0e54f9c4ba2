//! `serve.autostart`: `ringback token` and `ringback login` have systemd start a daemon that does not run. With a real
//! systemd it is tested by `tests/peers/systemd.sh`.

use std::os::unix::fs::PermissionsExt;

use crate::idp::Idp;
use crate::world::World;

const ON: &str = "[serve]\nautostart = true";

/// A `systemctl` that notes its arguments, and for which the service has this `LoadState`.
fn systemctl(world: &World, load_state: &str) -> String {
    let folder = world.root().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let (path, notes) = (folder.join("systemctl"), world.root().join("asked"));
    let script = format!(
        "#!/bin/sh\necho \"$*\" >>{}\ncase \"$*\" in *LoadState*) echo {load_state} ;; esac\n",
        notes.display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

fn asked(world: &World) -> String {
    std::fs::read_to_string(world.root().join("asked")).unwrap_or_default()
}

fn run(world: &World, path: &str, arguments: &[&str]) -> (i32, String, String) {
    crate::world::told(world.command(arguments).env("PATH", path).output().unwrap())
}

#[test]
fn systemd_starts_the_service_only_for_token_and_login_and_if_the_config_says_so() {
    let idp = Idp::start();
    let world = World::with_config(&World::config_of(&idp, ON, "", ""));
    let path = systemctl(&world, "loaded");
    for arguments in [&["status"][..], &["refresh"], &["token", "--socket", "/nonexistent/ringback.sock"]] {
        let (code, _, wrong) = run(&world, &path, arguments);
        assert_eq!((code, asked(&world).as_str()), (3, ""), "{arguments:?}: {wrong}");
    }
    for arguments in [&["token"][..], &["login"]] {
        let (code, _, wrong) = run(&world, &path, arguments);
        // This systemctl starts nothing.
        assert!(code == 3 && wrong.contains("it listens elsewhere"), "{arguments:?}: {code} {wrong}");
        assert!(asked(&world).ends_with("--user start ringback.service\n"), "{}", asked(&world));
    }
    world.configure(&World::config_of(&idp, "", "", ""));
    std::fs::remove_file(world.root().join("asked")).unwrap();
    let (code, _, wrong) = run(&world, &path, &["token"]);
    assert!(code == 3 && wrong.contains("autostart = true") && asked(&world).is_empty(), "{code} {wrong}");
}

#[test]
fn without_the_service_or_with_a_wrong_config_the_failure_says_why() {
    let idp = Idp::start();
    let world = World::with_config(&World::config_of(&idp, ON, "", ""));
    let path = systemctl(&world, "not-found");
    let (code, _, wrong) = run(&world, &path, &["token"]);
    assert!(code == 3 && wrong.contains("ringback.service is not installed"), "{code} {wrong}");
    assert!(!asked(&world).contains("start"), "{}", asked(&world));
    let (code, _, wrong) = run(&world, "/nonexistent", &["token"]);
    assert!(code == 3 && wrong.contains("`systemctl` can't be started"), "{code} {wrong}");
    world.configure("[unknown]\n");
    let (code, _, wrong) = run(&world, &path, &["token"]);
    assert!(code == 2 && wrong.contains("unknown"), "{code} {wrong}");
}
