//! `ringback refresh`.

use clap::Args;

use super::arguments::{AccountChoice, DaemonChoice, JsonChoice};
use super::command_result::CommandResult;
use super::{report, waiting};
use crate::client::DEFAULT_TIMEOUT;
use crate::clock::Clock;

/// Get a new token now
///
/// The daemon refreshes tokens by itself. Use this after a change at the provider, or to test the refresh.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct RefreshArgs {
    #[command(flatten)]
    account: AccountChoice,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback refresh
  ringback refresh work && ringback status work";

/// Requests the refresh and prints when the new token expires.
pub(super) fn run(args: &RefreshArgs) -> CommandResult {
    let (client, account) = (args.reach.client()?, &args.account.name);
    let provider = || format!("the provider of `{account}`");
    let reply = waiting::told(DEFAULT_TIMEOUT, provider, || client.refresh(account))?;
    let now = Clock::System.unix_seconds();
    let expires = reply.expires_at.map(|at| format!(", expires {}", report::moment(at, now))).unwrap_or_default();
    args.json.tell(&reply, || report::say(&format!("{}: a new token{expires}", reply.account)))
}
