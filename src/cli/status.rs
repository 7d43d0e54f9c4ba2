//! `ringback status`: the state of every account, as lines for people or as the API's JSON.

mod details;
mod overview;
mod standing;
mod state;
mod watch;

use clap::Args;

use super::arguments::DaemonChoice;
use super::command_result::CommandResult;
use super::{platform, report};
use crate::clock::Clock;
use report::Palette;
use state::View;

/// Show the state of every account
///
/// One line for each account, the worst first; `*` marks the default account. With `-v`, or if you name an account, it
/// also says when the next refresh is due, what went wrong last, whose the token is and which scope it has.
///
/// Exits with 0 if every shown account has a valid token and will get the next one by itself. Otherwise the worst account
/// decides: 9 if the store is locked or does not work, 5 if you have to log in or correct the config, 4 if an account is
/// skipped because of a mistake in the config, 7 if there is no valid token and the daemon is retrying.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct StatusArgs {
    /// Show only this account; `default` for the default one
    account: Option<String>,

    /// Show everything that is known about each account
    #[arg(long, short)]
    verbose: bool,

    /// Keep showing the state as it changes, until Ctrl-C
    #[arg(long, short)]
    watch: bool,

    /// Print the daemon's reply as JSON (docs/api.md); with `--watch` a line for each change
    #[arg(long, conflicts_with = "verbose")]
    json: bool,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback status
  ringback status -v
  ringback status --watch
  ringback status work --json
  ringback status >/dev/null || ringback login";

/// Prints the state; the exit code says whether somebody has to log in.
pub(super) fn run(args: &StatusArgs) -> CommandResult {
    let StatusArgs { account, verbose, json, reach, .. } = args;
    let view = View { account: account.as_deref(), verbose: *verbose, json: *json, reach };
    let state = view.read()?;
    if args.watch {
        return watch::run(&view, state);
    }
    let now = Clock::System.unix_seconds();
    let text = if args.json { state.json()? } else { state.text(&view, Palette::of_stdout(), now) };
    report::answer(text.as_bytes())?;
    if let Some(notice) = platform::notice().filter(|_| !args.json) {
        report::say(notice);
    }
    Ok(state.exit(now))
}

#[cfg(test)]
mod tests;
