//! Process 1 of a container (init): reaps zombies and forwards signals. A process whose parent has ended becomes a child
//! of process 1 and stays a zombie until it is waited for (`pid_namespaces(7)`); hooks and password programs may leave
//! such processes behind. The daemon runs as a child of this process: waiting for any child in the daemon itself would
//! steal the exit status of the programs that it started.

use std::process::ExitCode;

use crate::cli::command_result::CommandResult;
use crate::cli::message::no_child_of_process_1 as failed;
use crate::os::{hardening, init};

pub(super) use init::is_first;

/// Runs the same command line as a child, until that ends.
pub(super) fn run() -> CommandResult {
    // Programs of the daemon must not see its environment here either.
    hardening::close_memory();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
    let code = runtime.block_on(init::run(std::env::args_os().skip(1))).map_err(failed)?;
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
