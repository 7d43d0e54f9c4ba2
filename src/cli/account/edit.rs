//! `ringback account edit`.

use std::process::ExitCode;

use clap::Args;

use super::change::{Change, ChangeOptions, Written};
use super::keys::{KeyArgs, scope};
use super::provider::{self, EndpointArgs};
use super::questions;
use super::secret::SecretPlan;
use crate::cli::command_result::CommandResult;
use crate::cli::dialogue::Dialogue;
use crate::cli::failure::Failure;
use crate::cli::reload::{Expected, reload};
use crate::cli::{message, report};
use crate::config::{ConfigEdit, KnownProvider, assemble};
use crate::oauth::dialect::ClientAuth;

/// Change keys of an account
///
/// Without options, asks for client id, client secret, scopes and redirect URI; an empty line keeps what is there.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct EditArgs {
    /// The account's name
    #[arg(value_name = "ACCOUNT")]
    name: String,

    /// Another provider: a known one, or the issuer's URL of a server with metadata
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,

    #[command(flatten)]
    keys: KeyArgs,

    /// Remove a key of the account; may be repeated
    #[arg(long = "unset", value_name = "KEY")]
    unset: Vec<String>,

    #[command(flatten)]
    options: ChangeOptions,
}

const HELP: &str = "\
Examples:
  ringback account edit work                                 Asks
  ringback account edit work --scope openid --scope email
  pass show google | ringback account edit work --client-secret-stdin
  ringback account edit work --set 'notify=\"off\"' --unset hook";

/// Asks or takes the options, shows, writes.
pub(super) fn run(args: &EditArgs) -> CommandResult {
    let mut change = Change::open(&args.options.source, &args.name)?;
    check_known(&change)?;
    let name = args.name.as_str();
    let asks = args.keys.is_empty() && args.unset.is_empty() && args.provider.is_none();
    if !asks && args.keys.keyring && !args.keys.reads_secret() {
        return Err(message::keyring_without_secret());
    }
    let dialogue = if asks { Some(Dialogue::open().ok_or_else(message::edit_empty)?) } else { None };
    if let Some(given) = &args.provider {
        let plan = provider::named(given, &EndpointArgs::NONE, &provider::known(&change.draft.before()))?;
        change.edit(&plan.edits)?;
        change.edit(&[ConfigEdit::set(&["accounts", name, "provider"], plan.name)])?;
    }
    change.edit(&args.keys.edits(name)?)?;
    for key in &args.unset {
        change.edit(&[ConfigEdit::remove(&["accounts", name, key])])?;
    }
    let secret = match (&dialogue, args.keys.secret(name, &change.path())?) {
        (_, Some(given)) => given,
        (Some(dialogue), None) => asked(dialogue, &mut change, args.keys.keyring)?,
        (None, None) => SecretPlan::Unchanged,
    };
    change.edit(&secret.edits(name))?;
    if let Some(known) = provider_of(&change, args.provider.as_deref()) {
        provider::agree(&mut change, &known, &secret)?;
    }
    let Written::Yes(config) = change.write(dialogue.as_ref(), &args.options, || secret.store())? else {
        return Ok(ExitCode::SUCCESS);
    };
    report::say(&format!("Changed `{name}` in {}.", change.path().display()));
    let reloaded = reload(&args.options.reach, &config, Expected::Changed);
    change.tell(args.options.json, &config, reloaded)
}

/// The account's provider, as it is to be.
fn provider_of(change: &Change, given: Option<&str>) -> Option<KnownProvider> {
    let config = assemble(&change.draft.before()).config?;
    let old = config.accounts.get(&change.account).map(|account| account.dialect.provider.clone());
    let name = given.map(str::to_owned).or(old)?;
    provider::known(&change.draft.after()).into_iter().find(|known| known.name == name)
}

/// Fails if the config has no such account, whether it can be used or not.
pub(super) fn check_known(change: &Change) -> Result<(), Failure> {
    let parsed = assemble(&change.draft.before());
    let Some(config) = parsed.config else {
        parsed.mistakes.iter().for_each(|mistake| report::say(&mistake.to_string()));
        return Err(message::change_mistaken("the config can't be used as it is"));
    };
    let names = || config.accounts.keys().chain(config.broken.keys()).map(String::as_str);
    if names().any(|name| name == change.account) {
        return Ok(());
    }
    Err(message::no_such_account(&change.account).or_meant(&change.account, names()))
}

/// Asks for the keys that are changed most.
fn asked(dialogue: &Dialogue, change: &mut Change, in_keyring: bool) -> Result<SecretPlan, Failure> {
    let config = assemble(&change.draft.before()).config;
    let account = config.as_ref().and_then(|config| config.accounts.get(&change.account)).cloned();
    let old = account.as_deref();
    questions::client_id(dialogue, change, old.map(|account| &account.client_id))?;
    let has_secret =
        old.is_none_or(|account| matches!(account.dialect.client_auth, ClientAuth::Basic | ClientAuth::Post));
    let secret =
        if has_secret { questions::client_secret(dialogue, change, in_keyring, true)? } else { SecretPlan::Unchanged };
    let scopes = old.map(|account| account.target.scope.join(" ")).unwrap_or_default();
    let question = "Scopes, separated by spaces";
    questions::key(dialogue, change, "scope", question, Some(&scopes), |text| scope(&[text.to_owned()]))?;
    if let Some(uri) = old.and_then(|account| account.redirect_uri.as_deref()) {
        questions::key(dialogue, change, "redirect_uri", "Redirect URI", Some(uri), questions::text)?;
    }
    Ok(secret)
}
