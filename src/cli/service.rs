//! `ringback service`: the daemon as a service of the user's systemd.

mod systemctl;
mod units;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use self::systemctl::Property;
use self::units::{SERVICE, SOCKET, UnitFile, UnitFolder};
use super::arguments::DaemonChoice;
use super::command_result::CommandResult;
use super::config_source::ConfigSource;
use super::{report, waiting};
use crate::cli::failure::Failure;
use crate::cli::message;

/// Run the daemon as a service of your systemd
///
/// The units come with the program. They belong to your user: no root is needed, and the daemon runs as you.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct ServiceArgs {
    #[command(subcommand)]
    act: ServiceCommand,
}

const HELP: &str = "\
Examples:
  ringback service install            Start the daemon now, and whenever you log in
  ringback service install --socket   Let systemd hold its sockets, too
  ringback service status
  ringback service logs -f
  ringback service uninstall

Change a unit with `systemctl --user edit ringback`: what `install` wrote is written again by the
next one. docs/systemd.md says more.";

#[derive(Subcommand)]
enum ServiceCommand {
    /// Write the units, start the daemon, and start it whenever you log in
    ///
    /// Run it again after `ringback` has moved, or after an update: it restarts the daemon with this program.
    Install(InstallArgs),
    /// Stop the daemon and remove the units; accounts, tokens and the config stay
    Uninstall,
    /// Say whether the service is installed and runs; exits with 3 if it does not run
    Status,
    /// Show the daemon's log (`journalctl`)
    Logs(LogsArgs),
}

#[derive(Args)]
struct InstallArgs {
    /// Let systemd hold the sockets: requests wait while the daemon restarts
    #[arg(long)]
    socket: bool,

    /// Write the units only
    #[arg(long)]
    no_start: bool,

    /// Replace units of the same name that somebody else wrote
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    source: ConfigSource,
}

#[derive(Args)]
struct LogsArgs {
    /// Wait for new lines
    #[arg(short, long)]
    follow: bool,

    /// How many lines
    #[arg(short = 'n', long, value_name = "LINES", default_value_t = 50)]
    lines: u32,
}

/// systemd waits this long for a daemon to become ready, or to end.
const LONGEST: Duration = Duration::from_secs(90);

pub(super) fn run(args: &ServiceArgs) -> CommandResult {
    match &args.act {
        ServiceCommand::Install(args) => install(args),
        ServiceCommand::Uninstall => uninstall(),
        ServiceCommand::Status => status(),
        ServiceCommand::Logs(args) => {
            systemctl::logs(SERVICE, args.lines, args.follow).map(|code| ExitCode::from(code.unwrap_or(1)))
        }
    }
}

fn install(args: &InstallArgs) -> CommandResult {
    let folder = UnitFolder::of_user()?;
    let program = own_program()?;
    let mut wanted = vec![UnitFile::service(&program)?];
    if args.socket {
        wanted.push(UnitFile::sockets(&args.source)?);
    }
    if !args.no_start {
        systemctl::check()?;
        refuse_beside_another()?;
    }
    for unit in &wanted {
        let path = folder.write(unit, args.force)?;
        report::say(&format!("Wrote {}.", path.display()));
    }
    if let Some(folder) = of_a_build(&program) {
        report::say(&format!(
            "warning: the service runs the program in the build folder {}: `cargo clean` removes it.",
            folder.display()
        ));
    }
    if args.no_start {
        report::say("Start it: systemctl --user daemon-reload && systemctl --user enable --now ringback");
        return Ok(ExitCode::SUCCESS);
    }
    waiting::told(LONGEST, || "systemd to start the daemon".into(), || start(args.socket))?;
    report::say("The daemon runs, and starts whenever you log in.");
    if systemctl::lingers() == Some(false) {
        report::say("It stops when you log out. To keep it running: loginctl enable-linger");
    }
    Ok(ExitCode::SUCCESS)
}

fn start(socket: bool) -> Result<(), Failure> {
    systemctl::run(&["daemon-reload"])?;
    // It holds the addresses that the socket unit is about to bind.
    if socket && systemctl::property(SOCKET, Property::ActiveState)? != "active" {
        systemctl::run(&["stop", SERVICE])?;
    }
    let units: &[&str] = if socket { &[SOCKET, SERVICE] } else { &[SERVICE] };
    systemctl::run(&[&["enable", "--quiet"], units].concat())?;
    systemctl::run(&[&["restart"], units].concat())
}

/// A daemon that was started by hand holds the store, and the service would fail.
fn refuse_beside_another() -> Result<(), Failure> {
    let answers = DaemonChoice::default().client().is_ok_and(|client| client.accounts().is_ok());
    let active = |unit| systemctl::property(unit, Property::ActiveState).is_ok_and(|state| state == "active");
    if answers && !active(SERVICE) && !active(SOCKET) {
        return Err(message::service_beside_another());
    }
    Ok(())
}

fn uninstall() -> CommandResult {
    let folder = UnitFolder::of_user()?;
    let installed: Vec<_> = [SOCKET, SERVICE].into_iter().filter(|unit| folder.has(unit)).collect();
    if installed.is_empty() {
        report::say("No unit is installed.");
        return Ok(ExitCode::SUCCESS);
    }
    folder.check_ours(&installed)?;
    systemctl::run(&[&["disable", "--now", "--quiet"], installed.as_slice()].concat())?;
    for unit in installed {
        let path = folder.remove(unit)?;
        report::say(&format!("Removed {}.", path.display()));
    }
    systemctl::run(&["daemon-reload"])?;
    report::say("The daemon is stopped. Accounts, tokens and the config stay.");
    Ok(ExitCode::SUCCESS)
}

fn status() -> CommandResult {
    systemctl::check()?;
    let state = systemctl::property(SERVICE, Property::ActiveState)?;
    let mut lines = vec![format!("{SERVICE}: {state}, {}", enabled(SERVICE)?)];
    let sockets = systemctl::property(SOCKET, Property::ActiveState)?;
    lines.push(format!("{SOCKET}: {sockets}, {}", enabled(SOCKET)?));
    if let Some(program) = systemctl::program(SERVICE)? {
        let other = if own_program().is_ok_and(|own| own == program) { "" } else { ", which is not this one" };
        lines.push(format!("program: {}{other}", program.display()));
    }
    match systemctl::lingers() {
        Some(true) => lines.push("linger: on, the daemon runs while you are logged out, too".into()),
        Some(false) => {
            lines.push("linger: off, the daemon stops when you log out (loginctl enable-linger)".into());
        }
        None => {}
    }
    report::answer((lines.join("\n") + "\n").as_bytes())?;
    if state == "active" { Ok(ExitCode::SUCCESS) } else { Err(message::service_inactive(SERVICE, state)) }
}

fn enabled(unit: &'static str) -> Result<String, Failure> {
    let state = systemctl::property(unit, Property::UnitFileState)?;
    Ok(if state.is_empty() { "not installed".into() } else { state })
}

/// Whether systemd has started the daemon.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ServiceState {
    Started,
    NotInstalled,
}

/// Starts the service if its unit is in the user's folder, and waits until it is ready.
pub(super) fn start_installed() -> Result<ServiceState, Failure> {
    if !UnitFolder::of_user()?.has(SERVICE) {
        return Ok(ServiceState::NotInstalled);
    }
    systemctl::run(&["start", SERVICE])?;
    Ok(ServiceState::Started)
}

/// This program, as systemd has to start it. An update may have replaced the file since it was started.
fn own_program() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().map_err(message::program_unknown)?;
    let text = program.to_string_lossy();
    Ok(text.strip_suffix(" (deleted)").map_or_else(|| program.clone(), PathBuf::from))
}

/// The build folder of Cargo that `program` is in.
fn of_a_build(program: &Path) -> Option<&Path> {
    program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists())
}
