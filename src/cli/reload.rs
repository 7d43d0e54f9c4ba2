//! Makes a running daemon read the changed config file.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::arguments::DaemonChoice;
use crate::cli::report;
use crate::client::{Client, Error};
use crate::clock::Clock;
use crate::config::Config;
use crate::contract::AccountsReply;
use crate::os::holder;
use crate::os::paths::Paths;

/// How long the daemon may take to read the file.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it takes at least, where the accounts don't show whether it has.
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

/// Tells the daemon, if one runs, and says what came of it. Returns whether it runs with the new config.
pub(super) fn reload(reach: &DaemonChoice, config: &Config, expected: Expected<'_>) -> bool {
    let found = reach.client().map_err(|failure| failure.reply().error_description.clone());
    let before = found.and_then(|client| match client.accounts() {
        Ok(before) => Ok((client, before)),
        Err(Error::NoDaemon { .. }) => Err(String::new()),
        Err(error) => Err(error.to_string()),
    });
    let (client, before) = match before {
        Ok(before) => before,
        Err(why) if why.is_empty() => {
            report::say("No daemon is running: start it with `ringback serve`, or `ringback service install`.");
            return false;
        }
        Err(why) => {
            by_hand(&why);
            return false;
        }
    };
    let Some(pid) = pid(config) else {
        by_hand("the system does not tell which process it is");
        return false;
    };
    if let Err(error) = kill_process(pid, Signal::HUP) {
        by_hand(&error.to_string());
        return false;
    }
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

/// Waits until the daemon has the config or has refused it. A daemon of an earlier version shows as much.
fn wait(client: &Client, before: &AccountsReply, expected: Expected<'_>) -> bool {
    let begun = Clock::System.now();
    let after = |span| Clock::System.now().boot >= begun.boot.plus(span);
    let has = |reply: &AccountsReply, account: &str| reply.accounts.iter().any(|reply| reply.account == account);
    loop {
        sleep(GLANCE);
        let Ok(reply) = client.accounts() else {
            by_hand("it does not answer");
            return false;
        };
        let refused = reply.reload_refused.as_ref().filter(|refused| before.reload_refused.as_ref() != Some(refused));
        if let Some(refused) = refused {
            refused.mistakes.iter().for_each(|mistake| report::say(&mistake.message));
            report::say("The daemon refused the config and keeps the one that it has.");
            return false;
        }
        let is_there = match expected {
            Expected::Added(account) => has(&reply, account),
            Expected::Removed(account) => !has(&reply, account),
            Expected::Changed => after(SETTLED),
        };
        if is_there {
            report::say("The daemon has read the config.");
            return true;
        }
        if after(PATIENCE) {
            report::say(
                "The daemon was told, but does not show the change: it may use another config file (`--config`).",
            );
            return false;
        }
    }
}
