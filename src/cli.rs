//! The command line (CLI): the commands and their dispatch. Each command is a file that turns arguments into
//! requests and replies into text; only `report` prints.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::client;
use crate::log;

mod account;
mod api_url;
mod app;
mod arguments;
mod at_rest;
mod audit;
mod audit_log;
mod autostart;
mod command_result;
mod complete;
mod completions;
mod config;
mod config_change;
mod config_source;
mod consent;
mod credential;
mod definition;
mod demo;
mod device;
mod dialogue;
mod diff;
mod doctor;
mod events;
mod exec;
mod export;
mod failure;
mod fix;
mod granted;
mod hidden;
mod import;
mod info;
mod lock;
mod login;
mod logout;
mod man;
mod mcp;
mod message;
mod named_files;
mod open;
mod passphrase;
mod password;
mod paste;
mod platform;
mod provider;
mod refresh;
mod reload;
mod replace;
mod report;
mod sandbox;
mod serve;
mod service;
mod signals;
mod start_log;
mod status;
mod store;
mod token;
mod unlock;
mod waiting;
mod welcome;

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
  ringback demo                    See everything work, on temporary data
  ringback account add             Add an account; it asks for what it needs
  ringback serve                   Run the daemon
  ringback login                   Log in with the browser, once
  ringback token                   Print the current token; ask whenever you need one

Exit codes:
  0 done             4 unknown account         8 provider refused
  1 other failure    5 login required          9 store unavailable
  2 usage            6 login failed           10 not permitted
  3 no daemon        7 provider unreachable   11 needs an answer";

#[derive(Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Service(service::ServiceArgs),
    Login(login::LoginArgs),
    Logout(logout::LogoutArgs),
    Token(token::TokenArgs),
    Exec(exec::ExecArgs),
    Credential(credential::CredentialArgs),
    Status(status::StatusArgs),
    Events(events::EventsArgs),
    Refresh(refresh::RefreshArgs),
    Lock(lock::LockArgs),
    Unlock(unlock::UnlockArgs),
    Info(info::InfoArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Store(store::StoreArgs),
    Account(account::AccountArgs),
    App(app::AppArgs),
    Audit(audit::AuditArgs),
    Open(open::OpenArgs),
    Consent(consent::ConsentArgs),
    Doctor(doctor::DoctorArgs),
    Config(config::ConfigArgs),
    Provider(provider::ProviderArgs),
    Mcp(mcp::McpArgs),
    Sandbox(sandbox::SandboxArgs),
    Demo(demo::DemoArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    #[command(name = "__complete", hide = true)]
    Complete(complete::CompleteArgs),
}

/// Parses the arguments, runs the command, reports a failure, and returns the exit code. Wrong arguments, `--help` and
/// `--version` end the process here.
pub fn run() -> ExitCode {
    log::hide_panics();
    let arguments = credential::unlinked(std::env::args_os().collect());
    if let Some(said) = welcome::run(arguments.len()) {
        return said.unwrap_or_else(|failure| report::failure(&failure));
    }
    let outcome = match short_command(&arguments).unwrap_or_else(|| parsed(arguments)) {
        Command::Serve(args) => serve::run(&args),
        Command::Service(args) => service::run(&args),
        Command::Login(args) => login::run(&args),
        Command::Logout(args) => {
            let provider = || "the provider to revoke the tokens".into();
            waiting::told(client::DEFAULT_TIMEOUT, provider, || logout::run(&args))
        }
        Command::Token(args) => token::run(&args),
        Command::Exec(args) => exec::run(&args),
        Command::Credential(args) => credential::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Events(args) => events::run(&args),
        Command::Refresh(args) => refresh::run(&args),
        Command::Lock(args) => lock::run(&args),
        Command::Unlock(args) => unlock::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Store(args) => store::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Account(args) => account::run(&args),
        Command::App(args) => app::run(&args),
        Command::Consent(args) => consent::run(&args),
        Command::Open(args) => open::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Provider(args) => provider::run(&args),
        Command::Mcp(args) => mcp::run(&args),
        Command::Sandbox(args) => sandbox::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args, Program::command()),
        Command::Complete(args) => complete::run(&args, Program::command()),
    };
    outcome.unwrap_or_else(|failure| report::failure(&failure))
}

/// The command, as [`clap`] reads it. Ends the process for wrong arguments, `--help` and `--version`.
fn parsed(arguments: Vec<OsString>) -> Command {
    Program::try_parse_from(arguments).map_or_else(
        |error| {
            if error.use_stderr() && report::asks_for_json() {
                report::usage(&error.to_string());
            }
            error.exit()
        },
        |program| program.command,
    )
}

/// The commands that programs start again and again, if they can be read without the command tree.
fn short_command(arguments: &[OsString]) -> Option<Command> {
    let mut arguments = arguments.iter().skip(1).cloned();
    let command = arguments.next()?;
    if command == "token" {
        token::TokenArgs::short(arguments).map(Command::Token)
    } else if command == "credential" {
        credential::CredentialArgs::short(arguments).map(Command::Credential)
    } else if command == "serve" {
        serve::ServeArgs::short(arguments, std::env::var_os(log::FILTER).is_some()).map(Command::Serve)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_of_the_command_line_holds_together() {
        super::Program::command().debug_assert();
    }

    #[test]
    fn serve_alone_is_read_as_clap_reads_it() {
        use clap::Parser as _;

        let read = |more: &[&str], set| super::serve::ServeArgs::short(more.iter().map(Into::into), set);
        let super::Command::Serve(expected) = super::Program::parse_from(["ringback", "serve"]).command else {
            panic!("another command");
        };
        let short = read(&[], false).unwrap();
        assert_eq!((short.source.config, short.log.format), (expected.source.config, expected.log.format));
        assert_eq!(short.log.filter, super::log::DEFAULT_FILTER);
        assert!(read(&[], true).is_none() && read(&["--log", "debug"], false).is_none());
    }

    /// The commands that do something, by their full names.
    fn leaves(command: &clap::Command, name: &str) -> Vec<(String, clap::Command)> {
        let below: Vec<_> = command.get_subcommands().filter(|command| !command.is_hide_set()).collect();
        if below.is_empty() {
            return vec![(name.trim_start().to_owned(), command.clone())];
        }
        below.into_iter().flat_map(|command| leaves(command, &format!("{name} {}", command.get_name()))).collect()
    }

    #[test]
    fn every_command_that_says_something_says_it_as_json_too() {
        // They run until they are stopped, run a program, or print a file in a format of its own.
        let others =
            ["exec", "serve", "sandbox", "demo", "config example", "config schema", "completions", "man", "mcp config"];
        for (name, command) in leaves(&super::Program::command(), "") {
            let has_json = command.get_arguments().any(|arg| arg.get_long() == Some("json"));
            // Those speak the protocols of other programs.
            let is_other = others.contains(&name.as_str()) || name.starts_with("credential ");
            assert_eq!(has_json, !is_other, "{name}");
        }
    }

    #[test]
    fn every_command_has_examples() {
        for command in super::Program::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Example"), "{} has none", command.get_name());
        }
    }
}
