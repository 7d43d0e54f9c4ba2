//! Which listener a gate is before: what is served there, by which names, and what proves who asks.

use std::sync::Arc;

use crate::http::peer::{Peer, Scheme};
use crate::routes::Route;

/// The listener.
#[derive(Debug, Clone)]
pub(super) enum GateListener {
    /// One of the daemon's own (`[listen]`).
    Own,
    /// One that is open for the time of a login (see [`Route::is_on_callback_listeners`]).
    Callback,
    /// An additional one (`[[listen.extra]]`).
    Extra(Arc<ExtraGate>),
}

/// What the gate has to know of an additional listener.
#[derive(Debug, Clone)]
pub(crate) struct ExtraGate {
    /// The values of `Host` that mean it, with the port wherever that is part of them.
    pub(crate) hosts: Vec<String>,
    /// What proves who asks there.
    pub(crate) proof: ExtraProof,
}

/// What proves who asks on an additional listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExtraProof {
    /// A key, and nothing else.
    Key,
    /// That the caller reaches this unix socket, which belongs to the app of this name.
    SocketOf(String),
}

impl GateListener {
    /// Whether it serves `route` to `peer`.
    pub(super) fn serves(&self, route: &Route, peer: Peer) -> bool {
        let is_on = match self {
            Self::Own => true,
            Self::Callback => route.is_on_callback_listeners(),
            Self::Extra(_) => route.is_on_extra_listeners(),
        };
        is_on && (peer.scheme() != Scheme::BeforeTls || route.is_before_tls())
    }

    /// The additional listener, if it is one.
    pub(super) fn extra(&self) -> Option<&ExtraGate> {
        if let Self::Extra(extra) = self { Some(extra) } else { None }
    }
}
