//! Which listener a gate is before: what is served there, by which names, and what proves who asks.

use std::sync::Arc;

use crate::http::peer::{Peer, Scheme};
use crate::routes::{Access, Route};

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
    /// That it is a process of our own user, which clients of Google's metadata server can't say themselves.
    OwnUser {
        /// The only account there.
        account: String,
    },
    /// The key of this app, as clients of Azure's managed identities show it.
    IdentityHeader {
        /// The only account there.
        account: String,
        /// The app.
        app: String,
    },
}

impl ExtraGate {
    /// Whether it serves `route`.
    pub(crate) fn serves(&self, route: &Route) -> bool {
        match self.proof {
            ExtraProof::Key | ExtraProof::SocketOf(_) => route.is_on_extra_listeners(),
            ExtraProof::OwnUser { .. } => route.access == Access::Gce,
            ExtraProof::IdentityHeader { .. } => route.access == Access::ManagedIdentity,
        }
    }

    /// The only account that is served there, if there is one.
    pub(super) fn account(&self) -> Option<&str> {
        match &self.proof {
            ExtraProof::Key | ExtraProof::SocketOf(_) => None,
            ExtraProof::OwnUser { account } | ExtraProof::IdentityHeader { account, .. } => Some(account),
        }
    }
}

impl GateListener {
    /// Whether it serves `route` to `peer`.
    pub(super) fn serves(&self, route: &Route, peer: Peer) -> bool {
        let is_on = match self {
            Self::Own => !route.access.is_of_metadata(),
            Self::Callback => route.is_on_callback_listeners(),
            Self::Extra(extra) => extra.serves(route),
        };
        is_on && (peer.scheme() != Scheme::BeforeTls || route.is_before_tls())
    }

    /// The additional listener, if it is one.
    pub(super) fn extra(&self) -> Option<&ExtraGate> {
        if let Self::Extra(extra) = self { Some(extra) } else { None }
    }
}
