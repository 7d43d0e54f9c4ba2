//! What the handlers need.

use super::session::Sessions;
use super::waiting::Waiting;
use crate::apps::Apps;
use crate::apps::consent::Consents;
use crate::audit::AuditLog;
use crate::broker::handle::Broker;
use crate::clock::Clock;

/// The state of the router. Cheap to clone.
#[derive(Clone)]
pub struct Http {
    /// Whom they ask.
    pub broker: Broker,
    /// Who may ask with a key.
    pub apps: Apps,
    /// Where it is written down who asked.
    pub audit: AuditLog,
    /// Whether a program may have a token, where the user is asked.
    pub consents: Consents,
    /// Sessions of the status page.
    pub sessions: Sessions,
    /// Where a browser reaches the daemon, such as `http://127.0.0.1:7464`; `None`: it can't.
    pub own_origin: Option<String>,
    /// Whether the system tells which local user is behind a TCP connection.
    pub tells_users: bool,
    /// For the spans of time that pages tell.
    pub clock: Clock,
    /// How many may wait or listen to events at once.
    pub waiting: Waiting,
}
