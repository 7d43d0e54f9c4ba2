//! An account's current failure: what went wrong, how often in a row, and when it is retried (backoff).

use crate::clock::Moment;
use crate::contract::ErrorCode;

/// What went wrong last and has not been mended.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// Who is to blame.
    pub kind: TroubleKind,
    /// One clause, cleaned.
    pub why: String,
    /// When.
    pub at: Moment,
    /// How many times in a row.
    pub failures: u32,
    /// No attempt before this, unless somebody asks for one.
    pub retry_at: Moment,
}

/// Who is to blame for a [`Trouble`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TroubleKind {
    /// The provider did not answer, or not usefully.
    Unreachable,
    /// Nothing even left this machine: no network, most likely.
    Offline,
    /// The provider said no, with this code: the config has to change.
    Refused(String),
    /// The provider said no for a reason that nobody here knows, with this code: it may pass.
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
