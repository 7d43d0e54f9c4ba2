//! `ringback store`: changes the encrypted token store while no daemon runs.

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::arguments::JsonChoice;
use super::at_rest::{self, AtRest, unavailable};
use super::command_result::CommandResult;
use super::{config_source, passphrase, report};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::contract::AuditEvent;
use crate::os::hardening;
use crate::secret::Passphrase;
use crate::store::StoreError;
use crate::store::key::passphrase::fits;
use crate::store::key::source::OsKeyring;
use crate::store::rekey::NewPlace;

/// Change the key that the token store is encrypted with
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

const HELP: &str = "\
Examples:
  ringback store rekey --to passphrase    Use a key that a passphrase unlocks, or change the passphrase";

#[derive(Subcommand)]
enum StoreCommand {
    Rekey(RekeyArgs),
}

/// Encrypt the store with a new key, and choose where the key is kept
///
/// Every account is encrypted again, and nobody has to log in. The new key is kept in a file in the state folder, in the
/// desktop's keyring, or in a file that a passphrase unlocks; `--to passphrase` also changes an existing passphrase. The
/// daemon must be stopped. The command can be killed at any time: the next start of the daemon, or the next `ringback
/// store rekey`, either undoes the change or completes it.
///
/// The old key is deleted once nothing is encrypted with it, if ringback made it; a key from a program or from systemd
/// stays there. Older copies of the state folder, and files that were set aside as damaged, need the old key and can no
/// longer be opened. A version of ringback without this command may not find the new key.
#[derive(Args)]
#[command(after_help = REKEY_HELP)]
struct RekeyArgs {
    /// Where to keep the new key
    #[arg(long, value_name = "PLACE")]
    to: To,

    /// Read the new passphrase from this file, which must be readable by you alone
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_stdin")]
    passphrase_file: Option<PathBuf>,

    /// Read the new passphrase from the first line of standard input
    #[arg(long)]
    passphrase_stdin: bool,

    /// Read the present passphrase of the token store from this file, if it has one
    #[arg(long, value_name = "FILE")]
    store_passphrase_file: Option<PathBuf>,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    source: config_source::ConfigSource,
}

/// The places, named as in the config's `store.key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum To {
    /// A file in the state folder that a passphrase unlocks; the daemon starts locked
    Passphrase,
    /// A file in the state folder that only you can read
    File,
    /// The desktop's keyring
    Keyring,
}

const REKEY_HELP: &str = "\
Examples:
  systemctl --user stop ringback.socket ringback.service; ringback store rekey --to passphrase
  ringback store rekey --to keyring
  pass show ringback | ringback store rekey --to passphrase --passphrase-stdin

There is no option for the passphrase itself: other users can read arguments and, in part, the environment.";

pub(super) fn run(args: &StoreArgs) -> CommandResult {
    match &args.command {
        StoreCommand::Rekey(rekey) => run_rekey(rekey),
    }
}

fn run_rekey(args: &RekeyArgs) -> CommandResult {
    hardening::close_memory();
    if args.to != To::Passphrase && (args.passphrase_file.is_some() || args.passphrase_stdin) {
        return Err(message::passphrase_without_use());
    }
    let at_rest = AtRest::hold(&args.source)?;
    let (key, audit) = (at_rest.key.clone(), at_rest.audit()?);
    let store = at_rest.open(args.store_passphrase_file.as_deref())?;
    let to = new_place(args)?;
    let rekeyed = store.rekey(&to, &OsKeyring).map_err(|error| match error {
        StoreError::WrongPassphrase => unavailable(&error),
        _ if store.rekey_is_half_done() => message::rekey_half_done(error),
        _ => message::rekey_undone(error),
    })?;
    let names: Vec<&str> = rekeyed.accounts.iter().map(String::as_str).collect();
    let from = match args.to {
        To::Passphrase => "a new key, which the new passphrase unlocks",
        To::File => "a new key, in a file in the state folder",
        To::Keyring => "a new key, in the keyring",
    };
    let json = args.json;
    if !json.is_chosen() {
        report::say(&format!("The token store has {from}. Encrypted with it: {}.", listed(&names)));
    }
    if let Err(failure) = at_rest::note(&audit, AuditEvent::Rekey, &names) {
        report::say(&format!(
            "warning: the audit log has no line in the audit log: {}",
            failure.reply().error_description
        ));
    }
    if let Some(left) = &rekeyed.left {
        report::say(&format!("warning: {left}."));
    }
    let place = rekeyed.place;
    if !place.agrees_with(&key) {
        report::say(&format!(
            "Set `key = \"{place}\"` in `[store]` of {}, which names another place. Until then the daemon takes the key \
             from its new place, and warns.",
            args.source.file().map_or_else(|| "the config".into(), |file| file.display().to_string())
        ));
    }
    json.tell(&serde_json::json!({ "key": place.to_string(), "accounts": names }), || {
        report::say(match args.to {
            To::Passphrase => "Start the daemon, and unlock it with the new passphrase: `ringback unlock`.",
            To::File | To::Keyring => "Start the daemon.",
        });
    })
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "no account, since none is stored".into() } else { names.join(", ") }
}

fn new_place(args: &RekeyArgs) -> Result<NewPlace, Failure> {
    Ok(match args.to {
        To::File => NewPlace::File,
        To::Keyring => NewPlace::Keyring,
        To::Passphrase => NewPlace::Passphrase(new_passphrase(args).map_err(message::no_new_passphrase)?),
    })
}

fn new_passphrase(args: &RekeyArgs) -> Result<Passphrase, String> {
    let passphrase = match &args.passphrase_file {
        Some(path) => passphrase::of_file(path),
        None if args.passphrase_stdin => passphrase::first_line(&mut io::stdin().lock()),
        None => passphrase::asked_twice(passphrase::NEW_QUESTION),
    }?;
    fits(&passphrase).map(|()| passphrase).map_err(|error| error.to_string())
}
