//! `ringback logout`.

use clap::Args;

use super::arguments::{AccountChoice, DaemonChoice, JsonChoice};
use super::command_result::CommandResult;
use super::report;

/// Revoke the tokens at the provider and delete them here
///
/// The tokens are always deleted from this machine; the command says whether the provider confirmed the revocation.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct LogoutArgs {
    #[command(flatten)]
    account: AccountChoice,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback logout
  ringback logout work";

/// Logs out and reports whether the provider revoked the tokens.
pub(super) fn run(args: &LogoutArgs) -> CommandResult {
    let reply = args.reach.client()?.logout(&args.account.name)?;
    args.json.tell(&reply, || report::say(&format!("{}: {}", reply.account, reply.detail)))
}
