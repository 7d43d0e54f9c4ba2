//! The daemon in a container without an init process: process 1 reaps orphans, and runs the daemon as its child.

use std::process::ExitCode;

use crate::cli::CommandResult;
use crate::client::message::no_child_of_process_1 as failed;
use crate::os::{hardening, init};

pub(super) use init::is_first;

/// Runs the same command line as a child, until that ends.
pub(super) fn run() -> CommandResult {
    // What programs of the daemon may not see of its environment, they may not see here either.
    hardening::close_memory();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
    let code = runtime.block_on(init::run(std::env::args_os().skip(1))).map_err(failed)?;
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
