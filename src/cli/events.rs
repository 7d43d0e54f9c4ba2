//! `ringback events`: prints what happens to the accounts, as it happens.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc;

use super::arguments::DaemonChoice;
use super::command_result::CommandResult;
use super::{report, signals};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::client::{Error, Events, Happened};
use crate::clock::{Clock, Wall};
use crate::contract::{AccountEvent, ErrorCode, EventKind, Lagged, LaggedEvent, VERSION};
use crate::os::output_reader;

/// Print what happens to the accounts, as it happens
///
/// One line for each event, until Ctrl-C: logins, new tokens, failures. If the daemon is started again, the command waits
/// for it, and says so. It goes on with what happened meanwhile, or with a line that says that something was missed; then
/// `ringback status` has the state of the accounts.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct EventsArgs {
    /// Show only these accounts; `default` for the default one [default: all]
    #[arg(value_name = "ACCOUNT")]
    accounts: Vec<String>,

    /// Print each event as a line of JSON (docs/api.md)
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback events
  ringback events work home
  ringback events --json | jq --unbuffered -r 'select(.event == \"login_needed\") | .account'";

/// The pause before the daemon is asked again.
const PAUSE: Duration = Duration::from_millis(500);
/// So often a daemon that is there may refuse: while it starts, and while `ringback exec` gets another key from it.
const MOST_REFUSALS: u32 = 20;

/// Prints events until the reader of standard output or the user ends it.
pub(super) fn run(args: &EventsArgs) -> CommandResult {
    let client = args.reach.client()?;
    // Their own names, and whether there are such accounts at all.
    let accounts = args.accounts.iter().map(|name| Ok(client.account(name)?.account));
    let accounts = accounts.collect::<Result<Vec<_>, Failure>>()?;
    let feed = Feed { events: client.events()?, accounts, json: args.json, reach: args.reach.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(message::no_async_runtime)?.block_on(async {
        let stopped = signals::stop()?;
        let (tell, mut told) = mpsc::channel(2);
        let tell_of_reader = tell.clone();
        // Not joined: they end with the process.
        thread::spawn(move || tell.blocking_send(feed.follow()));
        thread::spawn(move || {
            if output_reader::wait_until_gone().is_ok() {
                let _ = tell_of_reader.blocking_send(Ok(ExitCode::SUCCESS));
            }
        });
        tokio::select! {
            ended = told.recv() => ended.unwrap_or(Ok(ExitCode::SUCCESS)),
            () = stopped => Ok(ExitCode::SUCCESS),
        }
    })
}

/// What is printed.
struct Feed {
    events: Events,
    /// Empty: all.
    accounts: Vec<String>,
    json: bool,
    reach: DaemonChoice,
}

impl Feed {
    /// Returns once nobody reads standard output any more.
    fn follow(mut self) -> CommandResult {
        loop {
            match self.events.wait() {
                Ok(happened) => {
                    if let Some(line) = self.line(happened)?
                        && !report::follow(line.as_bytes())?
                    {
                        return Ok(ExitCode::SUCCESS);
                    }
                }
                Err(error) => self.resume(&error)?,
            }
        }
    }

    /// Waits for the daemon, and goes on where the stream has ended.
    fn resume(&mut self, why: &Error) -> Result<(), Failure> {
        report::say(&format!("ringback: the daemon's events have ended ({why}); waiting for it"));
        let mut refusals = 0;
        loop {
            thread::sleep(PAUSE);
            match self.reach.client().and_then(|client| Ok(client.resume_events(&mut self.events)?)) {
                Ok(()) => break,
                Err(failure) if failure.code() == ErrorCode::NoDaemon => {}
                Err(failure) => {
                    refusals += 1;
                    if refusals == MOST_REFUSALS {
                        return Err(failure);
                    }
                }
            }
        }
        report::say("ringback: the daemon is back");
        Ok(())
    }

    /// A line, unless it is of another account.
    fn line(&self, happened: Happened) -> Result<Option<String>, Failure> {
        let line = match happened {
            Happened::Event(event) if !(self.accounts.is_empty() || self.accounts.contains(&event.account)) => {
                return Ok(None);
            }
            Happened::Event(event) if self.json => report::json(&event)?,
            Happened::Event(event) => sentence(&event),
            Happened::Lagged { missed } if self.json => {
                let id = self.events.last_id().map(str::to_owned);
                report::json(&LaggedEvent { version: VERSION, id, event: Lagged::Lagged, missed })?
            }
            Happened::Lagged { missed } => lagged(missed, Clock::System.now().wall),
        };
        Ok(Some(line))
    }
}

fn sentence(event: &AccountEvent) -> String {
    let what = match event.event {
        EventKind::LoggedIn => "is logged in",
        EventKind::Refreshed => "has a new token",
        EventKind::LoginDue => "needs a login soon",
        EventKind::LoginNeeded => "needs a login",
        EventKind::Failing => "can't be refreshed",
        EventKind::Recovered => "has a token again",
        EventKind::LoggedOut => "is logged out",
    };
    let why = event.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    line(Wall::of_unix_seconds(event.at), &format!("{} {what}{why}", event.account))
}

fn lagged(missed: Option<u64>, now: Wall) -> String {
    let what = match missed {
        Some(1) => "an event was missed".to_owned(),
        Some(count) => format!("{count} events were missed"),
        None => "events may have been missed".to_owned(),
    };
    line(now, &format!("{what}; `ringback status` shows the state of the accounts"))
}

fn line(at: Wall, text: &str) -> String {
    format!("{}  {}\n", at.rfc3339_seconds(), report::plain(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_that_cannot_steer_the_terminal() {
        let event = |event, reason: Option<&str>| AccountEvent {
            version: VERSION,
            id: None,
            event,
            account: "work".into(),
            at: 1_795_478_400,
            reason: reason.map(str::to_owned),
        };
        let at = "2026-11-24T00:00:00Z";
        for (told, text) in [
            (sentence(&event(EventKind::Refreshed, None)), "work has a new token"),
            (sentence(&event(EventKind::LoginNeeded, Some("a\nb\x1b[31m"))), "work needs a login: a b[31m"),
            (
                lagged(Some(1), Wall(1_795_478_400_000)),
                "an event was missed; `ringback status` shows the state of the accounts",
            ),
            (
                lagged(Some(7), Wall(1_795_478_400_000)),
                "7 events were missed; `ringback status` shows the state of the accounts",
            ),
            (
                lagged(None, Wall(1_795_478_400_000)),
                "events may have been missed; `ringback status` shows the state of the accounts",
            ),
        ] {
            assert_eq!(told, format!("{at}  {text}\n"));
        }
    }
}
