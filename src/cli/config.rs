//! `ringback config`: looks at the config file without a daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::named_files::{self, UnusableFile};
use super::{CommandResult, report};
use crate::client::{Failure, message};
use crate::config::{self, Config as Effective, ConfigErrors};
use crate::config_file::{self, ConfigEnv, ConfigFileError};

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
    /// Names every mistake with its line, and exits with 2 if there is one. Warnings change no exit code. Files
    /// that it names are looked at: client secrets, passwords and private keys (not shown), and certificates.
    /// Commands are not run, and keyrings and systemd credentials not asked.
    Check(CheckArgs),
    /// Print an example with every key explained
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

/// What is checked, and what is printed.
#[derive(Args)]
struct CheckArgs {
    #[command(flatten)]
    source: ConfigSource,

    /// Print what is in effect, presets and defaults filled in, secrets hidden
    #[arg(long)]
    show: bool,
}

/// Which config file.
#[derive(Args)]
#[group(id = "config-source")]
pub(super) struct ConfigSource {
    /// The config file [default: `RINGBACK_CONFIG`, else ringback/config.toml in the config folder]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// Does what the subcommand says.
pub(super) fn run(args: &ConfigArgs) -> CommandResult {
    let text = match &args.act {
        ConfigCommand::Check(CheckArgs { source, show }) => {
            let config = check(source)?;
            if config.accounts.is_empty() {
                report::say(
                    "There are no accounts yet: add an `[accounts.NAME]`; `ringback config example` shows how.",
                );
            }
            if *show {
                // Standard output is TOML alone.
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

impl ConfigSource {
    /// Where the file may be named, for [`config_file`].
    pub(super) fn env(&self) -> ConfigEnv {
        ConfigEnv::from_process(self.config.clone())
    }

    /// Which file it is, if there is a place for one.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let file = config_file::default_path(&self.env()).ok()?;
        Some(std::path::absolute(&file).unwrap_or(file))
    }

    /// The effective config with the accounts that nothing is wrong with, and all mistakes untold.
    pub(super) fn load_what_works(&self) -> Result<(Effective, ConfigErrors), Failure> {
        config_file::load_what_works(&self.env()).map_err(|error| failure(&error))
    }
}

/// What to say of a config that can't be used. Its mistakes are told at once, each on its line.
pub(super) fn failure(error: &ConfigFileError) -> Failure {
    match error {
        ConfigFileError::Mistakes(mistakes) => {
            mistakes.iter().for_each(|mistake| report::say(&mistake.to_string()));
            message::config_mistakes(count(mistakes.iter().count()))
        }
        ConfigFileError::Nowhere => message::config_nowhere(error),
        ConfigFileError::Missing { path, named_by } => {
            message::config_missing(path.display(), named_by, path.parent().unwrap_or(path).display())
        }
        ConfigFileError::Unusable { .. } => message::config_unusable(error),
    }
}

fn count(mistakes: usize) -> String {
    match mistakes {
        1 => "the config has a mistake".into(),
        n => format!("the config has {n} mistakes"),
    }
}

/// Tells every mistake, and every file that the daemon could not use, each on its line; fails if there is one.
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
    for (key, why) in named_files::missing_programs(&config) {
        report::say(&format!("warning: {}: {key}: {why}", file.display()));
    }
    match (mistakes.iter().count(), unusable.len()) {
        (0, 0) => Ok(config),
        (0, files) => Err(message::files_unusable(count(files))),
        (mistakes, files) => Err(message::config_mistakes(count(mistakes + files))),
    }
}

/// What a check without mistakes ends with.
fn fine(config: &Effective) -> String {
    match config.accounts.len() {
        1 => "ok: 1 account".into(),
        accounts => format!("ok: {accounts} accounts"),
    }
}
