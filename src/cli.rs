//! The command line: what can be asked, and who answers. Each command is a file that turns arguments
//! into requests and replies into text; `report` is the only place that prints.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::client::{self, Client, DaemonOptions, Failure, message};
use crate::contract::DEFAULT_ACCOUNT;
use crate::error::Error;
use crate::log;

mod app;
mod at_rest;
mod audit;
mod config;
mod consent;
mod demo;
mod device;
mod doctor;
mod export;
mod granted;
mod hidden;
mod import;
mod info;
mod lock;
mod login;
mod logout;
mod named_files;
mod open;
mod passphrase;
mod password;
mod paste;
mod platform;
mod provider;
mod refresh;
mod replace;
mod report;
mod sandbox;
mod serve;
mod signals;
mod status;
mod store;
mod token;
mod unlock;
mod waiting;

/// A local OAuth helper: one click, a token, always fresh.
///
/// The daemon (`ringback serve`) keeps the tokens; most other commands ask it.
#[derive(Parser)]
#[command(version, max_term_width = 100, after_help = HELP)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Examples:
  ringback demo                    See the whole of it work, on throw-away data
  ringback serve                   Run the daemon
  ringback login                   Log in with the browser, once
  ringback token                   Print the current token, as often as you like

Exit codes:
  0 done             4 unknown account        8 provider refused
  1 something else   5 login required         9 store unavailable
  2 usage            6 login failed          10 not permitted
  3 no daemon        7 provider unreachable";

#[derive(Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Login(login::LoginArgs),
    Logout(logout::LogoutArgs),
    Token(token::TokenArgs),
    Status(status::StatusArgs),
    Refresh(refresh::RefreshArgs),
    Lock(lock::LockArgs),
    Unlock(unlock::UnlockArgs),
    Info(info::InfoArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Store(store::StoreArgs),
    App(app::AppArgs),
    Audit(audit::AuditArgs),
    Open(open::OpenArgs),
    Consent(consent::ConsentArgs),
    Doctor(doctor::DoctorArgs),
    Config(config::ConfigArgs),
    Provider(provider::ProviderArgs),
    Sandbox(sandbox::SandboxArgs),
    Demo(demo::DemoArgs),
}

/// What a command comes to: the exit code, or why it failed.
type CommandResult = Result<ExitCode, Failure>;

/// Which daemon is asked.
#[derive(Args)]
struct DaemonChoice {
    /// The daemon's unix socket [default: what endpoint.json in the runtime folder says]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

impl DaemonChoice {
    fn client(&self) -> Result<Client, Failure> {
        Client::find(&DaemonOptions { socket: self.socket.clone() })
    }
}

/// Which account is meant.
#[derive(Args)]
struct Account {
    /// The account's name in the config
    #[arg(value_name = "ACCOUNT", default_value = DEFAULT_ACCOUNT)]
    name: String,
}

/// Starts the log of a command that runs for long; the others have none.
fn start_log(options: &log::LogOptions) -> Result<(), Failure> {
    log::start(options).map_err(|error| match error {
        Error::Usage { what } => message::log_filter(what),
        other => other.into(),
    })
}

/// Reads the arguments, does what they say, reports a failure, and gives the exit code. Mistakes in
/// the arguments, `--help` and `--version` end the process here.
pub fn run() -> ExitCode {
    log::hide_panics();
    let outcome = match Program::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Login(args) => login::run(&args),
        Command::Logout(args) => {
            let provider = || "the provider to end the tokens".into();
            waiting::told(client::PATIENCE, provider, || logout::run(&args))
        }
        Command::Token(args) => token::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Refresh(args) => refresh::run(&args),
        Command::Lock(args) => lock::run(&args),
        Command::Unlock(args) => unlock::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Store(args) => store::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::App(args) => app::run(&args),
        Command::Consent(args) => consent::run(&args),
        Command::Open(args) => open::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Provider(args) => provider::run(&args),
        Command::Sandbox(args) => sandbox::run(&args),
        Command::Demo(args) => demo::run(&args),
    };
    outcome.unwrap_or_else(|failure| report::failure(&failure))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_of_the_command_line_holds_together() {
        super::Program::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in super::Program::command().get_subcommands() {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Example"), "{} has none", command.get_name());
        }
    }
}
