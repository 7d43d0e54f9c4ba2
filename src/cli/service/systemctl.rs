//! The user's systemd, by its own programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::os::child_env;

const SYSTEMCTL: &str = "systemctl";
/// Where logind keeps who has processes while logged out, by name.
const LINGERING: &str = "/var/lib/systemd/linger";

/// What is asked of a unit.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) enum Property {
    /// Such as `active`, `inactive` and `failed`.
    ActiveState,
    /// Such as `enabled` and `disabled`; empty if there is no such unit.
    UnitFileState,
    /// The process of the daemon; 0 if there is none.
    MainPid,
    /// `loaded`, or `not-found`.
    LoadState,
}

impl Property {
    fn name(self) -> &'static str {
        match self {
            Self::ActiveState => "ActiveState",
            Self::UnitFileState => "UnitFileState",
            Self::MainPid => "MainPID",
            Self::LoadState => "LoadState",
        }
    }
}

/// Fails if there is no systemd, or none for this user.
pub(super) fn check() -> Result<(), Failure> {
    run(&["show", "--property=Version"])
}

/// `systemctl --user` with these arguments.
pub(super) fn run(arguments: &[&str]) -> Result<(), Failure> {
    output(arguments).map(|_| ())
}

pub(in crate::cli) fn property(unit: &str, property: Property) -> Result<String, Failure> {
    let shown = output(&["show", "--value", "--property", property.name(), unit])?;
    Ok(shown.trim().to_owned())
}

/// Whether systemd has the unit, from any folder.
pub(super) fn is_loaded(unit: &str) -> Result<bool, Failure> {
    Ok(property(unit, Property::LoadState)? == "loaded")
}

/// The program that a service starts, if it is installed.
pub(super) fn program(unit: &str) -> Result<Option<PathBuf>, Failure> {
    Ok(started_program(&output(&["show", "--value", "--property", "ExecStart", unit])?))
}

fn output(arguments: &[&str]) -> Result<String, Failure> {
    let done = of_systemd(SYSTEMCTL)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| message::no_systemd(SYSTEMCTL, error))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let why = String::from_utf8_lossy(&done.stderr);
    let why = why.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    if why.contains("connect to bus") {
        return Err(message::no_user_manager(why));
    }
    Err(message::systemctl_failed(arguments.first().copied().unwrap_or_default(), why))
}

/// A program of systemd, for the user's manager. It and what it starts are searched in the folders of `PATH` that do not
/// depend on the current one.
pub(super) fn of_systemd(program: &str) -> Command {
    let mut command = Command::new(program);
    command.arg("--user").env("PATH", child_env::absolute_only(&std::env::var_os("PATH").unwrap_or_default()));
    command
}

/// From `{ path=/usr/bin/ringback ; argv[]=... }`.
fn started_program(shown: &str) -> Option<PathBuf> {
    let path = shown.split_once("path=")?.1.split(" ; ").next()?;
    Some(PathBuf::from(path))
}

/// Whether the user's services run while the user is logged out. `None`: it is not known.
pub(in crate::cli) fn lingers() -> Option<bool> {
    let user = std::env::var("USER").ok().filter(|name| !name.is_empty() && !name.contains('/'))?;
    Path::new("/run/systemd/system").exists().then(|| Path::new(LINGERING).join(user).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_read_from_what_systemctl_shows() {
        let shown = "{ path=/home/a b/ringback ; argv[]=/home/a b/ringback serve ; ignore_errors=no ; pid=0 }\n";
        assert_eq!(started_program(shown), Some("/home/a b/ringback".into()));
        assert_eq!(started_program("\n"), None);
    }
}
