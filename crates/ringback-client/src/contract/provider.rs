//! A provider whose token endpoint has moved: `POST /v1/providers/{name}/accept`.

use serde::{Deserialize, Serialize};

/// Reply to `POST /v1/providers/{name}/accept`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AcceptReply {
    /// The provider's name in the config.
    pub provider: String,
    /// The token endpoint that is used from now on.
    pub token_url: String,
}
