//! `ringback config`: checks the config file, without a daemon.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::command_result::CommandResult;
use super::config_source::{ConfigSource, count, failure};
use super::named_files::{self, UnusableFile};
use super::platform;
use super::report;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::{self, Config as Effective};
use crate::config_file;

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
    Path(ConfigSource),
}

/// What to check, and what to print.
#[derive(Args)]
struct CheckArgs {
    #[command(flatten)]
    source: ConfigSource,

    /// Print the effective config, with presets and defaults filled in and secrets hidden
    #[arg(long)]
    show: bool,
}

/// Runs the subcommand.
pub(super) fn run(args: &ConfigArgs) -> CommandResult {
    let text = match &args.act {
        ConfigCommand::Check(CheckArgs { source, show }) => {
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
        ConfigCommand::Path(source) => {
            format!("{}\n", config_file::default_path(&source.env()).map_err(|error| failure(&error))?.display())
        }
    };
    report::answer(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Reports every mistake, and every file that the daemon could not use, one on each line; fails if there is one.
fn check(source: &ConfigSource) -> Result<Effective, Failure> {
    let (config, mistakes) = source.load_what_works()?;
    mistakes.iter().for_each(|mistake| report::say(&mistake.to_string()));
    let file = config_file::default_path(&source.env()).map_err(|error| failure(&error))?;
    let file = std::path::absolute(&file).unwrap_or(file);
    let unusable = named_files::unusable(&config);
    for UnusableFile { key, why, .. } in &unusable {
        report::say(&format!("{}: {key}: {why}", file.display()));
    }
    config.warnings.iter().for_each(|warning| report::say(&format!("warning: {warning}")));
    for unmet in platform::unmet(&config) {
        report::say(&format!("warning: {unmet}"));
    }
    for (key, why) in named_files::missing_programs(&config) {
        report::say(&format!("warning: {}: {key}: {why}", file.display()));
    }
    match (mistakes.iter().count(), unusable.len()) {
        (0, 0) => Ok(config),
        (0, files) => Err(message::files_unusable(count(files))),
        (mistakes, files) => Err(message::config_mistakes(count(mistakes + files))),
    }
}

/// The last line of a check without mistakes.
fn fine(config: &Effective) -> String {
    match config.accounts.len() {
        1 => "ok: 1 account".into(),
        accounts => format!("ok: {accounts} accounts"),
    }
}
