//! The reply to a token request, before a fault spoils it.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::refusal::Refusal;
use crate::server::Server;

/// What the grant came to, before any fault spoils it.
pub(crate) enum Reply {
    Granted(Map<String, Value>),
    Refused(Refusal),
    /// A fault came first.
    Unasked,
}

impl Reply {
    /// What the journal calls it.
    pub(crate) fn outcome(&self) -> String {
        match self {
            Self::Granted(_) => "granted".to_owned(),
            Self::Refused(refusal) => refusal.outcome(),
            Self::Unasked => "fault".to_owned(),
        }
    }
}

/// The status of success, 201 unless told otherwise.
pub(crate) fn success(server: &Server) -> StatusCode {
    StatusCode::from_u16(server.options.token_status).unwrap_or(StatusCode::CREATED)
}
