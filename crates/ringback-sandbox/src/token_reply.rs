//! The reply to a token request, before a fault is applied.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::refusal::Refusal;
use crate::server::Server;

/// The result of the grant, before a fault is applied.
pub(crate) enum Reply {
    Granted(Map<String, Value>),
    Refused(Refusal),
    /// A fault prevented the grant.
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
