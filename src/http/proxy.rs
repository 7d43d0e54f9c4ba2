//! The injecting reverse proxy: forwards a program's request to the account's upstream, with the account's token in place
//! of the program's key. What may pass is decided in [`crate::reverse_proxy`].

pub(super) mod counts;
pub(super) mod described;
pub(super) mod forward;
mod refused;
mod relay;
mod replay;
mod ruled;

use crate::provider::upstream::Upstreams;
use counts::ProxyCounts;
use replay::ReplayBudget;

/// The state of the proxy. Cheap to clone.
#[derive(Clone, Default)]
pub struct ReverseProxy {
    upstreams: Upstreams,
    budget: ReplayBudget,
    pub(super) counts: ProxyCounts,
}

impl ReverseProxy {
    /// Sends by these clients.
    pub fn new(upstreams: Upstreams) -> Self {
        Self { upstreams, ..Self::default() }
    }
}
