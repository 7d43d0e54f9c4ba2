//! `ringback account list`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;

use crate::cli::command_result::CommandResult;
use crate::cli::config_source::ConfigSource;
use crate::cli::report::{self, plain};
use crate::config::{Config, comes_back};

/// List the accounts of the config file
///
/// The config file alone is read. `ringback status` asks the daemon who is logged in.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ringback account list")]
pub(super) struct ListArgs {
    #[command(flatten)]
    source: ConfigSource,
}

/// Lists them.
pub(super) fn run(args: &ListArgs) -> CommandResult {
    let found = args.source.load_if_there()?;
    let Some(config) = found.filter(|config| !config.accounts.is_empty() || !config.broken.is_empty()) else {
        report::say("There are no accounts yet: `ringback account add` adds one.");
        return Ok(ExitCode::SUCCESS);
    };
    report::answer(overview(&config).as_bytes())?;
    Ok(ExitCode::SUCCESS)
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
        let _ = writeln!(text, "  client id {}; {}", plain(&account.client_id), plain(&account.client_origin()));
        if !account.target.scope.is_empty() {
            let _ = writeln!(text, "  scope {}", account.target.scope.join(" "));
        }
        let uri = account.redirect_uri_at(config.listen.tcp.first().copied());
        if let Some(uri) = uri.filter(|_| comes_back(account.grant)) {
            let _ = writeln!(text, "  redirect URI {uri}");
        }
        all.insert(name, text);
    }
    all.into_values().collect()
}
