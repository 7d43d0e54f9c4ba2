//! How many token requests are handled at the same time.

use std::sync::Arc;

use crate::server::Server;

/// Counts a request as in flight until its reply is ready, or its connection is cut.
pub(crate) struct InFlight(Arc<Server>);

impl InFlight {
    /// Counts until it is dropped.
    pub(crate) fn enter(server: &Arc<Server>) -> Self {
        server.state().journal.enter();
        Self(Arc::clone(server))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.state().journal.leave();
    }
}
