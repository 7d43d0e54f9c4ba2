//! A reply, or why there is no complete one.

use std::time::Duration;

use url::Url;
use zeroize::Zeroizing;

use super::breaker::CircuitOpen;
use super::client::{CONNECT, Patience};
use super::interface::AskError;
use super::{proxy, unreached};
use crate::clock::Wall;
use crate::oauth::dialect::NetworkOptions;
use crate::oauth::dpop;
use crate::oauth::reply::ReceivedReply;

/// A reply.
pub(super) struct Whole {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) retry_after: Option<String>,
    /// The `DPoP-Nonce` header (RFC 9449 §8).
    pub(super) dpop_nonce: Option<String>,
    /// The first `WWW-Authenticate` header.
    pub(super) challenge: Option<String>,
    pub(super) body: Zeroizing<Vec<u8>>,
    pub(super) at: Wall,
}

impl Whole {
    /// Whether the request is refused for the nonce of its DPoP proof alone.
    pub(super) fn wants_nonce(&self) -> bool {
        dpop::server_wants_nonce(self.status, &self.body)
            || dpop::resource_wants_nonce(self.status, self.challenge.as_deref())
    }

    /// The parts that parsing looks at.
    pub(super) fn received(&self) -> ReceivedReply<'_> {
        ReceivedReply {
            status: self.status,
            content_type: self.content_type.as_deref(),
            retry_after: self.retry_after.as_deref(),
            body: &self.body,
            at: self.at,
        }
    }
}

/// Why there is no complete reply.
pub(super) enum TransportFailure {
    /// Nothing was sent.
    NotSent(String),
    /// Nothing was sent: the host's circuit breaker is open.
    CircuitOpen(CircuitOpen),
    /// Nothing was decided: the beginning of a reply says so, or the request was held back here.
    Busy { why: String, retry_after: Option<Duration> },
    /// The request may have arrived.
    Lost(String),
    /// A success whose end is missing.
    Cut { why: String, so_far: Box<Whole> },
}

impl TransportFailure {
    /// Only a request that fails before the connection is established is known not to have been sent. reqwest's own
    /// text contains the URL, which is dropped.
    pub(super) fn of(error: reqwest::Error, patience: Patience, reach: &NetworkOptions, url: &Url) -> Self {
        let error = error.without_url();
        let why = unreached::words(&error, reach);
        if error.is_connect() || error.is_builder() {
            let proxy = proxy::proxy_advice(reach, url, &|name| std::env::var_os(name));
            let late = || format!("no answer within {} s", CONNECT.as_secs());
            let why = if error.is_timeout() { late() } else { why };
            Self::NotSent(format!("no connection ({why}){proxy}"))
        } else if error.is_timeout() {
            Self::Lost(format!("no reply within {} s", patience.whole.as_secs()))
        } else {
            Self::Lost(format!("the connection broke before the reply ({why})"))
        }
    }

    /// A reply whose body is missing: its status still tells whether anything may have been granted.
    pub(super) fn cut_short(status: u16, why: String) -> Self {
        if (200..300).contains(&status) || status == 502 || status == 504 {
            Self::Lost(why)
        } else {
            Self::Busy { why, retry_after: None }
        }
    }

    /// One clause.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::NotSent(why)
            | Self::CircuitOpen(CircuitOpen { why, .. })
            | Self::Busy { why, .. }
            | Self::Lost(why)
            | Self::Cut { why, .. } => why,
        }
    }
}

impl From<CircuitOpen> for TransportFailure {
    fn from(open: CircuitOpen) -> Self {
        Self::CircuitOpen(open)
    }
}

impl From<TransportFailure> for AskError {
    fn from(failure: TransportFailure) -> Self {
        let retry_after = match &failure {
            TransportFailure::Busy { retry_after, .. } => *retry_after,
            TransportFailure::NotSent(_)
            | TransportFailure::CircuitOpen(_)
            | TransportFailure::Lost(_)
            | TransportFailure::Cut { .. } => None,
        };
        Self::Unreachable { why: failure.words().to_owned(), retry_after }
    }
}
