//! Arguments that several commands take: which daemon, which account.

use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::Failure;
use crate::client::{Client, DaemonOptions};
use crate::contract::DEFAULT_ACCOUNT;

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
        Ok(Client::find(&DaemonOptions { socket: self.socket.clone() })?)
    }

    /// Whether neither the command line nor the environment names a daemon.
    pub(super) fn is_usual(&self) -> bool {
        self.socket.is_none() && std::env::var_os("RINGBACK_URL").is_none_or(|url| url.is_empty())
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
