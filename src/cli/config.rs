//! `ringback config`: looks at the config file without a daemon.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Outcome;
use crate::client::Failure;

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
  ringback config example >~/.config/ringback/config.toml
  ringback config path";

#[derive(Subcommand)]
enum Act {
    /// Check the config file and show what it comes to, secrets hidden
    ///
    /// Names every mistake with its line, and exits with 2 if there is one.
    Check(File),
    /// Print an example with every key explained
    Example,
    /// Print where the config file is
    Path(File),
}

#[derive(Args)]
struct File {
    /// The config file [default: config.toml in the config folder]
    #[arg(long, value_name = "FILE", env = "RINGBACK_CONFIG")]
    config: Option<PathBuf>,
}

/// Does what the subcommand says.
pub(super) fn run(args: &Config) -> Outcome {
    match &args.act {
        Act::Check(File { config }) | Act::Path(File { config }) => {
            Err(Failure::internal(format!("{config:?}: not built yet"), "Use a later build."))
        }
        Act::Example => Err(Failure::internal("not built yet", "Use a later build.")),
    }
}
