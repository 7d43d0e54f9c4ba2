//! `ringback service --json`, with programs that answer as systemd's do. With a real systemd the commands are tested by
//! `tests/peers/systemd.sh`.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::world::{World, told};

/// Answers what it is asked of a unit; the service is in the state that the file `active-state` says.
const SYSTEMCTL: &str = r#"#!/bin/sh
case "$*" in
    *LoadState*) echo loaded ;;
    *ActiveState*ringback.service) cat "$HOME/active-state" ;;
    *ActiveState*) echo inactive ;;
    *UnitFileState*ringback.service) echo enabled ;;
    *ExecStart*) echo '{ path=/opt/a b/ringback ; argv[]=/opt/a b/ringback serve ; ignore_errors=no }' ;;
esac
"#;
const JOURNALCTL: &str = r#"#!/bin/sh
[ "$*" = '--user --output json --unit ringback.service --lines 2' ] || exit 9
echo '{"__REALTIME_TIMESTAMP":"1700000000500000","MESSAGE":"one"}'
echo '{"__REALTIME_TIMESTAMP":"1700000001000000","MESSAGE":[116,119,111]}'
"#;

fn world(state: &str) -> World {
    let world = World::with_config("");
    let tools = world.root().join("tools");
    std::fs::create_dir(&tools).unwrap();
    for (name, script) in [("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL)] {
        std::fs::write(tools.join(name), script).unwrap();
        std::fs::set_permissions(tools.join(name), PermissionsExt::from_mode(0o755)).unwrap();
    }
    std::fs::write(world.root().join("active-state"), format!("{state}\n")).unwrap();
    world
}

/// The exit code and the objects on standard output, without their `version`.
fn run(world: &World, arguments: &[&str]) -> (i32, Vec<Value>) {
    let path = format!("{}:{}", world.root().join("tools").display(), std::env::var("PATH").unwrap());
    let mut command = world.command(&[&["service"], arguments, &["--json"]].concat());
    let (code, out, wrong) = told(command.env("PATH", path).output().unwrap());
    let object = |line: &str| {
        let mut object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line} {wrong}"));
        assert_eq!(object.as_object_mut().unwrap().remove("version"), Some(1.into()), "{line}");
        object
    };
    (code, out.lines().map(object).collect())
}

#[test]
fn the_status_is_one_object_whether_the_service_runs_or_not() {
    for (state, code) in [("active", 0), ("failed", 3), ("inactive", 3)] {
        let (exit, mut told) = run(&world(state), &["status"]);
        // It depends on the machine.
        told[0].as_object_mut().unwrap().remove("lingers").unwrap();
        let expected = json!({
            "running": code == 0,
            "service": { "state": state, "unit_file": "enabled" },
            "socket": { "state": "inactive", "unit_file": null },
            "program": "/opt/a b/ringback",
            "is_this_program": false,
        });
        assert_eq!((exit, told), (code, vec![expected]), "{state}");
    }
}

#[test]
fn install_and_uninstall_tell_which_files_they_wrote_and_removed() {
    let world = world("inactive");
    let file = world.root().join("config/systemd/user/ringback.service");
    for changed in [true, false] {
        let unit = json!({ "name": "ringback.service", "file": file, "changed": changed });
        let expected = json!({ "units": [unit], "started": false });
        assert_eq!(run(&world, &["install", "--no-start"]), (0, vec![expected]));
    }
    for (removed, stopped) in [(vec![&file], true), (vec![], false)] {
        let expected = json!({ "removed": removed, "stopped": stopped });
        assert_eq!(run(&world, &["uninstall"]), (0, vec![expected]));
    }
    assert!(!file.exists());
}

#[test]
fn the_log_is_one_object_for_each_line() {
    let lines = [
        json!({ "at": "2023-11-14T22:13:20.500Z", "message": "one" }),
        json!({ "at": "2023-11-14T22:13:21.000Z", "message": "two" }),
    ];
    assert_eq!(run(&world("active"), &["logs", "-n", "2"]), (0, lines.to_vec()));
}
