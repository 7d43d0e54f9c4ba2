//! Arguments that several commands take: which daemon, which account.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::command_result::CommandResult;
use crate::cli::failure::Failure;
use crate::cli::report;
use crate::client::{Client, DEFAULT_TIMEOUT, DaemonOptions, TokenOptions};
use crate::contract::DEFAULT_ACCOUNT;
use crate::program_version::USER_AGENT;

/// Which daemon is asked.
#[derive(Args, Default, Clone)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(super) struct DaemonChoice {
    /// The daemon's unix socket [default: what endpoint.json in the runtime folder says]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

impl DaemonChoice {
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let client = Client::find(&DaemonOptions { socket: self.socket.clone() })?;
        Ok(client.with_user_agent(USER_AGENT))
    }

    /// Whether neither the command line nor the environment names a daemon.
    pub(super) fn is_usual(&self) -> bool {
        self.socket.is_none() && std::env::var_os("RINGBACK_URL").is_none_or(|url| url.is_empty())
    }
}

/// What a token has to be like, and how long the command waits for it.
#[derive(Args, Default)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(super) struct TokenChoice {
    /// Minimum remaining lifetime of the token [default: from the config]
    #[arg(long, value_name = "SECONDS")]
    min_ttl: Option<u64>,

    /// How long to wait for a refresh or for a login [default: from the config for a refresh, 0 for a login]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,

    /// Request only this one of the granted scopes; may be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
}

impl TokenChoice {
    /// What the daemon is asked for.
    pub(super) fn options(&self) -> TokenOptions {
        let scope = self.scopes().map(|scopes| scopes.join(" "));
        TokenOptions { min_ttl: self.min_ttl, wait: self.wait, scope, ..TokenOptions::default() }
    }

    /// The scopes that are requested, if not all are.
    pub(super) fn scopes(&self) -> Option<&[String]> {
        Some(self.scope.as_slice()).filter(|scopes| !scopes.is_empty())
    }

    /// How long the reply may take.
    pub(super) fn longest(&self) -> Duration {
        self.wait.map_or(DEFAULT_TIMEOUT, Duration::from_secs)
    }
}

/// Whether the result is printed as JSON.
#[derive(Args, Clone, Copy, Default)]
pub(super) struct JsonChoice {
    /// Print the result as JSON (docs/cli.md)
    #[arg(long)]
    json: bool,
}

impl JsonChoice {
    pub(super) fn is_chosen(self) -> bool {
        self.json
    }

    /// Prints `reply` as JSON, or else says what happened in words.
    pub(super) fn tell(self, reply: &impl serde::Serialize, words: impl FnOnce()) -> CommandResult {
        if self.json {
            report::answer(report::json(reply)?.as_bytes())?;
        } else {
            words();
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Which account is meant.
#[derive(Args)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(super) struct AccountChoice {
    /// The account's name in the config
    #[arg(value_name = "ACCOUNT", default_value = DEFAULT_ACCOUNT)]
    pub(super) name: String,
}
