//! An account's current failure: what went wrong, how often in a row, and when it is retried (backoff).

use crate::clock::Moment;
use crate::contract::ErrorCode;

/// The current failure of an account.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    /// What failed.
    pub(super) kind: TroubleKind,
    /// One clause, sanitized.
    pub(super) why: String,
    /// When.
    pub(super) at: Moment,
    /// How many times in a row.
    pub(super) failures: u32,
    /// No attempt before this, unless somebody asks for one.
    pub(super) retry_at: Moment,
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TroubleKind {
    /// The provider did not answer, or not usefully.
    Unreachable,
    /// Nothing left this machine: probably no network.
    Offline,
    /// The provider refused, with this code: the config has to change.
    Refused(String),
    /// The provider refused for an unknown reason, with this code: it may pass.
    Unexplained(String),
    /// The store.
    Store,
}

impl TroubleKind {
    /// The error code that callers get.
    pub(crate) fn error_code(&self) -> ErrorCode {
        match self {
            Self::Unreachable | Self::Offline => ErrorCode::ProviderUnreachable,
            Self::Refused(_) | Self::Unexplained(_) => ErrorCode::ProviderRefused,
            Self::Store => ErrorCode::StoreUnavailable,
        }
    }
}
