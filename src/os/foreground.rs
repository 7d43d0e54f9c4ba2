//! Runs a program in this process's stead while this process stays: in the same process group, so that job control and
//! the terminal treat both as one. Signals to this process alone are forwarded, and the exit status is passed on.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use tokio::signal::unix::SignalKind;

use super::signals::Caught;

/// What ends or steers a program. Not SIGTSTP, which has to stop both, and not SIGWINCH and SIGCONT, which a terminal and
/// a shell send to the whole group.
const FORWARDED: [Signal; 6] = [Signal::INT, Signal::QUIT, Signal::TERM, Signal::HUP, Signal::USR1, Signal::USR2];

/// Why a program has not run to its end.
#[derive(Debug)]
pub(crate) enum ForegroundError {
    /// Signals can't be caught.
    Signals(io::Error),
    /// It could not be started.
    NotStarted(io::Error),
    /// Its end could not be waited for.
    Unwatched(io::Error),
}

/// Runs `command` to its end, and forwards signals to it meanwhile. Needs a tokio runtime around it.
pub(crate) async fn run(command: Command) -> Result<ExitStatus, ForegroundError> {
    // Before there is a child that a signal could be for.
    let mut signals = Forwarded::now().map_err(ForegroundError::Signals)?;
    let mut child = tokio::process::Command::from(command).spawn().map_err(ForegroundError::NotStarted)?;
    loop {
        tokio::select! {
            ended = child.wait() => return ended.map_err(ForegroundError::Unwatched),
            signal = signals.caught.next() => {
                // The pid is its own until it has been waited for.
                let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
                if let Some(pid) = pid.filter(|_| !signals.went_to_the_group(signal)) {
                    // Fails only if it has ended, which is seen next.
                    _ = kill_process(pid, signal);
                }
            }
        }
    }
}

/// The exit code by which a shell passes a status on: 128 and the signal's number for a program that was killed.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    let killed = || status.signal().map(|signal| 128 + signal);
    status.code().or_else(killed).and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

struct Forwarded {
    caught: Caught<Signal>,
    /// Whether there was a terminal that could hang up.
    on_terminal: bool,
}

impl Forwarded {
    fn now() -> io::Result<Self> {
        let ignored = ignored();
        // What is ignored (`nohup`) stays so, also for the child: one that is caught would be reset for it.
        let ours = FORWARDED.into_iter().filter(|signal| (ignored >> (signal.as_raw() - 1)) & 1 == 0);
        let caught = Caught::new(ours.map(|signal| (signal, SignalKind::from_raw(signal.as_raw()))))?;
        Ok(Self { caught, on_terminal: terminal().is_some() })
    }

    /// Whether the child got it, too: from the terminal, which sends its signals to the whole group in the foreground.
    fn went_to_the_group(&self, signal: Signal) -> bool {
        if signal == Signal::INT || signal == Signal::QUIT {
            return terminal()
                .is_some_and(|tty| rustix::termios::tcgetpgrp(&tty).is_ok_and(|group| group == getpgrp()));
        }
        signal == Signal::HUP && self.on_terminal && terminal().is_none()
    }
}

/// The terminal that controls this process; `None` if there is none, or no longer.
fn terminal() -> Option<File> {
    File::open("/dev/tty").ok()
}

/// The signals that this process ignores, as a mask (`proc_pid_status(5)`).
#[cfg(target_os = "linux")]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// Other systems don't tell.
#[cfg(not(target_os = "linux"))]
fn ignored() -> u64 {
    0
}
