//! The graceful shutdown: its stages, and waiting for them.

use tokio::sync::watch;

/// How far the shutdown is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ShutdownStage {
    Serving,
    /// Accept nothing, end what is in flight.
    Draining,
    /// Drop everything.
    Cut,
}

/// Ready once the shutdown is at `at` or beyond, or the server is gone.
pub(super) async fn reached(stage: &mut watch::Receiver<ShutdownStage>, at: ShutdownStage) {
    let _ = stage.wait_for(|stage| *stage >= at).await;
}

/// The future's output, or `None` once the shutdown has begun.
pub(super) async fn until_draining<T>(
    stage: &mut watch::Receiver<ShutdownStage>,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        () = reached(stage, ShutdownStage::Draining) => None,
        done = work => Some(done),
    }
}
