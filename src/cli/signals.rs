//! The signals that end a long-running command: Ctrl-C and SIGTERM.

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::os::signals::{self, EndSignal};

/// A future that completes when the process receives one of the signals. They are caught from this call on, not only once
/// the future is polled.
///
/// Needs a tokio runtime.
pub(super) fn stop() -> Result<impl Future<Output = ()>, Failure> {
    let told = signals::end([EndSignal::Interrupt, EndSignal::Terminate]).map_err(message::no_signals)?;
    Ok(async move { _ = told.await })
}
