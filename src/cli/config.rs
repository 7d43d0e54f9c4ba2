//! `ringback config`: checks the config file, without a daemon.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::arguments::JsonChoice;
use super::command_result::CommandResult;
use super::config_source::{ConfigSource, count, failure};
use super::named_files::{self, UnusableFile};
use super::platform;
use super::report;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::{self, Config as Effective, ConfigErrors};
use crate::config_file::{self, ConfigFileError};
use crate::contract::ErrorCode;

/// Check the config file, or show an example or the schema of one
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    act: ConfigCommand,
}

const HELP: &str = "\
Examples:
  ringback config check
  ringback config check --show   # with the redirect URI of every account
  mkdir -p ~/.config/ringback && ringback config example >~/.config/ringback/config.toml
  ringback config schema >~/.config/ringback/config.schema.json
  ringback config path";

#[derive(Subcommand)]
enum ConfigCommand {
    /// Check the config file
    ///
    /// Reports every mistake with its line, and exits with 2 if there is one. Warnings don't change the exit code. Files that
    /// the config names are checked: client secrets, passwords and private keys (not shown), and certificates. Commands are
    /// not run, and keyrings and systemd credentials are not queried.
    Check(CheckArgs),
    /// Print an example that explains every key
    Example,
    /// Print a JSON Schema, by which editors complete and check the config file
    ///
    /// Put it beside the config file, and `#:schema ./config.schema.json` into the file's first line: editors with
    /// Taplo (Even Better TOML for VS Code) then complete keys and words, show what they mean, and mark mistakes. What
    /// depends on other keys or on files, only `ringback config check` finds.
    Schema,
    /// Print where the config file is
    Path(PathArgs),
}

#[derive(Args)]
struct PathArgs {
    #[command(flatten)]
    source: ConfigSource,

    #[command(flatten)]
    json: JsonChoice,
}

/// What to check, and what to print.
#[derive(Args)]
struct CheckArgs {
    #[command(flatten)]
    source: ConfigSource,

    /// Print the effective config, with presets and defaults filled in and secrets hidden
    #[arg(long, conflicts_with = "json")]
    show: bool,

    #[command(flatten)]
    json: JsonChoice,
}

/// Runs the subcommand.
pub(super) fn run(args: &ConfigArgs) -> CommandResult {
    let text = match &args.act {
        ConfigCommand::Check(CheckArgs { source, json, .. }) if json.is_chosen() => return check_json(source),
        ConfigCommand::Check(CheckArgs { source, show, .. }) => {
            let config = check(source)?;
            if config.accounts.is_empty() {
                report::say("There are no accounts yet: `ringback account add` adds one.");
            }
            if *show {
                // Standard output has only TOML.
                report::say(&fine(&config));
                config::describe(&config)
            } else {
                fine(&config) + "\n"
            }
        }
        ConfigCommand::Example => config::example(),
        ConfigCommand::Schema => config::json_schema(),
        ConfigCommand::Path(PathArgs { source, json }) => {
            let path = config_file::default_path(&source.env()).map_err(|error| failure(&error))?;
            if json.is_chosen() {
                report::json(&json!({ "path": path.display().to_string() }))?
            } else {
                format!("{}\n", path.display())
            }
        }
    };
    report::answer(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// What a check finds.
struct Checked {
    config: Effective,
    mistakes: Vec<String>,
    /// Files that the daemon could not use.
    unusable: Vec<String>,
    warnings: Vec<String>,
}

/// Checks a config that was loaded from `source`, and the files that it names.
fn checked(source: &ConfigSource, (config, mistakes): (Effective, ConfigErrors)) -> Result<Checked, Failure> {
    let file = config_file::default_path(&source.env()).map_err(|error| failure(&error))?;
    let file = std::path::absolute(&file).unwrap_or(file);
    let of_file = |key: &str, why: &str| format!("{}: {key}: {why}", file.display());
    let unusable = named_files::unusable(&config);
    let unusable = unusable.iter().map(|UnusableFile { key, why, .. }| of_file(key, why)).collect();
    let warnings = config.warnings.iter().map(ToString::to_string);
    let programs = named_files::missing_programs(&config);
    let programs = programs.iter().map(|(key, why)| of_file(key, why));
    let warnings = warnings.chain(platform::unmet(&config)).chain(programs).collect();
    Ok(Checked { mistakes: mistakes.iter().map(ToString::to_string).collect(), unusable, warnings, config })
}

/// Reports every mistake, and every file that the daemon could not use, one on each line; fails if there is one.
fn check(source: &ConfigSource) -> Result<Effective, Failure> {
    let Checked { config, mistakes, unusable, warnings } = checked(source, source.load_what_works()?)?;
    mistakes.iter().chain(&unusable).for_each(|mistake| report::say(mistake));
    for warning in &warnings {
        report::say(&format!("warning: {warning}"));
    }
    match (mistakes.len(), unusable.len()) {
        (0, 0) => Ok(config),
        (0, files) => Err(message::files_unusable(count(files))),
        (mistakes, files) => Err(message::config_mistakes(count(mistakes + files))),
    }
}

/// The same as one object, also if there are mistakes; the exit code is the same.
fn check_json(source: &ConfigSource) -> CommandResult {
    let (accounts, mistakes, warnings): (Vec<String>, Vec<String>, Vec<String>) =
        match config_file::load_what_works(&source.env()) {
            // Nothing else can be checked then.
            Err(ConfigFileError::Mistakes(mistakes)) => {
                (Vec::new(), mistakes.iter().map(ToString::to_string).collect(), Vec::new())
            }
            Err(error) => return Err(failure(&error)),
            Ok(loaded) => {
                let Checked { config, mistakes, unusable, warnings } = checked(source, loaded)?;
                (config.accounts.keys().cloned().collect(), [mistakes, unusable].concat(), warnings)
            }
        };
    let checked = json!({ "accounts": accounts, "mistakes": mistakes, "warnings": warnings });
    report::answer(report::json(&checked)?.as_bytes())?;
    Ok(if mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(ErrorCode::Usage.row().exit) })
}

/// The last line of a check without mistakes.
fn fine(config: &Effective) -> String {
    match config.accounts.len() {
        1 => "ok: 1 account".into(),
        accounts => format!("ok: {accounts} accounts"),
    }
}
