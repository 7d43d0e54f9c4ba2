//! `ringback provider`: shows and checks authorization servers, mostly without a daemon.

mod check;
mod requests;
mod unknown;

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use unknown::unknown;

use super::arguments::DaemonChoice;
use super::command_result::CommandResult;
use super::report::plain;
use super::{config_source, report};
use crate::cli::failure::Failure;
use crate::config::{ConfigErrors, KnownProvider, Origin, known_providers};
use crate::config_file::{self, FoundConfig};

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
    List(config_source::ConfigSource),
    /// Show a provider's effective settings, and where each comes from
    Show(ProviderName),
    /// Check a provider, and show what would be sent to it
    ///
    /// Reads its metadata if the config says so (`discover`), and compares the issuer. Shows the requests of the account, or
    /// of the first account that uses the provider, with secrets hidden. No secret is read or sent. Exits with 7 if the
    /// provider can't be reached, and with 8 if its metadata does not match the config.
    Check(ProviderName),
    /// Accept that a provider's token endpoint has moved to another host
    ///
    /// The daemon does not accept such a move by itself, since it would send secrets to the new host.
    Accept(AcceptArgs),
}

#[derive(Args)]
struct ProviderName {
    /// A provider or, for `check`, an account
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    source: config_source::ConfigSource,
}

#[derive(Args)]
struct AcceptArgs {
    /// The provider's name
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    reach: DaemonChoice,
}

/// Runs the subcommand.
pub(super) fn run(args: &ProviderArgs) -> CommandResult {
    let text = match &args.act {
        ProviderCommand::List(source) => {
            let (known, mistakes) = known_providers(&found(source)?.sources());
            tell(&mistakes);
            list(&known)
        }
        ProviderCommand::Show(named) => show(named)?,
        ProviderCommand::Check(named) => check::run(&named.name, &found(&named.source)?)?,
        ProviderCommand::Accept(accept) => {
            let reply = accept.reach.client()?.accept_provider(&accept.name)?;
            report::say(&format!("Tokens of `{}` are requested at {} from now on.", reply.provider, reply.token_url));
            return Ok(ExitCode::SUCCESS);
        }
    };
    report::answer(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// A config file that nobody named may be missing: the built-in providers are available without it.
fn found(source: &config_source::ConfigSource) -> Result<FoundConfig, Failure> {
    config_file::find_if_there(&source.env()).map_err(|error| config_source::failure(&error))
}

fn tell(mistakes: &ConfigErrors) {
    mistakes.iter().for_each(|mistake| report::say(&mistake.to_string()));
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
        return Err(unknown("provider", &named.name, known.iter().map(|provider| provider.name.as_str())));
    };
    if let Err(why) = &provider.usual {
        report::say(&format!("No account can use `{}` as it is: {why}.", provider.name));
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
