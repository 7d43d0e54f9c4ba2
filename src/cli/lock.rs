//! `ringback lock`.

use std::process::ExitCode;

use clap::Args;

use super::{CommandResult, DaemonChoice, report, waiting};
use crate::client::DEFAULT_TIMEOUT;

/// Drop the store's key and all tokens from the daemon's memory
///
/// What is being refreshed is kept first. From then on callers are told that the store is locked, until
/// `ringback unlock`.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct LockArgs {
    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback lock
  ringback lock && systemctl suspend

`lock_on_suspend` and `lock_after_idle` in `[store]` of the config do it by themselves.";

/// Locks and tells whether it was locked before.
pub(super) fn run(args: &LockArgs) -> CommandResult {
    let client = args.reach.client()?;
    let kept = || "the daemon to keep what is being refreshed".into();
    let reply = waiting::told(DEFAULT_TIMEOUT, kept, || client.lock())?;
    report::say(if reply.changed {
        "The token store is locked. `ringback unlock` opens it again."
    } else {
        "The token store was locked already."
    });
    Ok(ExitCode::SUCCESS)
}
