//! Autostart: `token` and `login` have systemd start a daemon that does not run, if the config says so.
//!
//! Only systemd: a daemon that the command itself started would inherit the caller's open files, environment, terminal
//! and limits, and two commands could start two.

use super::arguments::DaemonChoice;
use super::config_source::ConfigSource;
use super::service;
use super::{report, waiting};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::contract::ErrorCode;

/// What is said of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announce {
    /// That the daemon was started.
    Start,
    /// Nothing, since a program reads standard error as part of the result.
    Nothing,
}

/// Does `ask`. If no daemon answers and `serve.autostart` is on, has it started and asks again.
pub(super) fn or_start<T>(
    reach: &DaemonChoice,
    announce: Announce,
    ask: impl Fn() -> Result<T, Failure>,
) -> Result<T, Failure> {
    match ask() {
        Err(failure) if failure.code() == ErrorCode::NoDaemon && reach.is_usual() && is_on()? => {
            start()?;
            if announce == Announce::Start {
                report::say("Started the daemon with systemd.");
            }
            match ask() {
                Err(failure) if failure.code() == ErrorCode::NoDaemon => {
                    Err(message::autostart_failed("systemd started ringback.service, but it listens elsewhere"))
                }
                result => result,
            }
        }
        result => result,
    }
}

/// Without a config file it is off. One with a mistake would stop the daemon as well.
fn is_on() -> Result<bool, Failure> {
    let config = ConfigSource { config: None }.load_if_there()?;
    Ok(config.is_some_and(|config| config.serve.autostart))
}

fn start() -> Result<(), Failure> {
    let what = || "systemd to start the daemon".into();
    waiting::told(service::LONGEST_START, what, service::start_installed)
        .map_err(|failure| message::autostart_failed(&failure.reply().error_description))
}
