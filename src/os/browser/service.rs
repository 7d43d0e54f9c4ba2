//! Opens a browser from a service of the user's systemd: not as a child, which would inherit the service's confinement
//! (a browser's sandbox and snaps do not start with `NoNewPrivileges=`) and end with it, but as a unit of its own
//! beside it, with the environment of the desktop session.
//!
//! Uses `systemd-run` and not the desktop portal: it is available wherever this is a service, asks the user nothing,
//! and needs no session bus.

use std::ffi::OsString;
use std::process::{Command, Output, Stdio};

use super::error::BrowserNotOpened;
use super::start_url::StartUrl;
use super::{desktop, launch};

/// Starts a unit that is removed when its program ends.
const RUN: [&str; 9] = [
    "--user",
    "--collect",
    "--quiet",
    // Returns when the program has started, or has failed to.
    "--service-type=exec",
    // By default it is the command line, which would put the ticket into the journal.
    "--description=ringback opens the browser",
    // `xdg-open` often ends before the browser that it started.
    "--property=KillMode=process",
    "--property=StandardOutput=null",
    "--property=StandardError=null",
    "--",
];

/// Whether this process is the main one of a unit. Its children inherit the variable, but have another pid.
pub(super) fn are_we(env: &dyn Fn(&str) -> Option<OsString>) -> bool {
    env("SYSTEMD_EXEC_PID").is_some_and(|pid| pid == *std::process::id().to_string())
}

/// Has the user's service manager open `url`, with `program` if the config names one.
pub(super) fn open(url: &StartUrl, program: Option<&[String]>) -> Result<(), BrowserNotOpened> {
    let mut command = Command::new("systemd-run");
    command.args(RUN);
    if let Some(program) = program {
        command.args(program.iter().map(|part| unexpanded(part)));
    } else {
        // The desktop tells the service manager where its display is, often long after this service was started.
        let session = run(Command::new("systemctl").args(["--user", "show-environment"]).stdout(Stdio::piped()))?;
        if !has_display(&String::from_utf8_lossy(&session.stdout)) {
            return Err(BrowserNotOpened::NoBrowser);
        }
        command.arg("xdg-open");
    }
    run(command.arg(url.as_str()).stdout(Stdio::null())).map(drop)
}

/// The argument as the service manager has to get it: it replaces variables, and takes two dollars for one.
fn unexpanded(argument: &str) -> String {
    argument.replace('$', "$$")
}

fn run(command: &mut Command) -> Result<Output, BrowserNotOpened> {
    let program = command.get_program().to_string_lossy().into_owned();
    match launch::bare(command).output() {
        Ok(output) if output.status.success() => Ok(output),
        Ok(output) => Err(BrowserNotOpened::Failed(format!("{program} failed ({})", output.status))),
        Err(error) => Err(BrowserNotOpened::Failed(format!("{program} did not start ({error})"))),
    }
}

/// Whether the lines `NAME=VALUE` of a session describe a desktop.
fn has_display(environment: &str) -> bool {
    let value = |name: &str| {
        let line = environment.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(OsString::from)
    };
    desktop::has_browser(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_main_process_of_a_unit_is_the_service() {
        let env = |pid: String| move |name: &str| (name == "SYSTEMD_EXEC_PID").then(|| OsString::from(&pid));
        let me = std::process::id();
        assert!(are_we(&env(me.to_string())));
        assert!(!are_we(&env((me + 1).to_string())) && !are_we(&env(String::new())) && !are_we(&|_| None));
    }

    #[test]
    fn arguments_reach_the_program_unchanged() {
        assert_eq!(["-P", "$HOME", "a$$b", "${X}"].map(unexpanded), ["-P", "$$HOME", "a$$$$b", "$${X}"]);
    }

    #[test]
    fn a_session_has_a_browser_if_it_has_a_display() {
        for (environment, has) in [
            ("HOME=/h\nDISPLAY=:0\n", true),
            ("WAYLAND_DISPLAY=wayland-0", true),
            ("DISPLAY=\nHOME=/h", false),
            ("XDISPLAY=:0\nDISPLAY_X=1", false),
            ("", false),
        ] {
            assert_eq!(has_display(environment), has, "{environment}");
        }
    }
}
