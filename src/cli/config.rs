//! `ringback config`: looks at the config file without a daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Outcome, report};
use crate::client::Failure;
use crate::config::{self, Config as Effective, ConfigErrors, SecretSource};
use crate::config_file::{self, ConfigEnv, ConfigFileError};
use crate::credentials;
use crate::secret::text::Rule;

/// Check the config file, or show an example of one
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct Config {
    #[command(subcommand)]
    act: Act,
}

const HELP: &str = "\
Examples:
  ringback config check
  mkdir -p ~/.config/ringback && ringback config example >~/.config/ringback/config.toml
  ringback config path";

#[derive(Subcommand)]
enum Act {
    /// Check the config file and show what it comes to, secrets hidden
    ///
    /// Names every mistake with its line, and exits with 2 if there is one. Client secrets and passwords in
    /// files are looked at (not shown); commands are not run, and keyrings and systemd credentials not
    /// asked.
    Check(Source),
    /// Print an example with every key explained
    Example,
    /// Print where the config file is
    Path(Source),
}

/// Which config file.
#[derive(Args)]
#[group(id = "config-source")]
pub(super) struct Source {
    /// The config file [default: `RINGBACK_CONFIG`, else ringback/config.toml in the config folder]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// Does what the subcommand says.
pub(super) fn run(args: &Config) -> Outcome {
    let text = match &args.act {
        Act::Check(source) => {
            let config = source.load()?;
            config.warnings.iter().for_each(|warning| report::say(&format!("warning: {warning}")));
            refuse_unusable_secrets(&config, source)?;
            if config.accounts.is_empty() {
                report::say(
                    "There are no accounts yet: add an `[accounts.NAME]`; `ringback config example` shows how.",
                );
            }
            config::describe(&config)
        }
        Act::Example => config::example(),
        Act::Path(source) => {
            format!("{}\n", config_file::default_path(&source.env()).map_err(|error| failure(&error))?.display())
        }
    };
    report::answer(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

impl Source {
    /// Where the file may be named, for [`config_file`].
    pub(super) fn env(&self) -> ConfigEnv {
        ConfigEnv::from_process(self.config.clone())
    }

    /// Which file it is, if there is a place for one.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let file = config_file::default_path(&self.env()).ok()?;
        Some(std::path::absolute(&file).unwrap_or(file))
    }

    /// The effective config. Its mistakes have then been told, each on its line; the failure only
    /// counts them.
    pub(super) fn load(&self) -> Result<Effective, Failure> {
        config_file::load(&self.env()).map_err(|error| failure(&error))
    }

    /// As [`Source::load`], with the accounts that nothing is wrong with, and all mistakes untold.
    pub(super) fn load_what_works(&self) -> Result<(Effective, ConfigErrors), Failure> {
        config_file::load_what_works(&self.env()).map_err(|error| failure(&error))
    }
}

/// What to say of a config that can't be used. Its mistakes are told at once, each on its line.
pub(super) fn failure(error: &ConfigFileError) -> Failure {
    match error {
        ConfigFileError::Mistakes(mistakes) => {
            mistakes.iter().for_each(|mistake| report::say(&mistake.to_string()));
            Failure::usage(
                count(mistakes.iter().count()),
                "Correct the file; `ringback config example` explains every key.",
            )
        }
        ConfigFileError::Nowhere => Failure::usage(error.to_string(), "Name the file with `--config`."),
        ConfigFileError::Missing { path, named_by } => {
            let folder = path.parent().unwrap_or(path).display();
            let path = path.display();
            let advice = format!("Make one with `mkdir -p {folder} && ringback config example >{path}`, and edit it.");
            Failure::usage(format!("there is no config file {path} (named by {named_by})"), advice)
        }
        ConfigFileError::Unusable { .. } => {
            Failure::usage(error.to_string(), "Put right what it says; the file has to be yours, and closed to others.")
        }
    }
}

fn count(mistakes: usize) -> String {
    match mistakes {
        1 => "the config has a mistake".into(),
        n => format!("the config has {n} mistakes"),
    }
}

/// Files with secrets that the daemon could not use at the first login.
fn refuse_unusable_secrets(config: &Effective, source: &Source) -> Result<(), Failure> {
    let file = config_file::default_path(&source.env()).map_err(|error| failure(&error))?;
    let file = std::path::absolute(&file).unwrap_or(file);
    let mut wrong = 0;
    for account in config.accounts.values() {
        let password = account.user.as_ref().and_then(|user| user.password.as_ref());
        for (key, rule, source) in [
            ("client_secret_file", Rule::ClientSecret, account.client_secret.as_ref()),
            ("password_file", Rule::Password, password),
        ] {
            let Some(SecretSource::File(path)) = source else { continue };
            let Err(why) = credentials::check_file(path, rule) else { continue };
            report::say(&format!("{}: accounts.{}.{key}: {why}", file.display(), config::segment(&account.name)));
            wrong += 1;
        }
    }
    match wrong {
        0 => Ok(()),
        n => Err(Failure::usage(count(n), "Make each file with the secret alone in it, readable for you alone.")),
    }
}
