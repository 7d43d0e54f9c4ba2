//! The log of a command that runs for long; the others have none.

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::error::Error;
use crate::log;

/// Starts it.
pub(super) fn start_log(options: &log::LogOptions) -> Result<(), Failure> {
    log::start(options).map_err(|error| match error {
        Error::Usage { what } => message::log_filter(what),
        other => other.into(),
    })
}
