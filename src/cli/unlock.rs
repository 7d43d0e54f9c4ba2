//! `ringback unlock`: loads the store's key again, with a passphrase if the store has one.

use std::io;

use clap::Args;

use super::arguments::{DaemonChoice, JsonChoice};
use super::command_result::CommandResult;
use super::{passphrase, report, waiting};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::client::DEFAULT_TIMEOUT;
use crate::contract::{StoreState, UnlockRequest};

/// Load the store's key again after `ringback lock`
///
/// Asks for the passphrase if the config says `key = "passphrase"`; the first time, with an empty state folder, this sets
/// it. The passphrase is sent over the daemon's unix socket only. After each wrong one, the delay before the next grows.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct UnlockArgs {
    /// Read the passphrase from the first line of standard input
    #[arg(long)]
    passphrase_stdin: bool,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback unlock                                    Asks for the passphrase, if it takes one
  pass show ringback | ringback unlock --passphrase-stdin

There is no option for the passphrase itself: other users can read arguments and, in part, the environment.";

/// Unlocks the store and says whether it was locked.
pub(super) fn run(args: &UnlockArgs) -> CommandResult {
    let client = args.reach.client()?;
    let store = client.accounts()?.store;
    let (passphrase, new) = match store {
        StoreState::Unlocked | StoreState::Locked => (None, false),
        _ if args.passphrase_stdin => {
            (Some(passphrase::first_line(&mut io::stdin().lock())), store == StoreState::PassphraseUnset)
        }
        StoreState::PassphraseNeeded => (Some(passphrase::asked(passphrase::QUESTION)), false),
        StoreState::PassphraseUnset => (Some(passphrase::asked_twice(passphrase::NEW_QUESTION)), true),
    };
    // The request wipes it.
    let passphrase = passphrase.transpose().map_err(|why| unread(&why))?.map(|text| text.expose().to_owned());
    let key = || "the store's key: wrong passphrases cause a delay, and a keyring may ask".into();
    let reply = waiting::told(DEFAULT_TIMEOUT, key, || client.unlock(UnlockRequest { passphrase, new }))?;
    args.json.tell(&reply, || {
        report::say(match (reply.changed, new) {
            (true, true) => {
                "The passphrase is set, and the token store is unlocked. Nobody can open the store without the passphrase."
            }
            (true, false) => "The token store is unlocked.",
            (false, _) => "The token store was already unlocked.",
        });
    })
}

fn unread(why: &str) -> Failure {
    message::passphrase_unread(why)
}
