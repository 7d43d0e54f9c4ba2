//! `ringback account`: adds, lists, changes and removes accounts in the config file.

mod add;
pub(super) mod change;
mod edit;
mod keys;
mod list;
mod provider;
mod questions;
mod remove;
pub(super) mod secret;

use clap::{Args, Subcommand};

use super::command_result::CommandResult;

/// Add, change and remove accounts in the config file
///
/// The file keeps its comments, order and mode. The change is shown and checked before it is written, and a running
/// daemon then reads the file again.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct AccountArgs {
    #[command(subcommand)]
    act: AccountCommand,
}

const HELP: &str = "\
Examples:
  ringback account add                           Asks for everything
  ringback account add work --provider google    Asks for the rest
  ringback account list
  ringback account edit work --scope openid --scope email
  ringback account remove work --revoke";

#[derive(Subcommand)]
enum AccountCommand {
    Add(add::AddArgs),
    List(list::ListArgs),
    Edit(edit::EditArgs),
    Remove(remove::RemoveArgs),
}

/// Runs the subcommand.
pub(super) fn run(args: &AccountArgs) -> CommandResult {
    match &args.act {
        AccountCommand::Add(args) => add::run(args),
        AccountCommand::List(args) => list::run(args),
        AccountCommand::Edit(args) => edit::run(args),
        AccountCommand::Remove(args) => remove::run(args),
    }
}
