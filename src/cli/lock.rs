//! `ringback lock`.

use clap::Args;

use super::arguments::{DaemonChoice, JsonChoice};
use super::command_result::CommandResult;
use super::{report, waiting};
use crate::client::DEFAULT_TIMEOUT;

/// Drop the store's key and all tokens from the daemon's memory
///
/// Refreshes in flight are stored first. From then on callers get an error that the store is locked, until `ringback
/// unlock`.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct LockArgs {
    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback lock
  ringback lock && systemctl suspend

`lock_on_suspend` and `lock_after_idle` in `[store]` of the config lock automatically.";

/// Locks the store and says whether it was locked before.
pub(super) fn run(args: &LockArgs) -> CommandResult {
    let client = args.reach.client()?;
    let kept = || "the daemon to store what is being refreshed".into();
    let reply = waiting::told(DEFAULT_TIMEOUT, kept, || client.lock())?;
    args.json.tell(&reply, || {
        report::say(if reply.changed {
            "The token store is locked. `ringback unlock` unlocks it."
        } else {
            "The token store was already locked."
        });
    })
}
