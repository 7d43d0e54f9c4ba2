//! Process 1 of a container. Every process there whose parent ended becomes a child of process 1 and stays a zombie until
//! it is waited for (`pid_namespaces(7)`), and what hooks and password programs leave behind is nobody's business but that
//! process's. So process 1 only waits and passes signals on, and does its work in a child: to wait for any child would
//! take the ends of its own programs away from it.

use std::ffi::OsString;
use std::io;
use std::process::Command;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, wait};
use tokio::signal::unix::{SignalKind, signal};

/// Whether this is process 1, and no sockets were passed to it: those are for this very process (`sd_listen_fds(3)`).
pub(crate) fn is_first() -> bool {
    getpid() == Pid::INIT && std::env::var_os("LISTEN_PID").is_none()
}

/// Runs this program with these arguments as a child, passes signals on to it and waits for every process that is left to
/// this one, until the child ends. Gives its exit code as shells tell it: 128 and the signal's number for one that was
/// killed; `None` if there is no such number. Needs a tokio runtime around it.
pub(crate) async fn run(arguments: impl Iterator<Item = OsString>) -> io::Result<Option<u8>> {
    // Before there is a child that could end.
    let mut ended = signal(SignalKind::child())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let child = Command::new(std::env::current_exe()?).args(arguments).spawn()?;
    let worker = Pid::from_child(&child);
    loop {
        let passed_on = tokio::select! {
            _ = ended.recv() => None,
            _ = interrupt.recv() => Some(Signal::INT),
            _ = terminate.recv() => Some(Signal::TERM),
            _ = hangup.recv() => Some(Signal::HUP),
        };
        if let Some(signal) = passed_on {
            // It may have ended, which is seen next.
            _ = kill_process(worker, signal);
        }
        // One signal may stand for several ends.
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == worker {
                return Ok(exit_code(status));
            }
        }
    }
}

fn exit_code(status: WaitStatus) -> Option<u8> {
    let killed = || status.terminating_signal().map(|signal| 128 + signal);
    status.exit_status().or_else(killed).and_then(|code| u8::try_from(code).ok())
}
