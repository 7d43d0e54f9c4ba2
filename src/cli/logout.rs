//! `ringback logout`.

use std::process::ExitCode;

use clap::Args;

use super::arguments::{AccountChoice, DaemonChoice};
use super::command_result::CommandResult;
use super::report;

/// Give the token back to the provider and delete it here
///
/// The token is always deleted from this machine; whether the provider confirmed it is told.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct LogoutArgs {
    #[command(flatten)]
    account: AccountChoice,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback logout
  ringback logout work";

/// Logs out and tells which of the two happened.
pub(super) fn run(args: &LogoutArgs) -> CommandResult {
    let reply = args.reach.client()?.logout(&args.account.name)?;
    report::say(&format!("{}: {}", reply.account, reply.detail));
    Ok(ExitCode::SUCCESS)
}
