//! What the handlers need.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use super::extra_states::ExtraStates;
use super::proxy::ReverseProxy;
use super::request_counts::RequestCounts;
use super::session::Sessions;
use super::waiting::Waiting;
use crate::apps::Apps;
use crate::apps::consent::Consents;
use crate::audit::AuditLog;
use crate::broker::handle::Broker;
use crate::clock::Clock;
use crate::provider::ProviderLatency;

/// The state of the router. Cheap to clone.
#[derive(Clone)]
pub struct Http(Arc<HttpState>);

impl From<HttpState> for Http {
    fn from(state: HttpState) -> Self {
        Self(Arc::new(state))
    }
}

impl Deref for Http {
    type Target = HttpState;

    fn deref(&self) -> &HttpState {
        &self.0
    }
}

/// What is in it.
#[derive(Clone)]
pub struct HttpState {
    /// The broker.
    pub broker: Broker,
    /// The apps that have keys.
    pub apps: Apps,
    /// The audit log.
    pub audit: AuditLog,
    /// The user's answers about programs that want a token.
    pub consents: Consents,
    /// Sessions of the status page.
    pub sessions: Sessions,
    /// Where a browser reaches the daemon, such as `http://127.0.0.1:7464`; `None`: it can't.
    pub own_origin: Option<String>,
    /// The unix socket, if there is one.
    pub socket: Option<Arc<Path>>,
    /// What became of the additional listeners.
    pub extra_listeners: ExtraStates,
    /// Whether the system tells which local user is behind a TCP connection.
    pub tells_users: bool,
    /// The clock that pages and deadlines go by.
    pub clock: Clock,
    /// The limit on requests that wait, and on event streams.
    pub waiting: Waiting,
    /// How requests were answered.
    pub requests: RequestCounts,
    /// How long providers took to answer.
    pub latency: ProviderLatency,
    /// Forwards requests to the accounts' upstreams.
    pub proxy: ReverseProxy,
}
