//! The daemon as the first process of a container. Every process there whose parent ended becomes a child of process 1
//! and stays a zombie until it is waited for (`pid_namespaces(7)`), and what hooks and password programs leave behind is
//! nobody's business but that process's. So process 1 only waits and passes signals on, and the daemon is a child of it:
//! to wait for any child would take the ends of its own programs away from the daemon.

use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, wait};
use tokio::signal::unix::{SignalKind, signal};

use super::CommandResult;
use crate::cli::message::no_child_of_process_1 as failed;
use crate::hardening;

/// Whether this is the first process, and no sockets were passed to it: those are for this very process (`sd_listen_fds(3)`).
pub(super) fn is_first() -> bool {
    getpid() == Pid::INIT && std::env::var_os("LISTEN_PID").is_none()
}

/// Runs the same command line as a child, until that ends.
pub(super) fn run() -> CommandResult {
    // What programs of the daemon may not see of its environment, they may not see here either.
    hardening::close_memory();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    runtime.map_err(failed)?.block_on(wait_for_all())
}

async fn wait_for_all() -> CommandResult {
    let catch = |kind| signal(kind).map_err(failed);
    // Before there is a child that could end.
    let mut ended = catch(SignalKind::child())?;
    let mut interrupt = catch(SignalKind::interrupt())?;
    let mut terminate = catch(SignalKind::terminate())?;
    let mut hangup = catch(SignalKind::hangup())?;
    let program = std::env::current_exe().map_err(failed)?;
    let child = Command::new(program).args(std::env::args_os().skip(1)).spawn().map_err(failed)?;
    let daemon = Pid::from_child(&child);
    loop {
        let passed_on = tokio::select! {
            _ = ended.recv() => None,
            _ = interrupt.recv() => Some(Signal::INT),
            _ = terminate.recv() => Some(Signal::TERM),
            _ = hangup.recv() => Some(Signal::HUP),
        };
        if let Some(signal) = passed_on {
            // It may have ended, which is seen next.
            _ = kill_process(daemon, signal);
        }
        // One signal may stand for several ends.
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == daemon {
                return Ok(exit_code(status));
            }
        }
    }
}

/// As shells tell it: 128 and the signal's number for one that was killed.
fn exit_code(status: WaitStatus) -> ExitCode {
    let killed = || status.terminating_signal().map(|signal| 128 + signal);
    let code = status.exit_status().or_else(killed).and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
