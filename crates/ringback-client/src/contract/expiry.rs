//! Why a token has no expiry.

use serde::{Deserialize, Serialize};

/// Why a token has no expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExpiryWord {
    /// The provider did not say.
    Unknown,
    /// The provider says that it does not expire.
    Never,
}
