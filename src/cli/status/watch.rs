//! `ringback status --watch`: shows the state again whenever an event says that it has changed.

use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::state::{State, View};
use crate::cli::arguments::DaemonChoice;
use crate::cli::command_result::CommandResult;
use crate::cli::failure::Failure;
use crate::cli::report::{self, Palette};
use crate::clock::{Boot, Clock};
use crate::os::terminal;

/// How often the screen shows the passing time.
const TICK: Duration = Duration::from_secs(1);
/// How often the daemon is asked without an event: a lock, a retry and most changes of the config have none, an older
/// daemon has no events at all, and one that is not running is looked for.
const GLANCE: Duration = Duration::from_secs(3);
/// The pause before the events are asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// Shows `state`, then each change of it, until the reader of standard output or the user ends it.
pub(super) fn run(wanted: &View<'_>, state: State) -> CommandResult {
    let (changed, woken) = sync_channel(1);
    let reach = wanted.reach.clone();
    // Never joined: it ends with the process.
    thread::spawn(move || listen(&reach, &changed));
    let mut output = Output { wanted, shown: None, screen: screen(wanted.json) };
    let mut latest = Ok(state);
    let mut read_at = Clock::System.now().boot;
    loop {
        if !output.show(&latest, read_at)? {
            return Ok(ExitCode::SUCCESS);
        }
        if is_due(&woken, read_at) {
            let read = wanted.read();
            // Since when the daemon has been gone, not when it was looked for last.
            if !(read.is_err() && latest.is_err()) {
                read_at = Clock::System.now().boot;
            }
            latest = read;
        }
    }
}

/// Waits for a change or the next tick; whether the daemon is to be asked.
fn is_due(woken: &Receiver<()>, read_at: Boot) -> bool {
    match woken.recv_timeout(TICK) {
        Ok(()) => true,
        Err(RecvTimeoutError::Timeout) => read_at.until(Clock::System.now().boot) >= GLANCE,
        Err(RecvTimeoutError::Disconnected) => {
            thread::sleep(TICK);
            true
        }
    }
}

/// Reports each event, and the end of the events, since a daemon that has gone sends nothing else.
fn listen(reach: &DaemonChoice, changed: &SyncSender<()>) {
    loop {
        if let Ok(mut events) = reach.client().and_then(|client| Ok(client.events()?)) {
            // The state may have changed before the first event.
            let _ = changed.try_send(());
            while events.wait().is_ok() {
                let _ = changed.try_send(());
            }
            let _ = changed.try_send(());
        }
        thread::sleep(PAUSE);
    }
}

/// Whether the state can be drawn on a screen.
fn screen(json: bool) -> bool {
    !json && terminal::can_draw(&std::io::stdout())
}

struct Output<'a> {
    wanted: &'a View<'a>,
    /// What was printed last.
    shown: Option<String>,
    /// Whether each state replaces the one before on the screen.
    screen: bool,
}

impl Output<'_> {
    /// Shows it, if it differs from what is shown; `false` if nobody reads it any more.
    fn show(&mut self, latest: &Result<State, Failure>, read_at: Boot) -> Result<bool, Failure> {
        if self.screen {
            let text = match latest {
                Ok(state) => state.text(self.wanted, Palette::of_stdout(), Clock::System.unix_seconds()),
                Err(failure) => gone(failure, Some(read_at.until(Clock::System.now().boot))),
            };
            let frame = frame(&text);
            if self.shown.as_ref() == Some(&frame) {
                return Ok(true);
            }
            let is_first = self.shown.is_none();
            let printed = report::follow(format!("{}{frame}", if is_first { "\x1b[2J" } else { "" }).as_bytes());
            self.shown = Some(frame);
            return printed;
        }
        // Without the passing time: a line for each second would hide the changes.
        let key = match latest {
            Ok(state) => state.json()?,
            Err(failure) => failure.reply().error_description.clone(),
        };
        if self.shown.as_ref() == Some(&key) {
            return Ok(true);
        }
        let is_first = self.shown.replace(key).is_none();
        let text = match latest {
            Ok(state) if self.wanted.json => state.json()?,
            Ok(state) => state.text(self.wanted, Palette::of_stdout(), Clock::System.unix_seconds()),
            Err(failure) if self.wanted.json => report::json(failure.reply())?,
            Err(failure) => gone(failure, None),
        };
        let gap = if is_first || self.wanted.json { "" } else { "\n" };
        report::follow(format!("{gap}{text}").as_bytes())
    }
}

/// In place of states that may no longer be true. `span`: for how long; `None` where it would not be kept up to date.
fn gone(failure: &Failure, span: Option<Duration>) -> String {
    let reply = failure.reply();
    let (what, hint) = (report::plain(&reply.error_description), report::plain(&reply.hint));
    let unknown = span.map_or_else(
        || "The state is unknown".to_owned(),
        |span| format!("The state has been unknown for {}", report::span(span)),
    );
    format!("{unknown}: {what}.\n{hint}\nWaiting for the daemon.\n")
}

/// The text over all of the screen, cut to its size.
fn frame(text: &str) -> String {
    let (columns, rows) = terminal::size(&std::io::stdout()).unwrap_or((80, 24));
    let mut frame = String::from("\x1b[H");
    let lines: Vec<&str> = text.lines().collect();
    // The last row stays free for the cursor.
    let room = rows.saturating_sub(1).max(1);
    // The summary is at the end, the worst accounts at the beginning.
    let left_out = lines.len().saturating_sub(room);
    let head = if left_out > 0 { room.saturating_sub(3) } else { lines.len() };
    let tail = lines.len() - if left_out > 0 { 2.min(lines.len()) } else { 0 };
    let dots = (left_out > 0).then_some("...");
    let shown = lines.iter().take(head).copied().chain(dots).chain(lines.iter().skip(tail.max(head)).copied());
    for line in shown {
        frame.push_str(&report::cut(line, columns));
        frame.push_str("\x1b[K\n");
    }
    frame.push_str("\x1b[J");
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::message;

    #[test]
    fn only_a_screen_says_for_how_long_the_state_has_been_unknown() {
        let failure = message::homeless("x");
        for (span, says) in
            [(Some(Duration::from_secs(5)), "The state has been unknown for 5 s: "), (None, "The state is unknown: ")]
        {
            assert!(gone(&failure, span).starts_with(says), "{says}");
        }
    }
}
