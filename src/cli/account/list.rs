//! `ringback account list`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::arguments::JsonChoice;
use crate::cli::command_result::CommandResult;
use crate::cli::config_source::ConfigSource;
use crate::cli::report::{self, plain};
use crate::config::{AccountConfig, Config, comes_back};

/// List the accounts of the config file
///
/// The config file alone is read. `ringback status` asks the daemon who is logged in.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ringback account list
  ringback account list --json")]
pub(super) struct ListArgs {
    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    source: ConfigSource,
}

/// Lists them.
pub(super) fn run(args: &ListArgs) -> CommandResult {
    let found = args.source.load_if_there()?;
    let found = found.filter(|config| !config.accounts.is_empty() || !config.broken.is_empty());
    if found.is_none() {
        report::say("There are no accounts yet: `ringback account add` adds one.");
    }
    let text = if args.json.is_chosen() {
        report::json(&json!({ "accounts": found.as_ref().map(objects).unwrap_or_default() }))?
    } else {
        found.as_ref().map(overview).unwrap_or_default()
    };
    report::answer(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The redirect URI that has to be registered for the account, if one is used and known.
pub(super) fn redirect_uri(config: &Config, account: &AccountConfig) -> Option<String> {
    account.redirect_uri_at(config.listen.tcp.first().copied()).filter(|_| comes_back(account.grant))
}

/// The same as [`overview`], for programs.
fn objects(config: &Config) -> Vec<Value> {
    let broken = config.broken.iter().map(|(name, why)| (name, json!({ "name": name, "usable": false, "why": why })));
    let usable = config.accounts.iter().map(|(name, account)| {
        let object = json!({
            "name": name,
            "usable": true,
            "default": config.default_account.as_ref() == Some(name),
            "provider": account.dialect.provider,
            "client_id": account.client_id.known(),
            "scope": account.target.scope,
            "redirect_uri": redirect_uri(config, account),
        });
        (name, object)
    });
    let all: BTreeMap<&String, Value> = broken.chain(usable).collect();
    all.into_values().collect()
}

/// By name: the accounts that can be used, and the mistake in each of the others.
fn overview(config: &Config) -> String {
    let broken = config.broken.iter().map(|(name, why)| (name, format!("{name}: can't be used: {}\n", plain(why))));
    let mut all: BTreeMap<&String, String> = broken.collect();
    for (name, account) in &config.accounts {
        let is_default = config.default_account.as_ref() == Some(name);
        let default = if is_default { ", the default account" } else { "" };
        let mut text = format!("{name}: {} (`{}`){default}\n", plain(&account.dialect.label), account.dialect.provider);
        // Writing to a `String` can't fail.
        let _ = writeln!(
            text,
            "  client id {}; {}",
            plain(&account.client_id.to_string()),
            plain(&account.client_origin())
        );
        if !account.target.scope.is_empty() {
            let _ = writeln!(text, "  scope {}", account.target.scope.join(" "));
        }
        if let Some(uri) = redirect_uri(config, account) {
            let _ = writeln!(text, "  redirect URI {uri}");
        }
        all.insert(name, text);
    }
    all.into_values().collect()
}
