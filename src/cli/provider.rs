//! `ringback provider`: shows and checks authorization servers, mostly without a daemon.

mod check;
mod requests;

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::arguments::{DaemonChoice, JsonChoice};
use super::command_result::CommandResult;
use super::report::plain;
use super::{config_source, message, report};
use crate::cli::failure::Failure;
use crate::client::Client;
use crate::config::{ConfigErrors, KnownProvider, Origin, known_providers};
use crate::config_file::{self, FoundConfig};
use crate::contract::ErrorCode;

/// Show and check providers
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct ProviderArgs {
    #[command(subcommand)]
    act: ProviderCommand,
}

const HELP: &str = "\
Examples:
  ringback provider list
  ringback provider show google
  ringback provider check work     What is sent for the account `work`, and whether metadata fits
  ringback provider accept acme    After its token endpoint has moved to another host";

#[derive(Subcommand)]
enum ProviderCommand {
    /// List all providers: built in, in the folder `providers`, and in the config
    List(ListArgs),
    /// Show a provider's effective settings, and where each comes from
    Show(ProviderName),
    /// Check a provider, and show what would be sent to it
    ///
    /// Reads its metadata if the config says so (`discover`), and compares the issuer. Shows the requests of the account, or
    /// of the first account that uses the provider, with secrets hidden. No secret is read or sent. Exits with 7 if the
    /// provider can't be reached, and with 8 if its metadata does not match the config.
    Check(CheckedName),
    /// Accept that a provider's token endpoint has moved to another host
    ///
    /// The daemon does not accept such a move by itself, since it would send secrets to the new host.
    Accept(AcceptArgs),
}

#[derive(Args)]
struct ListArgs {
    #[command(flatten)]
    source: config_source::ConfigSource,

    #[command(flatten)]
    json: JsonChoice,
}

#[derive(Args)]
struct ProviderName {
    /// The provider's name
    #[arg(value_name = "PROVIDER")]
    name: String,

    #[command(flatten)]
    source: config_source::ConfigSource,

    #[command(flatten)]
    json: JsonChoice,
}

#[derive(Args)]
struct CheckedName {
    /// A provider or an account
    #[arg(value_name = "PROVIDER|ACCOUNT")]
    name: String,

    #[command(flatten)]
    source: config_source::ConfigSource,

    #[command(flatten)]
    json: JsonChoice,
}

#[derive(Args)]
struct AcceptArgs {
    /// The provider's name
    #[arg(value_name = "PROVIDER")]
    name: String,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    reach: DaemonChoice,
}

/// Runs the subcommand.
pub(super) fn run(args: &ProviderArgs) -> CommandResult {
    let text = match &args.act {
        ProviderCommand::List(args) => {
            let (known, mistakes) = known_providers(&found(&args.source)?.sources());
            tell(&mistakes);
            if args.json.is_chosen() { report::json(&json!({ "providers": as_json(&known) }))? } else { list(&known) }
        }
        ProviderCommand::Show(named) => show(named)?,
        ProviderCommand::Check(named) => {
            let text = check::run(&named.name, &found(&named.source)?)?;
            if named.json.is_chosen() { report::json(&json!({ "name": named.name, "report": text }))? } else { text }
        }
        ProviderCommand::Accept(accept) => {
            let client = accept.reach.client()?;
            let accepted = client.accept_provider(&accept.name);
            let reply = accepted.map_err(|error| unused(&client, &accept.name, error.into()))?;
            return accept.json.tell(&reply, || {
                report::say(&format!(
                    "Tokens of `{}` are requested at {} from now on.",
                    reply.provider, reply.token_url
                ));
            });
        }
    };
    report::answer(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The failure, with the provider that was probably meant if no account uses one of that name.
fn unused(client: &Client, name: &str, failure: Failure) -> Failure {
    if failure.code() != ErrorCode::NotFound {
        return failure;
    }
    let accounts = client.accounts().map(|reply| reply.accounts).unwrap_or_default();
    failure.or_meant(name, accounts.iter().map(|account| account.provider.as_str()))
}

/// A config file that nobody named may be missing: the built-in providers are available without it.
fn found(source: &config_source::ConfigSource) -> Result<FoundConfig, Failure> {
    config_file::find_if_there(&source.env()).map_err(|error| config_source::failure(&error))
}

fn tell(mistakes: &ConfigErrors) {
    mistakes.iter().for_each(|mistake| report::say(&mistake.to_string()));
}

/// What [`list`] tells, as JSON.
fn as_json(known: &[KnownProvider]) -> Vec<Value> {
    let one = |provider: &KnownProvider| {
        let file = match &provider.origin {
            Origin::File(file) => Some(file.display().to_string()),
            Origin::BuiltIn | Origin::Section => None,
        };
        let origin = match provider.origin {
            Origin::BuiltIn => "built_in",
            Origin::Section => "config",
            Origin::File(_) => "file",
        };
        let usable = provider.usual.is_ok();
        json!({ "name": provider.name, "label": provider.label, "origin": origin, "file": file, "usable": usable })
    };
    known.iter().map(one).collect()
}

/// One line for each provider: name, label, origin, and the kinds of login.
fn list(known: &[KnownProvider]) -> String {
    let rows: Vec<[String; 4]> = known
        .iter()
        .map(|provider| {
            let origin = match &provider.origin {
                Origin::BuiltIn => "built in".to_owned(),
                Origin::Section => "config".to_owned(),
                // All of them are in one folder, which `show` names.
                Origin::File(_) => format!("providers/{}.toml", provider.name),
            };
            [provider.name.clone(), provider.label.clone(), origin, logins(provider)].map(|text| plain(&text))
        })
        .collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|t| t.chars().count()).max();
    let [first, second, third] = [0, 1, 2].map(|column| width(column).unwrap_or_default());
    rows.iter().fold(String::new(), |mut text, [name, label, origin, logins]| {
        // Writing to a `String` does not fail.
        let _ = writeln!(text, "{name:first$}  {label:second$}  {origin:third$}  {logins}");
        text
    })
}

fn logins(provider: &KnownProvider) -> String {
    let dialect = match &provider.usual {
        Err(why) => return format!("({why})"),
        Ok(dialect) if dialect.discover => return "what its metadata says".to_owned(),
        Ok(dialect) => dialect,
    };
    let (browser, device) = (dialect.endpoints.authorize.is_some(), dialect.endpoints.device.is_some());
    match (browser, device) {
        (true, true) => "browser, device",
        (true, false) => "browser",
        (false, true) => "device",
        (false, false) => "none with a user",
    }
    .to_owned()
}

fn show(named: &ProviderName) -> Result<String, Failure> {
    let (known, mistakes) = known_providers(&found(&named.source)?.sources());
    let Some(provider) = known.iter().find(|provider| provider.name == named.name) else {
        tell(&mistakes);
        let failure = message::no_such_provider("provider", &named.name);
        return Err(failure.or_meant(&named.name, known.iter().map(|provider| provider.name.as_str())));
    };
    if let Err(why) = &provider.usual {
        report::say(&format!("No account can use `{}` as it is: {why}.", provider.name));
    }
    if named.json.is_chosen() {
        let keys: toml::Table = provider.keys.parse().unwrap_or_default();
        return report::json(&json!({ "name": provider.name, "label": provider.label, "keys": keys }));
    }
    Ok(provider.keys.lines().fold(String::new(), |text, line| text + &plain(line) + "\n"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{FilePrivacy, ProviderFile, Sources};

    #[test]
    fn the_list_tells_where_each_comes_from_and_how_one_logs_in() {
        let text = "[providers.acme]\npreset = \"oidc\"\nissuer = \"https://i\"\n[providers.bad]\nknob = 1\n";
        let own = ProviderFile {
            name: "own".into(),
            path: "/p/own.toml".into(),
            text: Ok("label = \"Own\"\ntoken_url = \"https://o/t\"\ndevice_url = \"https://o/d\"\n".into()),
        };
        let path = Path::new("/c.toml");
        let sources = Sources { text, path, privacy: FilePrivacy::Private, home: None, providers: &[own] };
        let (known, mistakes) = known_providers(&sources);
        assert!(!mistakes.is_empty());
        let list = list(&known);
        for row in [
            "acme       acme       config              what its metadata says\n",
            "google     Google     built in            browser, device\n",
            "dropbox    Dropbox    built in            browser\n",
            "generic    generic    built in            (it has no URLs)\n",
            "own        Own        providers/own.toml  device\n",
        ] {
            assert!(list.contains(row), "{list}");
        }
        assert!(list.contains("(/c.toml:5:1: providers.bad.knob: is not a known key"), "{list}");
    }
}
