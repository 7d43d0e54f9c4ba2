//! Makes a running daemon read the changed config file.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::arguments::DaemonChoice;
use crate::cli::failure::Failure;
use crate::cli::report;
use crate::client::Client;
use crate::clock::Clock;
use crate::config::Config;
use crate::contract::{AccountsReply, ErrorCode};
use crate::os::holder;
use crate::os::paths::Paths;

/// How long the daemon may take to read the file.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a daemon takes that does not say how often it has read the config.
const SETTLED: Duration = Duration::from_secs(1);
/// The polling interval.
const GLANCE: Duration = Duration::from_millis(50);

/// What the daemon's accounts are to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected<'a> {
    /// There is one of this name more.
    Added(&'a str),
    /// Something has changed that does not show.
    Changed,
    /// The one of this name is gone.
    Removed(&'a str),
}

/// Why the daemon does not run with the new config.
pub(super) enum NotReloaded {
    /// There is no daemon, or none that answers.
    Unreached(Failure),
    /// It runs, and could not be told: why.
    Untold(String),
    /// It keeps the config that it has, because of mistakes, which are told already.
    Refused,
    /// It has not read the file in time, or does not show the change.
    Unseen,
}

/// Tells the daemon, if one runs, and says what came of it. Returns whether it runs with the new config.
pub(super) fn reload(reach: &DaemonChoice, config: &Config, expected: Expected<'_>) -> bool {
    let why = match ask(reach, config, expected) {
        Ok(()) => {
            report::say("The daemon has read the config.");
            return true;
        }
        Err(why) => why,
    };
    match why {
        NotReloaded::Unreached(failure) if failure.code() == ErrorCode::NoDaemon => {
            report::say("No daemon is running: start it with `ringback serve`, or `ringback service install`.");
        }
        NotReloaded::Unreached(failure) => by_hand(&failure.reply().error_description),
        NotReloaded::Untold(why) => by_hand(&why),
        NotReloaded::Refused => report::say("The daemon refused the config and keeps the one that it has."),
        NotReloaded::Unseen => report::say(
            "The daemon was told, but does not show the change: it may use another config file (`--config`).",
        ),
    }
    false
}

/// Tells the daemon, and waits until it has read the config.
pub(super) fn ask(reach: &DaemonChoice, config: &Config, expected: Expected<'_>) -> Result<(), NotReloaded> {
    let client = reach.client().map_err(NotReloaded::Unreached)?;
    let before = client.accounts().map_err(|error| NotReloaded::Unreached(error.into()))?;
    let pid = pid(config).ok_or_else(|| NotReloaded::Untold("the system does not tell which process it is".into()))?;
    kill_process(pid, Signal::HUP).map_err(|error| NotReloaded::Untold(error.to_string()))?;
    wait(&client, &before, expected)
}

/// The daemon that holds the state folder now, by the kernel's list of locks: the number in a file may be another
/// process's by now, which the signal would end.
fn pid(config: &Config) -> Option<Pid> {
    let paths = Paths::from_env(&|name| std::env::var_os(name), config.store.folder.as_deref()).ok()?;
    holder::daemon(&paths.state).and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw)
}

fn by_hand(why: &str) {
    report::say(&format!(
        "The daemon could not be told ({why}). Make it read the config: `systemctl --user reload ringback`, or send it \
         SIGHUP."
    ));
}

/// Waits until the daemon has the config or has refused it. A daemon until 0.1.0 does not count what it reads, so that only
/// what its accounts show tells.
fn wait(client: &Client, before: &AccountsReply, expected: Expected<'_>) -> Result<(), NotReloaded> {
    let begun = Clock::System.now();
    let after = |span| Clock::System.now().boot >= begun.boot.plus(span);
    let has = |reply: &AccountsReply, account: &str| reply.accounts.iter().any(|reply| reply.account == account);
    loop {
        sleep(GLANCE);
        let reply = client.accounts().map_err(|_| NotReloaded::Untold("it does not answer".into()))?;
        let is_read = before.config_reads.map(|reads| reply.config_reads > Some(reads));
        let refused = reply.reload_refused.as_ref();
        let refused =
            refused.filter(|refused| is_read == Some(true) || before.reload_refused.as_ref() != Some(refused));
        if let Some(refused) = refused {
            refused.mistakes.iter().for_each(|mistake| report::say(&mistake.message));
            return Err(NotReloaded::Refused);
        }
        let is_there = match expected {
            Expected::Added(account) => has(&reply, account),
            Expected::Removed(account) => !has(&reply, account),
            Expected::Changed => is_read.unwrap_or_else(|| after(SETTLED)),
        };
        if is_there && is_read != Some(false) {
            return Ok(());
        }
        if after(PATIENCE) {
            return Err(NotReloaded::Unseen);
        }
    }
}
