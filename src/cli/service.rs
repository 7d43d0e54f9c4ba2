//! `ringback service`: the daemon as a service of the user's systemd.

mod journal;
pub(super) mod outdated;
pub(super) mod systemctl;
mod units;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use self::outdated::OutdatedUnits;
use self::systemctl::Property;
use self::units::{SERVICE, SOCKET, UnitFile, UnitFolder, Written};
use super::arguments::JsonChoice;
use super::command_result::CommandResult;
use super::config_source::ConfigSource;
use super::{report, waiting};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::Config;
use crate::os::holder;
use crate::os::paths::Paths;

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

Change a unit with `systemctl --user edit ringback`: `install` overwrites its own files.
docs/service.md says more.";

#[derive(Subcommand)]
enum ServiceCommand {
    /// Write the units, start the daemon, and start it whenever you log in
    ///
    /// Run it again after `ringback` has moved, or after an update: it restarts the daemon with this program.
    Install(InstallArgs),
    /// Stop the daemon and remove the units; accounts, tokens and the config stay
    Uninstall(JsonChoice),
    /// Show whether the service is installed and running; exits with 3 if it is not running
    Status(JsonChoice),
    /// Show the daemon's log (`journalctl`)
    Logs(LogsArgs),
}

#[derive(Args)]
struct InstallArgs {
    /// Let systemd hold the sockets: requests wait while the daemon restarts
    #[arg(long)]
    socket: bool,

    /// Write the units without starting the daemon
    #[arg(long)]
    no_start: bool,

    /// Replace units that `ringback service install` did not write
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    json: JsonChoice,

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

    #[command(flatten)]
    json: JsonChoice,
}

/// systemd waits this long for a daemon to become ready, or to end.
pub(super) const LONGEST_START: Duration = Duration::from_secs(90);

/// Units that `install` wrote, and that it would certainly write differently now for this config.
pub(super) fn outdated(source: &ConfigSource, config: &Config) -> Option<OutdatedUnits> {
    OutdatedUnits::find(&own_program().ok()?, source, config)
}

/// The same as `ringback service install`.
pub(super) fn install_again(units: &OutdatedUnits) -> Result<(), Failure> {
    let (source, json) = (units.source().clone(), JsonChoice::default());
    install(&InstallArgs { socket: false, no_start: false, force: false, json, source }).map(drop)
}

pub(super) fn run(args: &ServiceArgs) -> CommandResult {
    match &args.act {
        ServiceCommand::Install(args) => install(args),
        ServiceCommand::Uninstall(json) => uninstall(*json),
        ServiceCommand::Status(json) => status(*json),
        ServiceCommand::Logs(args) => {
            let log = if args.json.is_chosen() { journal::print_json } else { journal::print };
            log(SERVICE, args.lines, args.follow).map(|code| ExitCode::from(code.unwrap_or(1)))
        }
    }
}

fn install(args: &InstallArgs) -> CommandResult {
    let folder = UnitFolder::of_user()?;
    let program = own_program()?;
    let config = args.source.load_if_there()?;
    // One that is there gets the addresses of today's config.
    let socket = args.socket || folder.has(SOCKET) && folder.check_ours(&[SOCKET]).is_ok();
    let service = UnitFile::service(&program, args.source.named().as_deref())?;
    let sockets = socket.then(|| UnitFile::sockets(config.as_ref()));
    if !args.no_start {
        systemctl::check()?;
        refuse_beside_another(config.as_ref().and_then(|config| config.store.folder.as_deref()))?;
    }
    let (mut changed, mut units) = (Vec::new(), Vec::new());
    for unit in [&service].into_iter().chain(&sockets) {
        let path = folder.path(unit.name());
        let written = folder.write(unit, args.force)?;
        match written {
            Written::Changed => {
                changed.push(unit.name());
                report::say(&format!("Wrote {}.", path.display()));
            }
            Written::AsBefore => report::say(&format!("{} is up to date.", path.display())),
        }
        let is_changed = written == Written::Changed;
        units.push(json!({ "name": unit.name(), "file": path.display().to_string(), "changed": is_changed }));
    }
    if let Some(folder) = of_a_build(&program) {
        report::say(&format!(
            "warning: the service runs the program in the build folder {}: `cargo clean` removes it.",
            folder.display()
        ));
    }
    if args.no_start {
        let names = if socket { "ringback.socket ringback.service" } else { "ringback.service" };
        report::say(&format!("Start it: systemctl --user daemon-reload && systemctl --user enable --now {names}"));
        return args.json.tell(&json!({ "units": units, "started": false }), || {});
    }
    let what = || "systemd to start the daemon".into();
    let runs = waiting::told(LONGEST_START, what, || start(socket, changed.contains(&SOCKET)))?;
    report::say(if runs {
        "The daemon runs, and starts whenever you log in."
    } else {
        "The daemon starts at the first request: ringback.service stays disabled."
    });
    if systemctl::lingers() == Some(false) {
        report::say("It stops when you log out. To keep it running: loginctl enable-linger");
    }
    args.json.tell(&json!({ "units": units, "started": runs }), || {})
}

/// Starts the daemon, or restarts it; `false`: only if it runs, since somebody wants it to start at the first request.
/// Sockets whose addresses have not changed are not touched: clients that connect meanwhile wait.
fn start(socket: bool, sockets_changed: bool) -> Result<bool, Failure> {
    systemctl::run(&["daemon-reload"])?;
    let is = |unit, state| Ok::<_, Failure>(systemctl::property(unit, Property::UnitFileState)? == state);
    let by_socket_alone = is(SOCKET, "enabled")? && is(SERVICE, "disabled")?;
    if socket && (sockets_changed || systemctl::property(SOCKET, Property::ActiveState)? != "active") {
        // The daemon holds the addresses that the socket unit is about to bind.
        systemctl::run(&["stop", SOCKET, SERVICE])?;
        systemctl::run(&["enable", "--quiet", "--now", SOCKET])?;
    }
    if by_socket_alone {
        systemctl::run(&["try-restart", SERVICE])?;
    } else {
        systemctl::run(&["enable", "--quiet", SERVICE])?;
        systemctl::run(&["restart", SERVICE])?;
    }
    Ok(!by_socket_alone)
}

/// A daemon that was started by hand holds the store, and the service would fail.
fn refuse_beside_another(state: Option<&Path>) -> Result<(), Failure> {
    let paths = Paths::from_env(&|name| std::env::var_os(name), state).map_err(message::homeless)?;
    match holder::daemon(&paths.state) {
        Some(pid) if systemctl::property(SERVICE, Property::MainPid)? != pid.to_string() => {
            Err(message::service_beside_another(pid))
        }
        _ => Ok(()),
    }
}

fn uninstall(json: JsonChoice) -> CommandResult {
    let folder = UnitFolder::of_user()?;
    let installed: Vec<_> = [SOCKET, SERVICE].into_iter().filter(|unit| folder.has(unit)).collect();
    if installed.is_empty() {
        report::say("No unit is installed.");
        return json.tell(&json!({ "removed": [], "stopped": false }), || {});
    }
    folder.check_ours(&installed)?;
    // Without systemd there is nothing to stop.
    let systemd = systemctl::check();
    if systemd.is_ok() {
        systemctl::run(&[&["disable", "--now", "--quiet"], installed.as_slice()].concat())?;
    }
    let mut removed = Vec::new();
    for unit in installed {
        folder.remove(unit)?;
        let file = folder.path(unit).display().to_string();
        report::say(&format!("Removed {file}."));
        removed.push(file);
    }
    if systemd.is_ok() {
        systemctl::run(&["daemon-reload"])?;
        report::say("The daemon is stopped. Accounts, tokens and the config stay.");
    } else {
        report::say("No systemd runs for this user, so nothing was stopped. Accounts, tokens and the config stay.");
    }
    json.tell(&json!({ "removed": removed, "stopped": systemd.is_ok() }), || {})
}

fn status(json: JsonChoice) -> CommandResult {
    systemctl::check()?;
    let (service, socket) = (UnitState::of(SERVICE)?, UnitState::of(SOCKET)?);
    let program = systemctl::program(SERVICE)?;
    let is_own = program.is_some() && own_program().ok() == program;
    let lingers = systemctl::lingers();
    let runs = match service.active.as_str() {
        "active" => Ok(()),
        // systemd starts it at the first request.
        "inactive" if socket.active == "active" => Ok(()),
        "inactive" if !systemctl::is_loaded(SERVICE)? => Err(message::service_not_installed()),
        state => Err(message::service_not_running(SERVICE, state)),
    };
    if json.is_chosen() {
        let program = program.map(|program| program.display().to_string());
        let (service, socket) = (service.object(), socket.object());
        let reply = json!({
            "running": runs.is_ok(),
            "service": service,
            "socket": socket,
            "program": program,
            "is_this_program": is_own,
            "lingers": lingers,
        });
        // That it does not run is no failure of this command: the object says it.
        let code = runs.map_or_else(|failure| failure.exit(), |()| 0);
        return json.tell(&reply, || {}).map(|_| ExitCode::from(code));
    }
    let mut lines = vec![service.line(SERVICE), socket.line(SOCKET)];
    if let Some(program) = program {
        let other = if is_own { "" } else { " (not the one you ran)" };
        lines.push(format!("program: {}{other}", program.display()));
    }
    match lingers {
        Some(true) => lines.push("linger: on; the daemon keeps running after you log out".into()),
        Some(false) => {
            lines.push("linger: off; the daemon stops when you log out (loginctl enable-linger)".into());
        }
        None => {}
    }
    report::answer((lines.join("\n") + "\n").as_bytes())?;
    runs.map(|()| ExitCode::SUCCESS)
}

/// How a unit stands, in systemd's words.
struct UnitState {
    active: String,
    /// Such as `enabled`; empty if the unit is not installed.
    file: String,
}

impl UnitState {
    fn of(unit: &'static str) -> Result<Self, Failure> {
        let active = systemctl::property(unit, Property::ActiveState)?;
        Ok(Self { active, file: systemctl::property(unit, Property::UnitFileState)? })
    }

    fn line(&self, unit: &str) -> String {
        let file = if self.file.is_empty() { "not installed" } else { &self.file };
        format!("{unit}: {}, {file}", self.active)
    }

    fn object(&self) -> Value {
        json!({ "state": self.active, "unit_file": Some(&self.file).filter(|file| !file.is_empty()) })
    }
}

/// Starts the service, by a unit of the user or of a package, and waits until it is ready.
pub(super) fn start_installed() -> Result<(), Failure> {
    systemctl::check()?;
    if !systemctl::is_loaded(SERVICE)? {
        return Err(message::service_not_installed());
    }
    systemctl::run(&["start", SERVICE])
}

/// This program by the path that it was called by, if that leads to it: a package manager replaces the link, and removes
/// what it led to.
fn own_program() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().map_err(message::program_unknown)?;
    // An update may have replaced the file since this program was started.
    let text = program.to_string_lossy();
    let program = text.strip_suffix(" (deleted)").map_or_else(|| program.clone(), PathBuf::from);
    let called = std::env::args_os().next().map(PathBuf::from).and_then(|called| {
        if called.components().count() > 1 {
            return std::path::absolute(called).ok();
        }
        let places = std::env::var_os("PATH")?;
        std::env::split_paths(&places).map(|place| place.join(&called)).find(|path| path.is_file())
    });
    let same = |path: &PathBuf| path.is_absolute() && path.canonicalize().is_ok_and(|found| found == program);
    Ok(called.filter(same).unwrap_or(program))
}

/// The build folder of Cargo that `program` is in.
fn of_a_build(program: &Path) -> Option<&Path> {
    program.ancestors().find(|folder| folder.join(".rustc_info.json").exists())
}
