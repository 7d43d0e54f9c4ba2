//! `ringback provider check`: checks a provider's metadata, and shows what would be sent.

use std::fmt::Write as _;
use std::sync::Arc;

use super::super::report::plain;
use super::requests::requests;
use crate::cli::config_source;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::clock::Clock;
use crate::config::{AccountConfig, Config, Parsed, assemble, comes_back, describe_provider, known_providers};
use crate::config_file::{ConfigFileError, FoundConfig};
use crate::oauth::dialect::Dialect;
use crate::provider::{AskError, HttpProvider, Provider as _};

/// The provider to check, by itself or as an account uses it.
struct Subject {
    dialect: Arc<Dialect>,
    account: Option<Arc<AccountConfig>>,
}

/// The whole report.
pub(super) fn run(name: &str, found: &FoundConfig) -> Result<String, Failure> {
    let Parsed { config, mistakes } = assemble(&found.sources());
    let config = config.ok_or_else(|| config_source::failure(&ConfigFileError::Mistakes(mistakes)))?;
    let subject = subject(name, &config, found)?;
    let resolved = resolve(&subject.dialect)?;
    // Writing to a `String` does not fail.
    let mut text = format!("# {} (`{}`)\n", resolved.label, resolved.provider);
    if let (true, Some(issuer)) = (resolved.discover, &resolved.issuer) {
        _ = writeln!(text, "# The metadata of {issuer} was read, and is of that issuer.");
    }
    text += &describe_provider(&resolved);
    match &subject.account {
        Some(account) => {
            let redirect_uri = account.redirect_uri_at(config.listen.tcp.first().copied());
            _ = writeln!(text, "\n# What is sent for account `{}`; secrets are hidden.", account.name);
            if redirect_uri.is_none() && comes_back(account.grant) {
                text += "# The redirect URI is known only once the daemon listens: `listen.tcp` has port 0.\n";
            }
            text += &requests(&resolved, account, redirect_uri.as_deref().unwrap_or_default());
        }
        None => text += "\n# No account uses it, so there are no requests to show.\n",
    }
    Ok(text.lines().fold(String::new(), |text, line| text + &plain(line) + "\n"))
}

fn subject(name: &str, config: &Config, found: &FoundConfig) -> Result<Subject, Failure> {
    if let Some(account) = config.accounts.get(name) {
        return Ok(Subject { dialect: Arc::clone(&account.dialect), account: Some(Arc::clone(account)) });
    }
    if let Some(mistake) = config.broken.get(name) {
        return Err(message::subject_broken(mistake));
    }
    let (known, _) = known_providers(&found.sources());
    let Some(provider) = known.iter().find(|provider| provider.name == name) else {
        let accounts = config.accounts.keys().chain(config.broken.keys()).map(String::as_str);
        let names = accounts.chain(known.iter().map(|provider| provider.name.as_str()));
        return Err(message::no_such_provider("account or provider", name).or_meant(name, names));
    };
    // The account has values for variables that the provider may leave open.
    if let Some(account) = config.accounts.values().find(|account| account.dialect.provider == name) {
        return Ok(Subject { dialect: Arc::clone(&account.dialect), account: Some(Arc::clone(account)) });
    }
    match &provider.usual {
        Ok(dialect) => Ok(Subject { dialect: Arc::clone(dialect), account: None }),
        Err(why) => Err(message::provider_incomplete(name, why)),
    }
}

/// Adds the metadata, if the config says to read it.
fn resolve(dialect: &Arc<Dialect>) -> Result<Arc<Dialect>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(message::no_async_runtime)?;
    let provider = HttpProvider::new(Clock::System);
    runtime.block_on(provider.resolve(dialect)).map_err(|error| failure(&error))
}

fn failure(error: &AskError) -> Failure {
    match error {
        AskError::Unreachable { .. } => message::provider_unreachable(error),
        AskError::Refused(_) | AskError::Impossible(_) => message::provider_unfit(error),
    }
}
