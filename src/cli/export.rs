//! `ringback export`: all accounts into one encrypted file, for another machine. Reads the store itself, while no
//! daemon runs: a refresh during the copy would leave a refresh token in it that is good for nothing.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::arguments::JsonChoice;
use super::at_rest::{self, AtRest};
use super::command_result::CommandResult;
use super::{config_source, passphrase, report};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::contract::AuditEvent;
use crate::os::atomic_file;
use crate::os::hardening;
use crate::secret::Passphrase;
use crate::store::Store as _;
use crate::store::envelope::{self, Addressee};
use crate::store::export::{self, Moved};
use crate::store::file::FileStore;
use crate::store::key::passphrase::fits;

/// Export all accounts into one encrypted file, for another machine
///
/// Writes the tokens of every account into an age file that is encrypted with a passphrase; `ringback import --from FILE`
/// reads it on the other machine. The daemon must be stopped here, and must not refresh these accounts again: if two
/// machines use the same refresh token, the provider may end the login of both. The file does not contain the keys of
/// programs, answers to questions, the config and the client secrets.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct ExportArgs {
    /// The file to write, readable by you alone; an existing file is not overwritten
    file: PathBuf,

    /// Delete the accounts here once the file is written, without revoking their tokens
    #[arg(long)]
    forget: bool,

    /// Encrypt to this public key (age1...) instead of a passphrase; may be repeated
    #[arg(long, value_name = "KEY", value_parser = envelope::recipient)]
    #[arg(conflicts_with_all = ["passphrase_file", "passphrase_stdin"])]
    recipient: Vec<envelope::Recipient>,

    /// Read the new passphrase from this file, which must be readable by you alone
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_stdin")]
    passphrase_file: Option<PathBuf>,

    /// Read the new passphrase from the first line of standard input
    #[arg(long)]
    passphrase_stdin: bool,

    /// Read the passphrase of the token store from this file, if it has one
    #[arg(long, value_name = "FILE")]
    store_passphrase_file: Option<PathBuf>,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    source: config_source::ConfigSource,
}

const HELP: &str = "\
Examples:
  systemctl --user stop ringback.socket ringback.service; ringback export accounts.age --forget
  pass show moving | ringback export accounts.age --passphrase-stdin
  ringback export accounts.age --recipient age1...    For the owner of the private key
  age --decrypt accounts.age | jq                     Look at it without ringback

Don't run `ringback logout` here afterwards: that revokes the tokens of the other machine, too.";

/// Writes the file, deletes what is to be deleted, and tells.
pub(super) fn run(args: &ExportArgs) -> CommandResult {
    hardening::close_memory();
    if args.file.symlink_metadata().is_ok() {
        return Err(exists(&args.file));
    }
    let at_rest = AtRest::hold(&args.source)?;
    let names = at_rest.accounts()?;
    if names.is_empty() {
        return Err(message::nothing_to_export());
    }
    let audit = at_rest.audit()?;
    let store = at_rest.open(args.store_passphrase_file.as_deref())?;
    let accounts = read(&store, names)?;
    let plain = export::write(&accounts).map_err(message::unserializable)?;
    let sealed = envelope::seal(&plain, &addressee(args)?).map_err(|error| unwritten(&args.file, &error))?;
    drop(plain);
    let names: Vec<&str> = accounts.iter().map(|moved| moved.account.as_str()).collect();
    // Before anything is written: no export without a line in the audit log.
    at_rest::note(&audit, AuditEvent::Export, &names)
        .map_err(|failure| message::export_unlogged(&failure.reply().error_description))?;
    write(&args.file, &sealed)?;
    if args.forget {
        forget(&store, &names, &args.file)?;
    }
    let exported =
        serde_json::json!({ "file": args.file.display().to_string(), "accounts": names, "forgotten": args.forget });
    args.json.tell(&exported, || {
        report::say(&format!("{} in {}: {}.", count(names.len()), args.file.display(), names.join(", ")));
        if args.forget {
            return report::say(
                "They are deleted here but not revoked: that file is the only copy. Keep it until it is imported.",
            );
        }
        report::say(
            "They are still here, too. Run only one of the two daemons: both would use the same refresh token.",
        );
        report::say(
            "To delete them here, export with `--forget` to another file; `ringback logout` would revoke them for both.",
        );
    })
}

/// Deletes the accounts here, as many as possible: the file is complete, and a partial export must never replace it.
fn forget(store: &FileStore, names: &[&str], file: &Path) -> Result<(), Failure> {
    let mut left = Vec::new();
    for name in names {
        if let Err(error) = store.remove(name) {
            report::say(&format!("{name} could not be deleted here: {error}"));
            left.push(*name);
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(message::export_half_forgotten(file.display(), left.join(", ")))
}

fn count(accounts: usize) -> String {
    if accounts == 1 { "1 account is".into() } else { format!("{accounts} accounts are") }
}

fn read(store: &FileStore, names: Vec<String>) -> Result<Vec<Moved>, Failure> {
    let read = |account: String| match store.load(&account) {
        Ok(Some(record)) => Some(Ok(Moved { account, record })),
        Ok(None) => None,
        Err(error) => Some(Err(message::account_unexportable(error))),
    };
    names.into_iter().filter_map(read).collect()
}

fn addressee(args: &ExportArgs) -> Result<Addressee, Failure> {
    if !args.recipient.is_empty() {
        return Ok(Addressee::Recipients(args.recipient.clone()));
    }
    new_passphrase(args).map(Addressee::Passphrase).map_err(message::no_export_passphrase)
}

fn new_passphrase(args: &ExportArgs) -> Result<Passphrase, String> {
    let passphrase = match &args.passphrase_file {
        Some(path) => passphrase::of_file(path),
        None if args.passphrase_stdin => passphrase::first_line(&mut io::stdin().lock()),
        None => passphrase::asked_twice("New passphrase for the file, 12 characters or more (it is not shown):"),
    }?;
    fits(&passphrase).map(|()| passphrase).map_err(|error| error.to_string())
}

/// Writes with mode 0600, atomically and durably: with `--forget` this is soon the only copy.
fn write(file: &Path, sealed: &[u8]) -> Result<(), Failure> {
    atomic_file::create(file, sealed).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(file),
        _ => unwritten(file, &error),
    })
}

fn exists(file: &Path) -> Failure {
    message::export_exists(file.display())
}

fn unwritten(file: &Path, why: &dyn std::fmt::Display) -> Failure {
    message::export_unwritable(file.display(), why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::secret::source::KeySource;
    use crate::store::file::StateLock;
    use crate::store::key::source::{OsKeyring, Outside};
    use crate::store::tests::record;

    #[test]
    fn one_account_that_can_not_be_deleted_keeps_no_other_and_costs_none() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let outside = Outside { env: &|_| None, keyring: &OsKeyring };
        let held = StateLock::take(&state).unwrap();
        let store = FileStore::open(held, &KeySource::File, outside, Clock::System).unwrap();
        for name in ["home", "stuck", "work"] {
            store.commit(name, &record(1)).unwrap();
        }
        // No user, not even root, deletes a folder as a file.
        let stuck = state.join("accounts/stuck.sealed");
        std::fs::remove_file(&stuck).unwrap();
        std::fs::create_dir(&stuck).unwrap();
        let failure = forget(&store, &["home", "stuck", "work"], Path::new("house.age")).unwrap_err();
        assert_eq!(store.accounts().unwrap(), ["stuck"]);
        let reply = failure.reply();
        assert_eq!(
            reply.error_description,
            "house.age is complete, but these accounts could not be deleted here: stuck"
        );
        assert!(reply.hint.contains("Keep that file") && reply.hint.contains("to another file"), "{}", reply.hint);
        assert!(!reply.hint.contains("try again"), "{}", reply.hint);
        std::fs::remove_dir(&stuck).unwrap();
        forget(&store, &["stuck"], Path::new("rest.age")).unwrap();
    }
}
