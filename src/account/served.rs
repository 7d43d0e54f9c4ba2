//! The access token that callers get, and whether it is still valid.

use serde_json::{Map, Value};

use crate::clock::Moment;
use crate::oauth::grant::Expiry;
use crate::secret::AccessToken;

/// The token as it is served.
#[derive(Debug, Clone)]
pub struct Served {
    /// The token.
    pub access_token: AccessToken,
    /// When it expires, if that is known.
    pub deadline: Option<Moment>,
    /// What the provider said of its expiry.
    pub expiry: Expiry,
    /// What it may, if the provider told.
    pub scope: Option<String>,
    /// What else it said.
    pub extra: Map<String, Value>,
}

impl Served {
    /// Whether it is valid beyond doubt: on both clocks.
    pub fn is_valid(&self, now: Moment) -> bool {
        self.deadline.is_none_or(|deadline| !now.reached(deadline))
    }

    /// Whether the clocks disagree about it: the wall clock says that it has ended, and the time that has passed since
    /// it was obtained says that it has not. The wall clock may have been set, and the machine may have been a virtual
    /// one that stood still.
    pub fn is_in_doubt(&self, now: Moment) -> bool {
        self.deadline.is_some_and(|deadline| now.reached(deadline) && now.boot < deadline.boot)
    }
}
