//! `ringback token`: one request, the token on standard output, nothing else.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use zeroize::Zeroizing;

use super::{Account, CommandResult, DaemonChoice, report, waiting};
use crate::client::{DEFAULT_TIMEOUT, TokenOptions};

/// Print the current access token
///
/// The bare token and a newline on standard output, nothing else; everything said goes to standard error.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct TokenArgs {
    #[command(flatten)]
    account: Account,

    /// Print the daemon's whole reply (docs/api.md)
    #[arg(long, conflicts_with = "header")]
    json: bool,

    /// Print `Authorization: Bearer TOKEN`
    #[arg(long)]
    header: bool,

    /// How long the token has to be good for at least [default: what the config says]
    #[arg(long, value_name = "SECONDS")]
    min_ttl: Option<u64>,

    /// How long to wait for a refresh, or for somebody to log in [default: the config's for a refresh,
    /// none for a login]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,

    /// Only this scope of those that were granted; give it again for more
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,

    /// For this audience
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,

    /// For this resource (RFC 8707)
    #[arg(long, value_name = "URL")]
    resource: Option<String>,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback token                                      The default account's token
  ringback token work --min-ttl 300                   One that is good for five minutes more
  ringback token --scope calls.read --scope faxes.read
  ringback token --resource https://api.example.com/  One that works there and nowhere else
  ringback token --header | curl -H @- https://api.example.com/
  curl -H \"$(ringback token --header)\" https://api.example.com/

The first way to call curl is the safer one: the second puts the token into curl's arguments, where
other users of the machine can read it while curl runs.";

/// Asks for the token and prints it.
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
        // Exposed, since to hand it over is what this command is for.
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
