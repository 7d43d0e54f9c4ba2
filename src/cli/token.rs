//! `ringback token`: one request, the token on standard output, nothing else.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use zeroize::Zeroizing;

use super::arguments::{AccountChoice, DaemonChoice};
use super::command_result::CommandResult;
use super::{autostart, report, waiting};
use crate::cli::failure::Failure;
use crate::client::{DEFAULT_TIMEOUT, TokenOptions};
use crate::contract::DEFAULT_ACCOUNT;

/// Print the current access token
///
/// Prints the bare token and a newline to standard output, and everything else to standard error.
#[derive(Args)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
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

impl TokenArgs {
    /// The fast path: reads the shortest command lines, `token [ACCOUNT] [--header|--json]`, without building the command
    /// tree, which takes longer than the whole request. `None` for everything else, which [`clap`] reads; `arguments` has
    /// neither the program's name nor the command's.
    pub(super) fn short(arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut short = Self {
            account: AccountChoice { name: DEFAULT_ACCOUNT.to_owned() },
            json: false,
            header: false,
            min_ttl: None,
            wait: None,
            scope: Vec::new(),
            audience: None,
            resource: None,
            reach: DaemonChoice::default(),
        };
        let mut named = false;
        for argument in arguments {
            match argument.to_str()? {
                "--json" if !short.json && !short.header => short.json = true,
                "--header" if !short.json && !short.header => short.header = true,
                name if !named && !name.is_empty() && !name.starts_with('-') => {
                    name.clone_into(&mut short.account.name);
                    named = true;
                }
                _ => return None,
            }
        }
        Some(short)
    }
}

/// Requests the token and prints it.
pub(super) fn run(args: &TokenArgs) -> CommandResult {
    report::answer(&autostart::or_start(&args.reach, || request(args))?)?;
    Ok(ExitCode::SUCCESS)
}

/// The line to print.
fn request(args: &TokenArgs) -> Result<Zeroizing<Vec<u8>>, Failure> {
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
        return Ok(line(&[reply.trim_ascii_end()]));
    }
    let token = waiting::told(longest, what, || client.token(account, &wish))?;
    let before: &[u8] = if args.header { b"Authorization: Bearer " } else { b"" };
    // Exposed, since printing the token is the purpose of this command.
    Ok(line(&[before, token.expose().as_bytes()]))
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

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;

    fn by_clap(arguments: &[&str]) -> Option<TokenArgs> {
        let command = TokenArgs::augment_args(Command::new("token").no_binary_name(true));
        TokenArgs::from_arg_matches(&command.try_get_matches_from(arguments).ok()?).ok()
    }

    #[test]
    fn the_fast_path_reads_what_clap_reads_or_leaves_it_to_clap() {
        let words = [
            "work",
            "",
            "-",
            "--",
            "--json",
            "--header",
            "--head",
            "--json=1",
            "-h",
            "--help",
            "--min-ttl",
            "5",
            "täglich",
        ];
        let mut lines: Vec<Vec<&str>> = vec![vec![]];
        for length in 1..=3_u32 {
            for number in 0..words.len().pow(length) {
                let places = (0..length).map(|place| words[number / words.len().pow(place) % words.len()]);
                lines.push(places.collect());
            }
        }
        let mut short = 0;
        for line in lines {
            if let Some(args) = TokenArgs::short(line.iter().map(OsString::from)) {
                short += 1;
                assert_eq!(Some(args), by_clap(&line), "{line:?}");
            }
        }
        assert_eq!(short, 1 + 2 + 3 + 2 * 2 * 3, "none, one and two of them, in either order");
    }
}
