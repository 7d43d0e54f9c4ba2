//! The access token that callers get, and whether it is still valid.

use serde_json::{Map, Value};

use crate::clock::Moment;
use crate::oauth::grant::Expiry;
use crate::secret::{AccessToken, DpopKey};

/// An access token as it is served.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    /// The token.
    pub(crate) access_token: AccessToken,
    /// When it expires, if that is known.
    pub(crate) deadline: Option<Moment>,
    /// What the provider said of its expiry.
    pub(crate) expiry: Expiry,
    /// Its scope, if the provider told.
    pub(crate) scope: Option<String>,
    /// The key that it is bound to (RFC 9449): useless without a proof of that key.
    pub(crate) dpop_key: Option<DpopKey>,
    /// Other members of the token reply.
    pub(crate) extra: Map<String, Value>,
}

impl Served {
    /// Whether both clocks say that it is valid.
    pub(super) fn is_valid(&self, now: Moment) -> bool {
        self.deadline.is_none_or(|deadline| !now.reached(deadline))
    }

    /// Whether the clocks disagree: by the wall clock it has expired, by boot time it has not. The wall clock may
    /// have been set, or a virtual machine may have been suspended.
    pub(crate) fn is_in_doubt(&self, now: Moment) -> bool {
        self.deadline.is_some_and(|deadline| now.reached(deadline) && now.boot < deadline.boot)
    }
}
