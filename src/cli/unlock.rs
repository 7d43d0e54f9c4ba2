//! `ringback unlock`: gets the store's key again, with the passphrase where it takes one.

use std::io;
use std::process::ExitCode;

use clap::Args;

use super::{CommandResult, DaemonChoice, passphrase, report, waiting};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::client::DEFAULT_TIMEOUT;
use crate::contract::{StoreState, UnlockRequest};

/// Get the store's key again after `ringback lock`
///
/// Asks for the passphrase where the config says `key = "passphrase"`; the first time, in an empty state
/// folder, this sets it. It travels over the daemon's unix socket only. Each wrong one makes the next wait
/// longer.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct UnlockArgs {
    /// Read the passphrase from the first line of standard input
    #[arg(long)]
    passphrase_stdin: bool,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback unlock                                    Asks for the passphrase, if it takes one
  pass show ringback | ringback unlock --passphrase-stdin

A passphrase in the arguments or the environment could be read by others, so there is no option for it.";

/// Asked by whoever opens the store.
pub(super) const QUESTION: &str = "Passphrase of the token store (it is not shown):";
/// And by who sets it.
pub(super) const NEW_QUESTION: &str = "New passphrase for the token store, 12 characters or more (it is not shown):";

/// Unlocks and tells whether it was locked.
pub(super) fn run(args: &UnlockArgs) -> CommandResult {
    let client = args.reach.client()?;
    let store = client.accounts()?.store;
    let (passphrase, new) = match store {
        StoreState::Unlocked | StoreState::Locked => (None, false),
        _ if args.passphrase_stdin => {
            (Some(passphrase::first_line(&mut io::stdin().lock())), store == StoreState::PassphraseUnset)
        }
        StoreState::PassphraseNeeded => (Some(passphrase::asked(QUESTION)), false),
        StoreState::PassphraseUnset => (Some(passphrase::asked_twice(NEW_QUESTION)), true),
    };
    // The request wipes it.
    let passphrase = passphrase.transpose().map_err(|why| unread(&why))?.map(|text| text.expose().to_owned());
    let key = || "the store's key: a wrong passphrase makes the next one wait, and a keyring may ask".into();
    let reply = waiting::told(DEFAULT_TIMEOUT, key, || client.unlock(UnlockRequest { passphrase, new }))?;
    report::say(match (reply.changed, new) {
        (true, true) => "The passphrase is set, and the token store is unlocked. Nobody can open it without it.",
        (true, false) => "The token store is unlocked.",
        (false, _) => "The token store was unlocked already.",
    });
    Ok(ExitCode::SUCCESS)
}

fn unread(why: &str) -> Failure {
    message::passphrase_unread(why)
}
