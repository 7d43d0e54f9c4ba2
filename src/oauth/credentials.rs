//! Client credentials: the client id, and the secret or key that authenticates the client (RFC 6749 §2.3).

use crate::secret::{ClientSecret, DpopKey, PrivateKey};

/// The client's identity at the provider.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The client id.
    pub client_id: String,
    /// Its secret; a public client has none.
    pub client_secret: Option<ClientSecret>,
    /// Its private key, for assertions (RFC 7523 §2.2).
    pub client_key: Option<ClientKey>,
    /// The key that the tokens are bound to, or will be (RFC 9449). It is that of a login, not of the client.
    pub dpop_key: Option<DpopKey>,
    /// Where the config has them, in words, for error messages.
    pub origin: String,
}

/// A private key to sign with.
#[derive(Debug, Clone)]
pub struct ClientKey {
    /// PKCS#8, SEC1 or PKCS#1, in PEM.
    pub(crate) pem: PrivateKey,
    /// Its id at the provider (`kid`).
    pub(crate) id: Option<String>,
}
