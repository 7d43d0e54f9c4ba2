//! `ringback import --from FILE`: imports a file of `ringback export` into the store of this machine. The whole file is
//! read and validated first; then each account is committed.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::account::record::Record;
use crate::cli::arguments::JsonChoice;
use crate::cli::at_rest::{self, AtRest, unavailable};
use crate::cli::command_result::CommandResult;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::cli::{config_source, passphrase, report};
use crate::config::Config;
use crate::contract::AuditEvent;
use crate::credentials;
use crate::os::hardening;
use crate::store::envelope::{self, EnvelopeKey};
use crate::store::export::{self, Moved};
use crate::store::file::FileStore;
use crate::store::{Store as _, StoreError};

/// Larger than any export.
const LONGEST: u64 = 256 << 20;

/// Options for importing an export of another machine.
#[derive(Args)]
#[command(next_help_heading = "Moving to another machine")]
#[group(id = "house", multiple = true)]
pub(super) struct House {
    /// Import all accounts from a file that `ringback export` wrote; the daemon must be stopped
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "refresh_token", "socket"])]
    pub(super) from: Option<PathBuf>,

    /// Decrypt the file with these private keys, as written by `age-keygen`
    #[arg(long, value_name = "FILE", requires = "from", conflicts_with_all = ["passphrase_file", "passphrase_stdin"])]
    identity: Option<PathBuf>,

    /// Read the file's passphrase from this file, which must be readable by you alone
    #[arg(long, value_name = "FILE", requires = "from", conflicts_with = "passphrase_stdin")]
    passphrase_file: Option<PathBuf>,

    /// Read the file's passphrase from the first line of standard input
    #[arg(long, requires = "from")]
    passphrase_stdin: bool,

    /// Read the passphrase of the token store from this file, if it has one
    #[arg(long, value_name = "FILE", requires = "from")]
    store_passphrase_file: Option<PathBuf>,

    /// The config file [default: `RINGBACK_CONFIG`, else ringback/config.toml in the config folder]
    #[arg(long, value_name = "FILE", requires = "from")]
    config: Option<PathBuf>,
}

/// Imports the accounts of `file` and reports on each; `replace`: also those that are logged in here.
pub(super) fn run(args: &House, file: &Path, replace: bool, json: JsonChoice) -> CommandResult {
    hardening::close_memory();
    let source = config_source::ConfigSource { config: args.config.clone() };
    at_rest::check_stored(&source)?;
    let accounts = read(args, file)?;
    let at_rest = AtRest::hold(&source)?;
    let (config, audit) = (at_rest.config.clone(), at_rest.audit()?);
    let store = at_rest.open(args.store_passphrase_file.as_deref())?;
    let (mut taking, mut left) = (Vec::new(), Vec::new());
    for mut moved in accounts {
        if may_take(&store, &mut moved, replace)? { taking.push(moved) } else { left.push(moved.account) }
    }
    for Moved { account, record } in &taking {
        store.commit(account, record).map_err(|error| unavailable(&error))?;
        report::say(&taken(&config, account, record));
        if let Err(failure) = at_rest::note(&audit, AuditEvent::Import, &[account]) {
            report::say(&format!(
                "warning: {account} has no line in the audit log: {}",
                failure.reply().error_description
            ));
        }
    }
    for account in &left {
        report::say(&format!("{account}: skipped, since it is already stored here; `--replace` imports it anyway"));
    }
    let imported: Vec<&str> = taking.iter().map(|moved| moved.account.as_str()).collect();
    json.tell(&serde_json::json!({ "imported": imported, "skipped": left }), || {
        report::say("The other machine must no longer refresh these accounts.");
        report::say(
            "Start the daemon here; if it is a service: `systemctl --user start ringback.socket ringback.service`.",
        );
        report::say(if left.is_empty() {
            "Delete the file."
        } else {
            "Keep the file for the accounts that were skipped."
        });
    })?;
    Ok(ExitCode::from(u8::from(!left.is_empty())))
}

/// The accounts of the file, parsed.
fn read(args: &House, file: &Path) -> Result<Vec<Moved>, Failure> {
    let unusable = |why: &dyn std::fmt::Display| message::house_unusable(file.display(), why);
    let mut sealed = Vec::new();
    let read = File::open(file).and_then(|opened| opened.take(LONGEST).read_to_end(&mut sealed));
    read.map_err(|error| unusable(&error))?;
    let by_passphrase = envelope::takes_passphrase(&sealed).map_err(|error| unusable(&error))?;
    let opener = opener(args, by_passphrase).map_err(|why| unusable(&why))?;
    let plain = envelope::open(&sealed, &opener).map_err(|error| unusable(&error))?;
    export::read(&plain).map_err(|error| unusable(&error))
}

/// The error is one clause.
fn opener(args: &House, by_passphrase: bool) -> Result<EnvelopeKey, String> {
    if let Some(path) = &args.identity {
        let text = credentials::private_text(path).map_err(|error| error.to_string())?;
        let identities = envelope::identities(text.expose());
        return identities.map(EnvelopeKey::Identities).ok_or(format!("{} contains no identities", path.display()));
    }
    if !by_passphrase {
        return Err("it is encrypted to a public key: give the private one with `--identity`".into());
    }
    let passphrase = match &args.passphrase_file {
        Some(path) => passphrase::of_file(path),
        None if args.passphrase_stdin => passphrase::first_line(&mut io::stdin().lock()),
        None => passphrase::asked("Passphrase of the file (it is not shown):"),
    };
    passphrase.map(EnvelopeKey::Passphrase)
}

/// Whether the record may be committed as the successor of what is stored.
fn may_take(store: &FileStore, moved: &mut Moved, replace: bool) -> Result<bool, Failure> {
    // Generations only rise, also over a deletion.
    let generation = &mut moved.record.generation;
    *generation = store.high_water_mark(&moved.account).saturating_add(1).max(*generation);
    let stored = match store.load(&moved.account) {
        Ok(None) => return Ok(true),
        Ok(Some(stored)) => stored,
        Err(error @ StoreError::SetAside { .. }) => {
            report::say(&format!("{}: {error}", moved.account));
            return Ok(true);
        }
        Err(error) => return Err(unavailable(&error)),
    };
    moved.record.generation = moved.record.generation.max(stored.generation.saturating_add(1));
    Ok(replace)
}

/// The report for an imported account. One that the config does not name (yet) is kept: its tokens are bound to their
/// provider and client, and are used for no other.
fn taken(config: &Config, account: &str, record: &Record) -> String {
    match config.accounts.get(account) {
        Some(found) if record.binding.fits(&found.binding()) => match &record.needs_login {
            None => format!("{account}: imported"),
            Some(reason) => format!("{account}: imported; it still needs a login: {reason}"),
        },
        Some(_) => {
            let client = match &*record.binding.client_id {
                "" => "a client".to_owned(),
                id => format!("client `{id}`"),
            };
            let provider = &record.binding.provider;
            let text = "and the config names another";
            format!("{account}: imported, but its tokens are for {client} of provider `{provider}`, {text}")
        }
        None => format!("{account}: imported; its tokens are used once the config names the account"),
    }
}
