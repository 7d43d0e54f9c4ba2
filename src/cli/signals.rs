//! The signals that end a long-running command: Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};

use crate::client::{Failure, message};

/// A future that completes when the process receives one of the signals. They are caught from this call on, not only once
/// the future is polled.
///
/// Needs a tokio runtime.
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
