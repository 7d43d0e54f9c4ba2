//! Starts a launcher as a child, and watches whether it fails at once.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::error::BrowserNotOpened;
use super::start_url::StartUrl;
use crate::os::child_env;

/// A launcher that has not failed by then counts as successful: some end only with the browser. `xdg-open` takes a
/// second to find that none of the browsers that it knows starts.
const GLANCE: Duration = Duration::from_secs(2);

/// Tries one after the other. A launcher that fails late may have opened the URL nevertheless; the second browser then
/// finds the ticket used up.
pub(super) fn first_that_works(launchers: Vec<Command>) -> Result<(), BrowserNotOpened> {
    let (mut first, mut missing) = (None, Vec::new());
    for mut launcher in launchers {
        match launch(&mut launcher, GLANCE) {
            Ok(()) => return Ok(()),
            Err(NotLaunched::Missing(program)) => missing.push(program),
            Err(NotLaunched::Failed(why)) => first = first.or(Some(why)),
        }
    }
    Err(first.map_or(BrowserNotOpened::NoLauncher(missing), BrowserNotOpened::Failed))
}

/// Starts this program, with the URL as its last argument.
pub(super) fn this_one(program: &str, arguments: &[String], url: &StartUrl) -> Result<(), BrowserNotOpened> {
    let mut command = Command::new(program);
    command.args(arguments).arg(url.as_str());
    launch(&mut command, GLANCE).map_err(|error| match error {
        NotLaunched::Missing(program) => BrowserNotOpened::NoProgram(program),
        NotLaunched::Failed(why) => BrowserNotOpened::Failed(why),
    })
}

/// Why a launcher failed.
#[derive(Debug, PartialEq, Eq)]
enum NotLaunched {
    /// There is no such program.
    Missing(String),
    /// One clause.
    Failed(String),
}

/// Starts a launcher and watches, for `glance`, whether it fails.
fn launch(launcher: &mut Command, glance: Duration) -> Result<(), NotLaunched> {
    let program = launcher.get_program().to_string_lossy().into_owned();
    let mut child = bare(launcher)
        // A browser's output must not end up in our log, and Ctrl-C must reach only this process.
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => NotLaunched::Missing(program.clone()),
            _ => NotLaunched::Failed(format!("{program} did not start ({error})")),
        })?;
    let (tell, ended) = mpsc::sync_channel(1);
    // Waits for as long as the browser runs, so that no zombie remains.
    let waiting = std::thread::Builder::new().name("browser".into()).spawn(move || drop(tell.send(child.wait())));
    waiting.map_err(|error| NotLaunched::Failed(format!("{program} could not be watched ({error})")))?;
    match ended.recv_timeout(glance) {
        Ok(Ok(status)) if !status.success() => Err(NotLaunched::Failed(format!("{program} failed ({status})"))),
        _ => Ok(()),
    }
}

/// Gives a command the environment of a browser, no input and no error output.
pub(super) fn bare(command: &mut Command) -> &mut Command {
    command.env_clear().envs(child_env::of_browsers(std::env::vars_os())).stdin(Stdio::null()).stderr(Stdio::null())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "ticket~canary"]);
        command
    }

    #[test]
    fn the_first_that_does_not_fail_at_once_is_the_last_that_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let missing = || Command::new("/no/such/launcher-canary");
        assert!(
            first_that_works(vec![missing(), sh("exit 3"), sh("exit 0"), sh(&format!(">{}", mark.display()))]).is_ok()
        );
        assert!(!mark.exists());
        assert!(first_that_works(vec![sh("exec sleep 1"), sh(&format!(">{}", mark.display()))]).is_ok());
        assert!(!mark.exists(), "what runs still has done it");
    }

    #[test]
    fn a_launcher_that_fails_late_has_failed() {
        // This returns when the launcher ends: the minute is only the upper bound.
        let failed = launch(&mut sh("sleep 0.5; exit 3"), Duration::from_secs(60));
        assert_eq!(failed, Err(NotLaunched::Failed("/bin/sh failed (exit status: 3)".into())));
    }

    #[test]
    fn a_failure_names_the_first_program_and_no_argument() {
        let told = |launchers| first_that_works(launchers).unwrap_err().to_string();
        let failed = told(vec![sh("exit 3"), sh("exit 4")]);
        assert_eq!(failed, "the browser could not be started: /bin/sh failed (exit status: 3)");
        let missing = || Command::new("/no/such/launcher-canary");
        assert_eq!(
            told(vec![missing(), sh("exit 4")]),
            "the browser could not be started: /bin/sh failed (exit status: 4)"
        );
        let none = told(vec![missing()]);
        assert_eq!(
            none,
            "no program that opens a browser is installed (looked for /no/such/launcher-canary; xdg-utils has one)"
        );
        assert_eq!(told(vec![]), "no program that opens a browser is known for this system");
    }

    #[test]
    fn the_configured_program_gets_the_url_last_and_is_named_if_it_fails() {
        let folder = tempfile::tempdir().unwrap();
        let seen = folder.path().join("seen");
        let url = StartUrl::parse("http://127.0.0.1:7464/login/start/canary").unwrap();
        let run = |program: &str, script: &str| {
            let arguments = ["-c", script, "-P", "$HOME %u"].map(str::to_owned);
            this_one(program, &arguments, &url).map_err(|error| error.to_string())
        };
        // The first argument after the script is its `$0`.
        run("/bin/sh", &format!("printf '%s|' \"$0\" \"$@\" >{}", seen.display())).unwrap();
        assert_eq!(std::fs::read_to_string(seen).unwrap(), format!("-P|$HOME %u|{}|", url.as_str()));
        let failed = "the browser could not be started: /bin/sh failed (exit status: 3)";
        assert_eq!(run("/bin/sh", "exit 3"), Err(failed.into()));
        let missing = "the program `/no/such/browser`, which `browser` in the config names, was not found";
        assert_eq!(run("/no/such/browser", ""), Err(missing.into()));
    }
}
