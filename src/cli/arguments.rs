//! Arguments that several commands take: which daemon, which account.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::command_result::CommandResult;
use crate::cli::failure::Failure;
use crate::cli::report;
use crate::client::{Client, DaemonOptions};
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
