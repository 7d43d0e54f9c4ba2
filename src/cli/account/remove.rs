//! `ringback account remove`.

use std::process::ExitCode;

use clap::Args;

use super::change::{Change, ChangeOptions, Written};
use super::edit::check_known;
use super::secret::StoredSecret;
use crate::cli::command_result::CommandResult;
use crate::cli::dialogue::Dialogue;
use crate::cli::failure::Failure;
use crate::cli::reload::{Expected, reload};
use crate::cli::{message, report, waiting};
use crate::client::DEFAULT_TIMEOUT;
use crate::config::{ConfigEdit, assemble};
use crate::contract::AccountState;
use crate::secret::source::SecretSource;

/// Remove an account from the config file
///
/// Asks whether to revoke its tokens at the provider and to delete them here. If they are kept, an account of the same
/// name, provider and client has them again once it is added.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct RemoveArgs {
    /// The account's name
    #[arg(value_name = "ACCOUNT")]
    name: String,

    /// Revoke its tokens at the provider and delete them here, without asking; the daemon must be running
    #[arg(long, conflicts_with = "keep")]
    revoke: bool,

    /// Keep its tokens in the state folder, without asking
    #[arg(long)]
    keep: bool,

    #[command(flatten)]
    options: ChangeOptions,
}

const HELP: &str = "\
Examples:
  ringback account remove work
  ringback account remove work --revoke
  ringback account remove work --keep";

/// Asks, shows, revokes, writes.
pub(super) fn run(args: &RemoveArgs) -> CommandResult {
    let mut change = Change::open(&args.options.source, &args.name)?;
    check_known(&change)?;
    let name = args.name.as_str();
    let before = assemble(&change.draft.before()).config;
    change.edit(&[ConfigEdit::remove(&["accounts", name])])?;
    let is_default = before.as_ref().is_some_and(|config| config.default_account.as_deref() == Some(name));
    if is_default {
        change.edit(&[ConfigEdit::remove(&["default_account"])])?;
    }
    let dialogue = match args {
        RemoveArgs { revoke: true, .. }
        | RemoveArgs { keep: true, .. }
        | RemoveArgs { options: ChangeOptions { dry_run: true, .. }, .. } => None,
        _ => Some(Dialogue::open().ok_or_else(|| message::remove_undecided(name))?),
    };
    let revoke = || {
        if args.revoke || wants_to_revoke(args, dialogue.as_ref())? {
            let provider = || "the provider to revoke the tokens".into();
            let client = args.options.reach.client()?;
            let reply = waiting::told(DEFAULT_TIMEOUT, provider, || client.logout(name))?;
            report::say(&format!("{}: {}", reply.account, reply.detail));
        }
        Ok(StoredSecret::Nothing)
    };
    let Written::Yes(config) = change.write(dialogue.as_ref(), &args.options, revoke)? else {
        return Ok(ExitCode::SUCCESS);
    };
    report::say(&format!("Removed `{name}` from {}.", change.path().display()));
    let secret = before.as_ref().and_then(|config| config.accounts.get(name)?.client_secret.clone());
    match secret {
        Some(SecretSource::File(path)) => {
            report::say(&format!(
                "Its client secret is still in {}: delete it if nothing else uses it.",
                path.display()
            ));
        }
        Some(SecretSource::Keyring { service, user }) => {
            report::say(&format!(
                "Its client secret is still in the keyring (service `{service}`, username `{user}`)."
            ));
        }
        _ => {}
    }
    let reloaded = reload(&args.options.reach, &config, Expected::Removed(name));
    change.tell(args.options.json, &config, reloaded)
}

/// Asks about the tokens, if the daemon has any.
fn wants_to_revoke(args: &RemoveArgs, dialogue: Option<&Dialogue>) -> Result<bool, Failure> {
    let Some(dialogue) = dialogue else { return Ok(false) };
    let account = args.options.reach.client().ok().and_then(|client| client.account(&args.name).ok());
    match account {
        Some(account) if account.state != AccountState::SignedOut => {
            dialogue.says_yes("Revoke its tokens at the provider, and delete them here?", true)
        }
        Some(_) => Ok(false),
        None => {
            report::say("The daemon was not reached: the account's tokens, if it has any, stay in the state folder.");
            Ok(false)
        }
    }
}
