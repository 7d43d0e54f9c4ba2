//! `ringback token`: one request, the token on standard output, nothing else.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use zeroize::Zeroizing;

use super::arguments::{AccountChoice, DaemonChoice};
use super::command_result::CommandResult;
use super::{report, waiting};
use crate::client::{DEFAULT_TIMEOUT, TokenOptions};

/// Print the current access token
///
/// Prints the bare token and a newline to standard output, and everything else to standard error.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct TokenArgs {
    #[command(flatten)]
    account: AccountChoice,

    /// Print the daemon's whole reply as JSON (docs/api.md)
    #[arg(long, conflicts_with = "header")]
    json: bool,

    /// Print `Authorization: Bearer TOKEN`
    #[arg(long)]
    header: bool,

    /// Minimum remaining lifetime of the token [default: from the config]
    #[arg(long, value_name = "SECONDS")]
    min_ttl: Option<u64>,

    /// How long to wait for a refresh or for a login [default: from the config for a refresh, 0 for a login]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,

    /// Request only this one of the granted scopes; may be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,

    /// Request a token for this audience
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,

    /// Request a token for this resource (RFC 8707)
    #[arg(long, value_name = "URL")]
    resource: Option<String>,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback token                                      The default account's token
  ringback token work --min-ttl 300                   Valid for at least five more minutes
  ringback token --scope calls.read --scope faxes.read
  ringback token --resource https://api.example.com/  Valid for this resource only
  ringback token --header | curl -H @- https://api.example.com/
  curl -H \"$(ringback token --header)\" https://api.example.com/

The first curl command is safer: the second puts the token into curl's arguments, where other users
of the machine can read it while curl runs.";

/// Requests the token and prints it.
pub(super) fn run(args: &TokenArgs) -> CommandResult {
    let client = args.reach.client()?;
    let wish = TokenOptions {
        min_ttl: args.min_ttl,
        wait: args.wait,
        scope: (!args.scope.is_empty()).then(|| args.scope.join(" ")),
        audience: args.audience.clone(),
        resource: args.resource.clone(),
    };
    let account = &args.account.name;
    let longest = args.wait.map_or(DEFAULT_TIMEOUT, Duration::from_secs);
    let what = || waiting::for_a_token(&client, account);
    if args.json {
        let reply = waiting::told(longest, what, || client.token_json(account, &wish))?;
        report::answer(&line(&[reply.trim_ascii_end()]))?;
    } else {
        let token = waiting::told(longest, what, || client.token(account, &wish))?;
        let before: &[u8] = if args.header { b"Authorization: Bearer " } else { b"" };
        // Exposed, since printing the token is the purpose of this command.
        report::answer(&line(&[before, token.expose().as_bytes()]))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The parts and a newline in one piece, so that a pipe gets all or nothing. Wiped when dropped.
fn line(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut line = Zeroizing::new(Vec::with_capacity(length + 1));
    for part in parts {
        line.extend_from_slice(part);
    }
    line.push(b'\n');
    line
}
