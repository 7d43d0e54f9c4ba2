//! What every command gives back.

use std::process::ExitCode;

use crate::cli::failure::Failure;

/// What a command comes to: the exit code, or why it failed.
pub(super) type CommandResult = Result<ExitCode, Failure>;
