//! The signals that end a long-running command: Ctrl-C and SIGTERM.

use crate::client::{Failure, message};
use crate::os::signals::{self, EndSignal};

/// A future that is ready when the process is told to stop. From this call on, and not only once it is
/// polled, the signals no longer kill.
///
/// Needs a tokio runtime around it.
pub(super) fn stop() -> Result<impl Future<Output = ()>, Failure> {
    let told = signals::end([EndSignal::Interrupt, EndSignal::Terminate]).map_err(message::no_signals)?;
    Ok(async move { _ = told.await })
}
