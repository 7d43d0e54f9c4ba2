//! Process 1 of a container: reaps zombies and forwards signals. Every process there whose parent ended becomes a child
//! of process 1 and stays a zombie until process 1 waits for it (`pid_namespaces(7)`), including those that hooks and
//! password programs leave behind. So process 1 only waits and forwards signals, and does its work in a child: if the
//! daemon waited for any child, it would lose the exit statuses of its own programs.

use std::ffi::OsString;
use std::io;
use std::process::Command;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, wait};
use tokio::signal::unix::{SignalKind, signal};

/// Whether this is process 1, and no sockets were passed to it: those are for this very process (`sd_listen_fds(3)`).
pub(crate) fn is_first() -> bool {
    getpid() == Pid::INIT && std::env::var_os("LISTEN_PID").is_none()
}

/// Runs this program with these arguments as a child, forwards signals to it and reaps every orphaned process, until
/// the child ends. Returns its exit code as shells do: 128 plus the signal's number for one that was killed; `None` if
/// there is no such number. Needs a tokio runtime around it.
pub(crate) async fn run(arguments: impl Iterator<Item = OsString>) -> io::Result<Option<u8>> {
    // Registered before there is a child that could end.
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
            // It may have ended already, which is seen next.
            _ = kill_process(worker, signal);
        }
        // One signal may stand for several children.
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
