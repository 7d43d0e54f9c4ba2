//! `ringback import --from FILE`: what `ringback export` wrote, into the store of this machine. Everything is read and
//! understood first; then each account is committed.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::account::record::Record;
use crate::cli::at_rest::{self, AtRest, unavailable};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::cli::{CommandResult, config, passphrase, report};
use crate::config::Config;
use crate::contract::AuditEvent;
use crate::credentials;
use crate::hardening;
use crate::store::envelope::{self, EnvelopeKey};
use crate::store::export::{self, Moved};
use crate::store::file::FileStore;
use crate::store::{Store as _, StoreError};

/// More than the largest store comes to.
const LONGEST: u64 = 256 << 20;

/// Taking over what another machine exported.
#[derive(Args)]
#[command(next_help_heading = "Moving house")]
#[group(id = "house", multiple = true)]
pub(in crate::cli) struct House {
    /// Take over all accounts of a file that `ringback export` wrote; the daemon has to be stopped
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "refresh_token", "socket"])]
    pub(super) from: Option<PathBuf>,

    /// The private keys that open the file, as `age-keygen` writes them
    #[arg(long, value_name = "FILE", requires = "from", conflicts_with_all = ["passphrase_file", "passphrase_stdin"])]
    identity: Option<PathBuf>,

    /// Read the file's passphrase from this file, which nobody else can read
    #[arg(long, value_name = "FILE", requires = "from", conflicts_with = "passphrase_stdin")]
    passphrase_file: Option<PathBuf>,

    /// Read the file's passphrase from the first line of standard input
    #[arg(long, requires = "from")]
    passphrase_stdin: bool,

    /// Read the passphrase of the token store from this file, if it takes one
    #[arg(long, value_name = "FILE", requires = "from")]
    store_passphrase_file: Option<PathBuf>,

    /// The config file [default: `RINGBACK_CONFIG`, else ringback/config.toml in the config folder]
    #[arg(long, value_name = "FILE", requires = "from")]
    config: Option<PathBuf>,
}

/// Takes over the accounts of `file` and tells of each; `replace`: also of those that are logged in here.
pub(super) fn run(args: &House, file: &Path, replace: bool) -> CommandResult {
    hardening::close_memory();
    let accounts = read(args, file)?;
    let at_rest = AtRest::hold(&config::ConfigSource { config: args.config.clone() })?;
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
            report::say(&format!("warning: {account} has no line: {}", failure.reply().error_description));
        }
    }
    for account in &left {
        report::say(&format!("{account}: skipped, since it is stored here already; `--replace` takes the file's"));
    }
    report::say("The other machine must not refresh these accounts any more.");
    report::say(
        "Start the daemon here: `systemctl --user start ringback.socket ringback.service`, where it is a service.",
    );
    report::say(if left.is_empty() { "Delete the file." } else { "Keep the file for those that were skipped." });
    Ok(ExitCode::from(u8::from(!left.is_empty())))
}

/// All that the file holds, understood.
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
        return identities.map(EnvelopeKey::Identities).ok_or(format!("{} holds no identities", path.display()));
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

/// Whether it may be committed, as what comes after that which is stored of it.
fn may_take(store: &FileStore, moved: &mut Moved, replace: bool) -> Result<bool, Failure> {
    // The store goes forward only, also from what was deleted in it.
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

/// What there is to say of an account that was taken over. One that the config does not name (yet) is kept: its
/// tokens are bound to their provider and client, and are of no use for any other.
fn taken(config: &Config, account: &str, record: &Record) -> String {
    match config.accounts.get(account) {
        Some(found) if found.binding() == record.binding => match &record.needs_login {
            None => format!("{account}: taken over"),
            Some(reason) => format!("{account}: taken over, and it needs a login, as before: {reason}"),
        },
        Some(_) => format!(
            "{account}: taken over, but its tokens are for client `{}` of provider `{}`, and the config names another",
            record.binding.client_id, record.binding.provider
        ),
        None => format!("{account}: taken over, but the config does not name it: its tokens wait until it does"),
    }
}
