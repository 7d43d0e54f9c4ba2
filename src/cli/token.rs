//! `ringback token`: one request, the token on standard output, nothing else.

mod all;
pub(super) mod format;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, ValueEnum as _};

use self::format::{Reader, Rendered, Rendering, TokenFormat};
use super::api_url;
use super::arguments::{AccountChoice, DaemonChoice, TokenChoice};
use super::autostart::{self, Announce};
use super::command_result::CommandResult;
use super::{report, waiting};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::client::{Client, TokenOptions};
use crate::contract::DEFAULT_ACCOUNT;

/// Print the current access token
///
/// Prints the bare token and a newline to standard output, and everything else to standard error.
#[derive(Args)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
#[command(after_help = HELP)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(super) struct TokenArgs {
    #[command(flatten)]
    account: AccountChoice,

    /// How to print the token (docs/cli.md)
    #[arg(long, value_name = "FORMAT", default_value = "bare", conflicts_with_all = ["json", "header"])]
    format: TokenFormat,

    /// The same as --format json
    #[arg(long, conflicts_with = "header")]
    json: bool,

    /// The same as --format header
    #[arg(long)]
    header: bool,

    /// The tokens of all accounts in one JSON object, or why there is none (docs/cli.md)
    #[arg(long, conflicts_with_all = ["name", "format", "json", "header", "user", "host", "port", "audience", "resource"])]
    all_json: bool,

    /// The account's ID token instead, if its config allows that (`id_token`); bare, or with --json as the daemon's reply
    #[arg(long, conflicts_with_all = ["format", "header", "user", "host", "port", "min_ttl", "wait", "scope", "audience", "resource", "all_json"])]
    id_token: bool,

    /// The user at the mail server, for the formats xoauth2 and oauthbearer
    #[arg(long, value_name = "USER", required_if_eq("format", "xoauth2"))]
    user: Option<String>,

    /// The mail server, for the format oauthbearer
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// Its port, for the format oauthbearer
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,

    #[command(flatten)]
    token: TokenChoice,

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
  ringback token https://api.phone.com/v4/accounts    The account that this URL is for (`api_urls`)
  ringback token --scope calls.read --scope faxes.read
  ringback token --all-json                           Every account, for scripts
  ringback token --resource https://api.example.com/  Valid for this resource only
  ringback token --format curl-config | curl -K - https://api.example.com/
  ringback token --header | curl -H @- https://api.example.com/
  eval \"$(ringback token --format env)\"
  ringback token mail --format xoauth2 --user me@example.com

With `curl -H \"$(ringback token --header)\"` the token is among curl's arguments, where other users
of the machine can read it while curl runs.";

impl TokenArgs {
    /// The fast path: reads the shortest command lines, `token [ACCOUNT] [--header|--json|--format FORMAT]`, without
    /// building the command tree, which takes longer than the whole request. `None` for everything else, which [`clap`]
    /// reads; `arguments` has neither the program's name nor the command's.
    pub(super) fn short(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut short = Self {
            account: AccountChoice { name: DEFAULT_ACCOUNT.to_owned() },
            format: TokenFormat::Bare,
            json: false,
            header: false,
            all_json: false,
            id_token: false,
            user: None,
            host: None,
            port: None,
            token: TokenChoice::default(),
            audience: None,
            resource: None,
            reach: DaemonChoice::default(),
        };
        let (mut named, mut formatted) = (false, false);
        while let Some(argument) = arguments.next() {
            match argument.to_str()? {
                "--json" if !formatted => (short.json, formatted) = (true, true),
                "--header" if !formatted => (short.header, formatted) = (true, true),
                "--format" if !formatted => {
                    short.format = TokenFormat::from_str(arguments.next()?.to_str()?, false).ok()?;
                    formatted = true;
                }
                name if !named && !name.is_empty() && !name.starts_with('-') => {
                    name.clone_into(&mut short.account.name);
                    named = true;
                }
                _ => return None,
            }
        }
        // What else this one needs, clap asks for.
        (short.format != TokenFormat::Xoauth2).then_some(short)
    }

    fn format(&self) -> TokenFormat {
        match (self.json, self.header) {
            (true, _) => TokenFormat::Json,
            (_, true) => TokenFormat::Header,
            _ => self.format,
        }
    }

    /// Refuses options that the format would ignore.
    fn check(&self) -> Result<(), Failure> {
        let format = self.format();
        let bearer = "oauthbearer";
        for (option, given, taken, formats) in [
            ("--user", self.user.is_some(), format.takes_user(), "xoauth2` or `--format oauthbearer"),
            ("--host", self.host.is_some(), format.takes_server(), bearer),
            ("--port", self.port.is_some(), format.takes_server(), bearer),
        ] {
            if given && !taken {
                return Err(message::option_without_format(option, formats));
            }
        }
        Ok(())
    }
}

/// Requests the token and prints it.
pub(super) fn run(args: &TokenArgs) -> CommandResult {
    if args.all_json {
        let all =
            autostart::or_start(&args.reach, Announce::Start, || all::request(&args.reach.client()?, &args.token))?;
        report::answer(&all.document)?;
        return Ok(all.exit);
    }
    args.check()?;
    let announce = if args.format().reads_both_outputs() { Announce::Nothing } else { Announce::Start };
    match autostart::or_start(&args.reach, announce, || request(args)) {
        Ok(line) => {
            report::answer(&line)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) if args.format().reads_both_outputs() => {
            report::answer(format::google_refusal(&failure)?.as_bytes())?;
            Ok(ExitCode::from(failure.exit()))
        }
        Err(failure) => Err(failure),
    }
}

/// What to print.
fn request(args: &TokenArgs) -> Rendered {
    let client = args.reach.client()?;
    let (audience, resource) = (args.audience.clone(), args.resource.clone());
    let wish = TokenOptions { audience, resource, ..args.token.options() };
    let account = &*api_url::account(&client, &args.account.name)?;
    if args.id_token {
        return id_token(&client, account, args.json);
    }
    let longest = args.token.longest();
    let what = || waiting::for_a_token(&client, account);
    let reader = Reader {
        user: args.user.as_deref(),
        host: args.host.as_deref(),
        port: args.port,
        env: |name| std::env::var_os(name),
    };
    match args.format().rendering() {
        Rendering::Unchanged => {
            let reply = waiting::told(longest, what, || client.token_json(account, &wish))?;
            Ok(format::line(&[reply.trim_ascii_end()]))
        }
        Rendering::OfToken(make) => make(&waiting::told(longest, what, || client.token(account, &wish))?, &reader),
        Rendering::OfReply(make) => {
            make(&waiting::told(longest, what, || client.token_with_lifetime(account, &wish))?, &reader)
        }
    }
}

fn id_token(client: &Client, account: &str, as_json: bool) -> Rendered {
    if as_json {
        return Ok(format::line(&[client.id_token_json(account)?.trim_ascii_end()]));
    }
    Ok(format::line(&[client.id_token(account)?.expose().as_bytes()]))
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
            "--format",
            "env",
            "xoauth2",
            "--head",
            "--format=env",
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
        // Nothing; one of five names or of two flags; both, in either order; `--format` and its value, alone or beside a
        // name, in either order.
        assert_eq!(short, 1 + (5 + 2) + (5 * 2 * 2) + 1 + (5 * 2), "every line that it should read");
    }
}
