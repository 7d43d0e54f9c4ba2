//! `ringback config`: looks at the config file without a daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Outcome, report};
use crate::client::Failure;
use crate::config::{self, Config as Effective, ConfigErrors};
use crate::config_file::{self, ConfigEnv, ConfigFileError};

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
    /// Names every mistake with its line, and exits with 2 if there is one.
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
    config: Option<PathBuf>,
}

/// Does what the subcommand says.
pub(super) fn run(args: &Config) -> Outcome {
    let text = match &args.act {
        Act::Check(source) => config::describe(&source.load()?),
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

    /// The effective config. Its mistakes have then been told, each on its line; the failure only
    /// counts them.
    pub(super) fn load(&self) -> Result<Effective, Failure> {
        config_file::load(&self.env()).map_err(|error| failure(&error))
    }
}

fn failure(error: &ConfigFileError) -> Failure {
    match error {
        ConfigFileError::Mistakes(mistakes) => {
            mistakes.iter().for_each(|mistake| report::say(&mistake.to_string()));
            Failure::usage(count(mistakes), "Correct the file; `ringback config example` explains every key.")
        }
        ConfigFileError::Nowhere => Failure::usage(error.to_string(), "Name the file with `--config`."),
        ConfigFileError::Missing { path, named_by } => {
            let folder = path.parent().unwrap_or(path).display();
            let path = path.display();
            let advice = format!("Make one with `mkdir -p {folder} && ringback config example >{path}`, and edit it.");
            Failure::usage(format!("there is no config file {path} (named by {named_by})"), advice)
        }
        ConfigFileError::Unusable { .. } => Failure::usage(error.to_string(), "Make the file readable for you alone."),
    }
}

fn count(mistakes: &ConfigErrors) -> String {
    match mistakes.iter().count() {
        1 => "the config has a mistake".into(),
        n => format!("the config has {n} mistakes"),
    }
}
