//! The device authorization grant (RFC 8628), without I/O.

use std::time::Duration;

use crate::secret::DeviceCode;

/// A device authorization response (RFC 8628 §3.2).
#[derive(Debug, Clone)]
pub struct DeviceAuthorization {
    /// What the device asks for its token with.
    pub device_code: DeviceCode,
    /// What the user types in, cleaned.
    pub user_code: String,
    /// Where. https, or http on loopback.
    pub verification_uri: String,
    /// The same with the code in it, if there is one. https, or http on loopback.
    pub verification_uri_complete: Option<String>,
    /// How long both codes live.
    pub expires_in: Duration,
    /// The least time between two requests.
    pub interval: Duration,
}
