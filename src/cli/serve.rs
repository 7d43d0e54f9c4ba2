//! `ringback serve`: puts the daemon together. Everything is composed here and nowhere else.

use clap::Args;

use super::{Outcome, config, start_log};
use crate::client::Failure;
use crate::log;

/// Run the daemon
///
/// Listens on loopback and on a unix socket of the user. SIGHUP reads the config again; SIGTERM and
/// Ctrl-C stop it.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct Serve {
    #[command(flatten)]
    pub(super) source: config::Source,

    #[command(flatten)]
    pub(super) log: log::Options,
}

const HELP: &str = "\
Examples:
  ringback serve
  ringback serve --config ./config.toml --log debug
  ringback serve --log-format json 2>>ringback.log
  systemctl --user start ringback  The same in the background, where the service is installed";

/// Serves until it is told to stop.
pub(super) fn run(args: &Serve) -> Outcome {
    start_log(&args.log)?;
    let config = args.source.load()?;
    tracing::debug!(accounts = config.accounts.len(), "the config is read");
    Err(Failure::internal("this build has no daemon yet", "Use a later one."))
}
