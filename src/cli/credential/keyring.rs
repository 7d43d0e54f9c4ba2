//! The command line of Python's `keyring`, as far as pip and uv use it as a subprocess: `keyring get SERVICE USER` prints
//! the password, with `--mode creds` the user name in a line before it, with `--output json` both as an object. Without a
//! credential, the exit status is 1 and nothing is printed.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::found;
use crate::cli::arguments::DaemonChoice;
use crate::cli::command_result::CommandResult;
use crate::cli::token::format::line;
use crate::cli::{message, report};

/// What is printed, and how.
#[derive(Args, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Form {
    /// Print the password, or the user name before it
    #[arg(long, value_enum, default_value_t = Mode::Password)]
    pub(super) mode: Mode,

    /// Print lines or JSON
    #[arg(long, value_enum, default_value_t = Output::Plain)]
    pub(super) output: Output,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Mode {
    /// The password
    #[default]
    Password,
    /// The user name and the password
    Creds,
}

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Output {
    /// Each in a line
    #[default]
    Plain,
    /// As members of an object
    Json,
}

#[derive(Serialize)]
struct Members<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    password: &'a str,
}

pub(super) fn run(
    operation: &str,
    service: &str,
    username: Option<&str>,
    form: Form,
    reach: &DaemonChoice,
) -> CommandResult {
    if operation != "get" {
        return Err(message::keyring_reads_only(operation));
    }
    let Some(credential) = found::ask(reach, |client| found::credential(client, service))? else {
        return Ok(ExitCode::FAILURE);
    };
    let password = credential.token.access_token.expose();
    let username = (form.mode == Mode::Creds).then(|| username.unwrap_or(&credential.username));
    let text = match (form.output, username) {
        (Output::Json, username) => report::secret_json(&Members { username, password })?,
        (Output::Plain, None) => line(&[password.as_bytes()]),
        (Output::Plain, Some(username)) => line(&[username.as_bytes(), b"\n", password.as_bytes()]),
    };
    report::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}
