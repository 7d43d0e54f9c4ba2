//! `ringback sandbox`: runs the practice provider.

use clap::Args;

use super::Outcome;
use crate::client::Failure;
use crate::log;

/// Run a practice provider that behaves as Phone.com does
///
/// Listens on 127.0.0.1 only. Nobody on it is real, and it forgets everything when it stops.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct Sandbox {
    #[command(flatten)]
    log: log::Options,
}

const HELP: &str = "\
Examples:
  ringback sandbox
  ringback sandbox --port 7465 --access-lifetime 30s
  ringback sandbox --fault drop-after-rotate:3     Every third refresh loses its reply";

/// Serves until it is told to stop.
pub(super) fn run(args: &Sandbox) -> Outcome {
    log::start(&args.log)?;
    Err(Failure::internal("not built yet", "Use a later build."))
}
