//! The state as the daemon tells it, in words or as JSON.

use std::process::ExitCode;

use super::{details, overview};
use crate::cli::arguments::DaemonChoice;
use crate::cli::failure::Failure;
use crate::cli::report::{self, Palette};
use crate::contract::{AccountReply, AccountsReply, ErrorCode, HealthReply};

/// What the user wants to see.
pub(super) struct View<'a> {
    /// One account; `None`: all of them.
    pub(super) account: Option<&'a str>,
    pub(super) verbose: bool,
    pub(super) json: bool,
    pub(super) reach: &'a DaemonChoice,
}

/// What the daemon says about the accounts that the user asked for.
pub(super) enum State {
    All(AccountsReply),
    One(Box<AccountReply>),
}

impl View<'_> {
    /// Asks the daemon.
    pub(super) fn read(&self) -> Result<State, Failure> {
        let client = self.reach.client()?;
        Ok(match self.account {
            Some(name) => State::One(Box::new(client.account(name)?)),
            None => State::All(client.accounts()?),
        })
    }
}

impl State {
    pub(super) fn json(&self) -> Result<String, Failure> {
        match self {
            Self::All(reply) => report::json(reply),
            Self::One(account) => report::json(account),
        }
    }

    pub(super) fn text(&self, view: &View<'_>, palette: Palette, now: i64) -> String {
        match self {
            Self::One(account) => details::table(std::slice::from_ref(account), None, now, palette),
            Self::All(reply) => overview::overview(reply, view.verbose, now, palette),
        }
    }

    pub(super) fn exit(&self, now: i64) -> ExitCode {
        let (accounts, is_one_skipped) = match self {
            Self::One(account) => (std::slice::from_ref(&**account), false),
            Self::All(reply) => (reply.accounts.as_slice(), !reply.mistakes.is_empty()),
        };
        let codes = accounts.iter().map(|account| account.health_at(now).exit_code());
        let skipped = is_one_skipped.then_some(ErrorCode::UnknownAccount.row().exit);
        ExitCode::from(HealthReply::worst(codes.chain(skipped)))
    }
}
