//! Autostart: `token` and `login` start a daemon that does not run, if the config says so.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::fs::OFlags;

use super::arguments::DaemonChoice;
use super::config_source::ConfigSource;
use super::report;
use super::service::{self, ServiceState};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::clock::Clock;
use crate::contract::ErrorCode;
use crate::os::folder::Folder;
use crate::os::paths::Paths;

/// A daemon that is not ready by then is left alone.
const LONGEST: Duration = Duration::from_secs(20);
const PACE: Duration = Duration::from_millis(20);
/// In the runtime folder: what a daemon that we started has to say.
const LOG: &str = "autostart.log";
const LONGEST_LOG: usize = 64 * 1024;

/// Does `ask`. If no daemon answers and `serve.autostart` is on, starts one and asks again.
pub(super) fn or_start<T>(reach: &DaemonChoice, ask: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
    match ask() {
        Err(failure) if failure.code() == ErrorCode::NoDaemon && reach.is_usual() && is_on() => {
            start()?;
            ask()
        }
        result => result,
    }
}

/// A config that can't be read starts nothing: the failure to report is that no daemon runs.
fn is_on() -> bool {
    ConfigSource { config: None }.load_what_works().is_ok_and(|(config, _)| config.serve.autostart)
}

/// Starts the service if it is installed, or else a daemon in the background, and waits until it answers.
fn start() -> Result<(), Failure> {
    if service::start_installed()? == ServiceState::Started {
        report::say("Started the daemon, by systemd.");
        return Ok(());
    }
    let paths = Paths::from_env(&|name| std::env::var_os(name), None).map_err(message::homeless)?;
    let folder = Folder::open(&paths.runtime).map_err(|error| message::autostart_failed(error, ""))?;
    let log = folder.file(LOG);
    let failed = |why: String| message::autostart_failed(why, format!(" (see {})", log.display()));
    let mut child = spawn(&folder).map_err(|error| failed(error.to_string()))?;
    let deadline = Clock::System.now().boot.plus(LONGEST);
    while !answers() {
        match child.try_wait() {
            Ok(Some(ended)) => return Err(failed(said(&folder).unwrap_or_else(|| format!("it ended with {ended}")))),
            _ if Clock::System.now().boot.reached(deadline) => {
                return Err(failed(format!("it was not ready within {}", report::span(LONGEST))));
            }
            _ => sleep(PACE),
        }
    }
    report::say(&format!("Started the daemon (process {}).", child.id()));
    Ok(())
}

/// Why it ended, in its own words.
fn said(folder: &Folder) -> Option<String> {
    let log = folder.read(LOG, LONGEST_LOG).ok()??;
    let text = String::from_utf8_lossy(&log);
    text.lines().find_map(|line| line.strip_prefix("error: ")).map(str::to_owned)
}

/// In a process group of its own, so that Ctrl-C at this terminal does not end it.
fn spawn(folder: &Folder) -> Result<Child, Box<dyn std::error::Error>> {
    folder.write(LOG, b"")?;
    let log = folder.open_file(LOG, OFlags::WRONLY | OFlags::APPEND)?.ok_or("its log was removed")?;
    let child = Command::new(std::env::current_exe()?)
        .args(["serve", "--log", "warn"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .current_dir("/")
        .process_group(0)
        .spawn()?;
    Ok(child)
}

fn answers() -> bool {
    DaemonChoice::default().client().is_ok_and(|client| client.accounts().is_ok())
}
