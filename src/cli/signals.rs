//! The signals that end a long-running command: Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::failure::Failure;
use crate::cli::message;

/// A future that is ready when the process is told to stop. From this call on, and not only once it is
/// polled, the signals no longer kill.
///
/// Needs a tokio runtime around it.
pub(super) fn stop() -> Result<impl Future<Output = ()>, Failure> {
    let catch = |kind| signal(kind).map_err(message::no_signals);
    let (mut interrupt, mut terminate) = (catch(SignalKind::interrupt())?, catch(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
