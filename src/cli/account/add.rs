//! `ringback account add`.

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
use crate::cli::{login, message, report};
use crate::config::{ConfigEdit, KnownProvider, assemble, comes_back, default_redirect_uri};
use crate::contract::{DEFAULT_ACCOUNT, is_name};
use crate::oauth::dialect::ClientAuth;
use crate::oauth::grant::GrantType;

/// Add an account, and log in
///
/// Asks for what the options don't say: the provider, the client id and secret, and the scopes. With name, provider,
/// client id and secret given, nothing is asked. The client secret is kept in a private file beside the config, or in the
/// desktop's keyring, never in the config itself. The redirect URI that has to be registered at the provider is shown.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct AddArgs {
    /// The new account's name
    name: Option<String>,

    /// A known provider, or the issuer's URL of a server with metadata
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,

    #[command(flatten)]
    urls: EndpointArgs,

    #[command(flatten)]
    keys: KeyArgs,

    /// Programs that name no account get this one's token
    #[arg(long)]
    default: bool,

    /// Log in at once
    #[arg(long, conflicts_with = "json")]
    login: bool,

    #[command(flatten)]
    options: ChangeOptions,
}

const HELP: &str = "\
Examples:
  ringback account add
  ringback account add work --provider https://id.example.com
  pass show google | ringback account add mail --provider google --client-id ID \\
    --client-secret-stdin --scope https://mail.google.com/
  ringback account add home --provider acme --authorize-url https://acme.example/authorize \\
    --token-url https://acme.example/token --client-id ID --no-client-secret

There is no option for the secret itself: other users can read arguments.";

/// Asks, shows, writes, and offers the login.
pub(super) fn run(args: &AddArgs) -> CommandResult {
    let dialogue = args.dialogue()?;
    let dialogue = dialogue.as_ref();
    let mut change = Change::open(&args.options.source, "")?;
    if let Some(why) = change.draft.fixed().filter(|_| dialogue.is_some()) {
        report::say(&format!("{} {why}: you are shown at the end what to put there.", change.path().display()));
    }
    change.account = name(args, &change, dialogue)?;
    let known = provider(args, &mut change, dialogue)?;
    let account = change.account.clone();
    change.edit(&args.keys.edits(&account)?)?;
    let secret = complete(args, &mut change, &known, dialogue)?;
    change.edit(&secret.edits(&account))?;
    provider::agree(&mut change, &known, &secret)?;
    set_default(args, &mut change)?;
    let Written::Yes(config) = change.write(dialogue, &args.options, || secret.store())? else {
        return Ok(ExitCode::SUCCESS);
    };
    report::say(&format!("Added `{account}` to {}.", change.path().display()));
    if let Some(uri) = config.accounts.get(&account).and_then(|account| account.redirect_uri.as_deref())
        && dialogue.is_none()
    {
        report::say("Register this redirect URI at the provider, exactly as it stands here:");
        report::say(uri);
    }
    let is_running = reload(&args.options.reach, &config, Expected::Added(&account));
    if args.options.json.is_chosen() {
        return change.tell(args.options.json, &config, is_running);
    }
    login::offer(&account, &args.options.reach, args.login, dialogue.filter(|_| is_running))
}

impl AddArgs {
    /// Somebody to ask, if something has to be asked.
    fn dialogue(&self) -> Result<Option<Dialogue>, Failure> {
        let needed = [
            ("NAME", self.name.is_some()),
            ("--provider", self.provider.is_some()),
            ("--client-id", self.keys.names_client_id()),
            (
                "--client-secret-file, --client-secret-stdin or --no-client-secret",
                // In the implicit flow, no secret is sent.
                self.keys.names_secret() || self.keys.grant() == Some(GrantType::Implicit),
            ),
        ];
        let missing: Vec<&str> = needed.iter().filter(|(_, given)| !given).map(|(option, _)| *option).collect();
        if missing.is_empty() {
            return Ok(None);
        }
        Dialogue::open().map(Some).ok_or_else(|| message::account_incomplete(missing.join(", ")))
    }
}

/// The new account's name, which no other account has.
fn name(args: &AddArgs, change: &Change, dialogue: Option<&Dialogue>) -> Result<String, Failure> {
    let config = assemble(&change.draft.before()).config;
    let is_taken = |name: &str| {
        config.as_ref().is_some_and(|config| config.accounts.contains_key(name) || config.broken.contains_key(name))
    };
    let is_unfit = |name: &str| !is_name(name) || name == DEFAULT_ACCOUNT;
    if let Some(dialogue) = dialogue.filter(|_| args.name.is_none()) {
        let usual = Some("work").filter(|name| !is_taken(name));
        return dialogue.ask_until("Name of the account", usual, |name| {
            if is_unfit(name) {
                return Some(
                    "A name has a-z, 0-9, `.`, `_` and `-`, begins with a letter or digit, and is not `default`."
                        .into(),
                );
            }
            is_taken(name).then(|| format!("There is an account `{name}` already."))
        });
    }
    match args.name.clone().unwrap_or_default() {
        name if is_unfit(&name) => Err(message::account_name_unfit(name)),
        name if is_taken(&name) => Err(message::account_taken(name)),
        name => Ok(name),
    }
}

/// The provider, with what the config needs for it.
fn provider(args: &AddArgs, change: &mut Change, dialogue: Option<&Dialogue>) -> Result<KnownProvider, Failure> {
    let known = provider::known(&change.draft.before());
    let plan = match dialogue.filter(|_| args.provider.is_none()) {
        None => provider::named(args.provider.as_deref().unwrap_or_default(), &args.urls, &known)?,
        Some(dialogue) => {
            report::say("Providers:");
            for line in provider::list(&known) {
                report::say(&line);
            }
            let unfit = |given: &str| {
                let failure = provider::named(given, &args.urls, &known).err()?;
                Some(format!("{}. {}", failure.reply().error_description, failure.reply().hint))
            };
            let question = "Provider, or the issuer's URL of any other server with metadata (OpenID Connect)";
            provider::named(&dialogue.ask_until(question, None, unfit)?, &args.urls, &known)?
        }
    };
    change.edit(&plan.edits)?;
    change.edit(&[ConfigEdit::set(&["accounts", &change.account.clone(), "provider"], plan.name.as_str())])?;
    let known = provider::known(&change.draft.after()).into_iter().find(|provider| provider.name == plan.name);
    known.ok_or_else(|| message::no_such_provider("provider", &plan.name))
}

/// Asks for what the options don't say, and returns what becomes of the client secret.
fn complete(
    args: &AddArgs,
    change: &mut Change,
    known: &KnownProvider,
    dialogue: Option<&Dialogue>,
) -> Result<SecretPlan, Failure> {
    let account = change.account.clone();
    let by_device = !args.keys.names_grant() && has_device_alone(known);
    if by_device {
        change.edit(&[ConfigEdit::set(&["accounts", &account, "grant"], "device_code")])?;
    }
    let needs_uri = !args.keys.names_redirect_uri()
        && if args.keys.names_grant() { args.keys.grant().is_some_and(comes_back) } else { !by_device };
    if let Some(uri) = redirect_uri(change, &known.name).filter(|_| needs_uri) {
        match dialogue {
            Some(dialogue) => questions::redirect_uri(dialogue, change, &known.label, &uri)?,
            None => change.edit(&[ConfigEdit::set(&["accounts", &account, "redirect_uri"], uri)])?,
        }
    }
    if let Some(dialogue) = dialogue.filter(|_| !args.keys.names_client_id()) {
        questions::client_id(dialogue, change, None)?;
    }
    let secret = secret(args, change, known, dialogue)?;
    if let Some(dialogue) = dialogue.filter(|_| !args.keys.names_scope()) {
        let usual = known.suggested_scope.join(" ");
        let question = "Scopes, separated by spaces";
        questions::key(dialogue, change, "scope", question, Some(&usual), |text| scope(&[text.to_owned()]))?;
    }
    Ok(secret)
}

/// What becomes of the client secret, or of the key of a client that signs.
fn secret(
    args: &AddArgs,
    change: &mut Change,
    known: &KnownProvider,
    dialogue: Option<&Dialogue>,
) -> Result<SecretPlan, Failure> {
    if let Some(given) = args.keys.secret(&change.account, &change.path())? {
        return Ok(given);
    }
    let Some(dialogue) = dialogue else { return Ok(SecretPlan::Unchanged) };
    match provider::auth(known) {
        Some(ClientAuth::PrivateKeyJwt) => {
            let question = "File with the client's private key (PEM)";
            questions::key(dialogue, change, "client_key_file", question, None, questions::text)?;
            Ok(SecretPlan::Unchanged)
        }
        Some(ClientAuth::None) => Ok(SecretPlan::Unchanged),
        // In the implicit flow, no secret is sent.
        _ if args.keys.grant() == Some(GrantType::Implicit) => Ok(SecretPlan::Unchanged),
        Some(ClientAuth::Basic | ClientAuth::Post) | None => {
            questions::client_secret(dialogue, change, args.keys.keyring, false)
        }
    }
}

fn has_device_alone(known: &KnownProvider) -> bool {
    known.usual.as_ref().is_ok_and(|dialect| {
        !dialect.discover && dialect.endpoints.authorize.is_none() && dialect.endpoints.device.is_some()
    })
}

/// The redirect URI that the daemon would use. It is written down, since it has to stay the registered one. With port 0
/// there is none before the daemon listens.
fn redirect_uri(change: &Change, provider: &str) -> Option<String> {
    let config = assemble(&change.draft.after()).config?;
    let listener = config.listen.tcp.first().filter(|address| address.port() != 0)?;
    Some(default_redirect_uri(*listener, provider))
}

/// A second account must not take the default from the only one there was.
fn set_default(args: &AddArgs, change: &mut Change) -> Result<(), Failure> {
    let before = assemble(&change.draft.before()).config.and_then(|config| config.default_account);
    let after = assemble(&change.draft.after()).config.and_then(|config| config.default_account);
    let default = if args.default { Some(change.account.clone()) } else { before.filter(|_| after.is_none()) };
    match default {
        Some(default) => change.edit(&[ConfigEdit::set(&["default_account"], default)]),
        None => Ok(()),
    }
}
