//! The other end of `ringback login --via`: begins a login like the command does, and prints each step as a line of JSON,
//! first what was started, then every new state of the login, or an error at any point. Nothing is said in words, since
//! standard error is where `ssh` speaks to the user.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use super::pending::{begin, follow, is_over};
use crate::cli::arguments::DaemonChoice;
use crate::cli::command_result::CommandResult;
use crate::cli::failure::Failure;
use crate::cli::report;
use crate::contract::{LoginReply, LoginRequest};

/// Runs the login to its end.
pub(super) fn run(
    reach: &DaemonChoice,
    account: &str,
    request: &LoginRequest,
    timeout: Option<Duration>,
) -> CommandResult {
    end_with_the_input();
    if let Err(failure) = play(reach, account, request, timeout) {
        step(failure.reply())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn play(reach: &DaemonChoice, account: &str, request: &LoginRequest, timeout: Option<Duration>) -> Result<(), Failure> {
    let (client, started) = begin(reach, account, request)?;
    step(&started)?;
    let mut last: Option<LoginReply> = None;
    let ended = follow(&client, &started, timeout, |reply| {
        if last.as_ref() != Some(&reply) {
            step(&reply)?;
            last = Some(reply.clone());
        }
        Ok(is_over(&reply).then_some(reply))
    });
    ended.map(drop)
}

fn step(what: &impl Serialize) -> Result<(), Failure> {
    report::answer(report::json(what)?.as_bytes())
}

/// Ends the process once nobody is at the other end of standard input: `sshd` does not tell by a signal. The login stays
/// open, as after Ctrl-C.
fn end_with_the_input() {
    std::thread::spawn(|| {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        std::process::exit(0);
    });
}
