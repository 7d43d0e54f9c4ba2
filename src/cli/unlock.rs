//! `ringback unlock`: gets the store's key again, with the passphrase where it takes one.

use std::io::{self, Read};
use std::process::ExitCode;

use clap::Args;
use zeroize::Zeroizing;

use super::hidden::Terminal;
use super::{Outcome, Reach, report};
use crate::client::Failure;
use crate::contract::{StoreState, UnlockRequest};

/// Get the store's key again after `ringback lock`
///
/// Asks for the passphrase where the config says `key = "passphrase"`; the first time, in an empty state
/// folder, this sets it. It travels over the daemon's unix socket only. Each wrong one makes the next wait
/// longer.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct Unlock {
    /// Read the passphrase from the first line of standard input
    #[arg(long)]
    passphrase_stdin: bool,

    #[command(flatten)]
    reach: Reach,
}

const HELP: &str = "\
Examples:
  ringback unlock                                    Asks for the passphrase, if it takes one
  pass show ringback | ringback unlock --passphrase-stdin

A passphrase in the arguments or the environment could be read by others, so there is no option for it.";

/// More than any passphrase may have.
const LONGEST: usize = 4096;

/// Unlocks and tells whether it was locked.
pub(super) fn run(args: &Unlock) -> Outcome {
    let client = args.reach.client()?;
    let store = client.accounts()?.store;
    let (passphrase, new) = match store {
        StoreState::Unlocked | StoreState::Locked => (None, false),
        _ if args.passphrase_stdin => {
            (Some(first_line(&mut io::stdin().lock())?), store == StoreState::PassphraseUnset)
        }
        StoreState::PassphraseNeeded => (Some(asked("Passphrase of the token store (it is not shown):")?), false),
        StoreState::PassphraseUnset => (Some(asked_twice()?), true),
    };
    let passphrase = passphrase.map(|text| as_text(&text)).transpose()?;
    let reply = client.unlock(UnlockRequest { passphrase, new })?;
    report::say(match (reply.changed, new) {
        (true, true) => "The passphrase is set, and the token store is unlocked. Nobody can open it without it.",
        (true, false) => "The token store is unlocked.",
        (false, _) => "The token store was unlocked already.",
    });
    Ok(ExitCode::SUCCESS)
}

fn asked(question: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let terminal = Terminal::open().ok_or_else(|| unread("there is no terminal to ask at"))?;
    terminal.ask(question, LONGEST).map_err(|error| unread(&error.to_string()))
}

fn asked_twice() -> Result<Zeroizing<Vec<u8>>, Failure> {
    let first = asked("New passphrase for the token store, 12 characters or more (it is not shown):")?;
    if *first == *asked("The same again:")? { Ok(first) } else { Err(unread("the two are not the same")) }
}

fn first_line(input: &mut impl Read) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Room for all of it at once, so that growing leaves no copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST + 64));
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    input.take(most + 1).read_to_end(&mut line).map_err(|error| unread(&error.to_string()))?;
    if line.len() > LONGEST {
        return Err(unread("it is longer than 4 KiB"));
    }
    let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
    line.truncate(end);
    if line.ends_with(b"\r") {
        line.pop();
    }
    Ok(line)
}

/// The request wipes it.
fn as_text(line: &[u8]) -> Result<String, Failure> {
    std::str::from_utf8(line).map(str::to_owned).map_err(|_| unread("it is not text in UTF-8"))
}

fn unread(why: &str) -> Failure {
    let advice = "Run `ringback unlock` at a terminal and type it, or give it with `--passphrase-stdin`.";
    Failure::usage(format!("no passphrase could be read: {why}"), advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_is_the_first_line_as_it_is() {
        for (input, line) in [
            ("a b  c\n", Some("a b  c")),
            (" x \r\nmore\n", Some(" x ")),
            ("no end", Some("no end")),
            ("\n", Some("")),
            ("", Some("")),
        ] {
            let read = first_line(&mut input.as_bytes()).ok();
            assert_eq!(read.as_ref().map(|line| std::str::from_utf8(line).unwrap()), line, "{input:?}");
        }
        assert!(first_line(&mut &vec![b'a'; LONGEST + 1][..]).is_err());
        assert!(as_text(b"\xff").is_err());
    }
}
