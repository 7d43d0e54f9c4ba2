//! `ringback import`: gives the daemon a token that was made elsewhere, such as a permanent one; with `--from`, imports
//! all accounts of another machine (see `house`).

mod house;

use std::io::{self, IsTerminal as _, Read};

use clap::Args;
use zeroize::Zeroizing;

use super::arguments::{AccountChoice, DaemonChoice, JsonChoice};
use super::command_result::CommandResult;
use super::granted::{Granted, as_whom};
use super::hidden::Terminal;
use super::replace::TerminalQuestion;
use super::{login, replace, report, waiting};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::client::{Client, DEFAULT_TIMEOUT};
use crate::contract::{ErrorCode, ImportRequest};
use crate::error::Error;
use crate::os::private_file;
use crate::secret::text;

/// Import a token that was made elsewhere, or all accounts of another machine
///
/// Reads the token from standard input, or asks for it at the terminal without showing it. The daemon asks the provider
/// about it before storing it. Tokens are sent over the daemon's unix socket only.
///
/// You are asked first if the token belongs to another person than the account's tokens, or if an access token would
/// replace a login that the daemon can refresh.
///
/// With `--from`, imports all accounts from a file that `ringback export` wrote on another machine. The daemon must be
/// stopped here and there. An account that is already logged in here is skipped (exit code 1).
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct ImportArgs {
    #[command(flatten)]
    account: AccountChoice,

    /// Read a refresh token; it is used at once
    #[arg(long)]
    refresh_token: bool,

    /// Replace another person's tokens, or a login that can be refreshed, without asking; with `--from`, also replace
    /// accounts that are logged in here
    #[arg(long)]
    replace: bool,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    reach: DaemonChoice,

    #[command(flatten)]
    house: house::House,
}

const HELP: &str = "\
Examples:
  ringback import work                               Asks for it
  ringback import work < token.txt
  pass show api/token | ringback import
  ringback import work --refresh-token < refresh.txt
  ringback import --from accounts.age                All accounts of another machine

A token in the arguments could be read by other users of the machine, so there is no option for it.

Exits with 11, and replaces nothing, if a question is needed and there is no terminal to ask at.";

/// Longer than any token.
const LONGEST: usize = 64 * 1024;

/// Reads the token, sends it to the daemon and reports what the provider said about it.
pub(super) fn run(args: &ImportArgs) -> CommandResult {
    if let Some(file) = &args.house.from {
        return house::run(&args.house, file, args.replace, args.json);
    }
    let client = args.reach.client()?;
    let replace = args.replace;
    let kind = if args.refresh_token { "refresh token" } else { "access token" };
    let text = if io::stdin().is_terminal() { asked(kind)? } else { read(&mut io::stdin().lock())? };
    let token = cleaned(&text)?;
    let request = |give_up_refresh| {
        let named = Some(token.to_string());
        let (access_token, refresh_token) = if args.refresh_token { (None, named) } else { (named, None) };
        ImportRequest { access_token, refresh_token, replace, give_up_refresh }
    };
    let import = |give_up_refresh| {
        let provider = || format!("the provider of `{}` to check the {kind}", args.account.name);
        let imported =
            waiting::told(DEFAULT_TIMEOUT, provider, || client.import(&args.account.name, request(give_up_refresh)));
        imported.map_err(Failure::from)
    };
    let mut imported = import(false);
    if let Err(failure) = &imported
        && failure.code() == ErrorCode::NeedsConfirmation
        && give_up_refresh(&args.account.name, failure)?
    {
        imported = import(true);
    }
    let imported = match imported {
        Ok(imported) => imported,
        Err(failure) => return asked_or_failed(&client, args, failure),
    };
    args.json.tell(&imported, || {
        let reply = &imported.account;
        report::say(&format!("The {kind} is accepted for `{}`{}.", reply.account, as_whom(&reply.identity)));
        replace::tell(&imported.replaced);
        let (scope, refreshable) = (reply.scope.as_deref(), Some(reply.refreshable));
        Granted { scope, expires_at: reply.expires_at, expiry: reply.expiry, refreshable }.tell();
    })
}

/// Asks whether a login that can be refreshed may be replaced. `false`: there is no terminal to ask at.
fn give_up_refresh(account: &str, failure: &Failure) -> Result<bool, Failure> {
    let answer = replace::says_yes(&[
        failure.reply().error_description.as_str(),
        "If it is replaced, you have to log in again when the imported token expires or is revoked.",
        &format!("Replace the login of `{account}`? [y/N]"),
    ]);
    match answer {
        Some(false) => Err(Error::login_failed(account, "the answer was to keep the account as it is".into()).into()),
        answer => Ok(answer.is_some()),
    }
}

/// A token of another person than the account's waits for an answer, as a login does.
fn asked_or_failed(client: &Client, args: &ImportArgs, failure: Failure) -> CommandResult {
    let reply = failure.reply();
    let Some((confirm, login_id)) = reply.confirm.as_ref().zip(reply.login_id.as_ref()) else { return Err(failure) };
    let question = TerminalQuestion { client, account: &args.account.name, login_id, confirm, deadline: None };
    login::tell(question.settle(args.replace)?, args.json)
}

fn asked(kind: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let terminal = Terminal::open().ok_or_else(|| unread("there is no terminal to ask at"))?;
    let question = format!("Paste the {kind} and press Enter (it is not shown):");
    terminal.ask(&question, LONGEST).map_err(|error| unread(&error.to_string()))
}

fn read(input: &mut impl Read) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bytes = private_file::read_wiped(input, LONGEST, LONGEST).map_err(|error| unread(&error.to_string()))?;
    if bytes.len() > LONGEST { Err(unread("it is longer than 64 KiB")) } else { Ok(bytes) }
}

fn unread(why: &str) -> Failure {
    message::token_unread(why)
}

/// The token without what copying may add: white space, quotes and `Bearer ` around it, invisible characters anywhere.
fn cleaned(text: &[u8]) -> Result<Zeroizing<String>, Failure> {
    let text = text::decoded(text).map_err(|why| unread(&format!("it {why}")))?;
    let mut visible = Zeroizing::new(String::with_capacity(text.len()));
    visible.extend(text.chars().filter(|c| !report::hides(*c)));
    let mut token = visible.as_str();
    loop {
        let before = token;
        token = unquoted(token.trim());
        if let Some((_, rest)) = token.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
            token = rest;
        }
        if token == before {
            break;
        }
    }
    match token.chars().enumerate().find(|(_, c)| !c.is_ascii_graphic()) {
        None if token.is_empty() => Err(unread("there is none")),
        None => Ok(Zeroizing::new(token.to_owned())),
        Some((at, c)) => Err(odd(at + 1, token.chars().count(), c)),
    }
}

/// Without a pair of quotes around it.
fn unquoted(text: &str) -> &str {
    let pairs = [('"', '"'), ('\'', '\''), ('`', '`'), ('\u{201c}', '\u{201d}'), ('\u{2018}', '\u{2019}')];
    let inner = |(open, close): (char, char)| text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    pairs.into_iter().find_map(inner).unwrap_or(text)
}

/// The position and kind of a character, but not the character: it may be part of a secret.
fn odd(at: usize, of: usize, c: char) -> Failure {
    let kind = match c {
        '\n' | '\r' => "a line break",
        c if c.is_whitespace() => "white space",
        c if c.is_control() => "a control character",
        _ => "not ASCII",
    };
    message::token_odd(at, of, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_copying_adds_is_taken_away_and_what_is_odd_is_told_by_its_place() {
        let token = Ok("canary~6+/=");
        for (text, expected) in [
            ("canary~6+/=", token),
            ("canary~6+/=\r\n", token),
            ("  \tcanary~6+/= \n\n", token),
            ("\"canary~6+/=\"\n", token),
            ("' Bearer canary~6+/= '", token),
            ("bearer   \"canary~6+/=\"", token),
            ("\u{201c}canary~6+/=\u{201d}", token),
            ("\u{feff}canary\u{200b}~6\u{200c}\u{200d}+/=\u{2060}", token),
            ("\u{a0}canary~6+/=\u{3000}", token),
            ("", Err("there is none")),
            (" \n\u{200b}\"\"", Err("there is none")),
            ("Bearer", Ok("Bearer")),
            ("canary x", Err("character 7 of 8 is white space")),
            ("canary\ncanary", Err("character 7 of 13 is a line break")),
            ("can\u{7}ary", Err("character 4 of 7 is a control character")),
            ("canaryä", Err("character 7 of 7 is not ASCII")),
            ("canary\u{202e}", Err("character 7 of 7 is not ASCII")),
        ] {
            let got = cleaned(text.as_bytes());
            match (got, expected) {
                (Ok(got), Ok(expected)) => assert_eq!(*got, expected, "{text:?}"),
                (Err(failure), Err(expected)) => {
                    let told = format!("{failure:?}");
                    assert!(told.contains(expected) && !told.contains("canary"), "{text:?}: {told}");
                    assert_eq!(failure.code(), ErrorCode::Usage);
                }
                (got, _) => panic!("{text:?}: {got:?}"),
            }
        }
        assert!(cleaned(b"\xff\xfe").is_err());
    }

    #[test]
    fn input_is_read_to_its_cap() {
        assert_eq!(read(&mut &vec![b'a'; LONGEST][..]).unwrap().len(), LONGEST);
        assert!(read(&mut &vec![b'a'; LONGEST + 1][..]).is_err());
    }
}
