//! `serve.autostart`: `ringback token` and `ringback login` start a daemon that does not run.

use rustix::process::{Pid, Signal, kill_process};

use crate::idp::Idp;
use crate::world::{World, mode, until};

const ON: &str = "[serve]\nautostart = true";

/// Ends the daemon that a command started, when the test ends in any way.
struct Started<'a>(&'a World);

impl Drop for Started<'_> {
    fn drop(&mut self) {
        if self.0.is_announced() {
            let pid = Pid::from_raw(self.0.endpoint().pid.cast_signed()).unwrap();
            kill_process(pid, Signal::TERM).unwrap();
            until("the daemon has ended", || (!self.0.is_announced()).then_some(()));
        }
    }
}

#[test]
fn a_command_starts_the_daemon_once_and_only_if_the_config_says_so() {
    let idp = Idp::start();
    let world = World::with_config(&World::config_of(&idp, ON, "", ""));
    let _started = Started(&world);
    let (code, said, wrong) = world.cli(&["token", "work"]);
    // It asked the new daemon, which has no token yet.
    assert_eq!((code, said.as_str()), (5, ""), "{wrong}");
    assert!(wrong.starts_with("Started the daemon (process "), "{wrong}");
    let pid = world.endpoint().pid;
    let (code, _, wrong) = world.cli(&["token", "work"]);
    assert!(code == 5 && !wrong.contains("Started"), "{code} {wrong}");
    assert_eq!(world.endpoint().pid, pid);
    assert_eq!(mode(&world.runtime().join("autostart.log")), 0o600);
}

#[test]
fn nothing_is_started_by_other_commands_with_another_socket_or_without_the_key() {
    let idp = Idp::start();
    let world = World::with_config(&World::config_of(&idp, ON, "", ""));
    for arguments in [&["status"][..], &["token", "--socket", "/nonexistent/ringback.sock"], &["refresh"]] {
        let (code, _, wrong) = world.cli(arguments);
        assert!(code == 3 && !world.is_announced(), "{arguments:?}: {code} {wrong}");
    }
    world.configure(&World::config_of(&idp, "", "", ""));
    let (code, _, wrong) = world.cli(&["token"]);
    assert!(code == 3 && wrong.contains("autostart = true") && !world.is_announced(), "{code} {wrong}");
}

#[test]
fn a_daemon_that_does_not_start_says_why() {
    let idp = Idp::start();
    let world = World::with_config(&World::config_of(&idp, ON, "", ""));
    let config = std::fs::read_to_string(world.config_file()).unwrap();
    world.configure(&format!("{config}\n[store]\nkey = \"command\"\nkey_command = [\"false\"]\n"));
    let (code, _, wrong) = world.cli(&["token"]);
    assert!(code == 3 && !world.is_announced(), "{code} {wrong}");
    assert!(
        wrong.contains("could not be started: ") && wrong.contains("command false") && wrong.contains("autostart.log"),
        "{wrong}"
    );
}
