//! Where the daemon is: `endpoint.json` and `GET /healthz`.

use serde::{Deserialize, Serialize};

/// `GET /healthz`: liveness and nothing more, since anybody on the machine can ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// Always `ok`.
    pub status: String,
}

/// `endpoint.json` in the runtime folder: how a local program finds the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The version of the API: [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// Base URL of the TCP listener, without a trailing slash; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// The file with the key for the TCP listener.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_file: Option<String>,
    /// How to get a key file, if there is a TCP listener but no key file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_hint: Option<String>,
    /// The unix socket; absent if it is switched off.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub socket: Option<String>,
    /// The daemon's process id.
    pub pid: u32,
}
