//! An HTTP request as a value, its form parameters, and why it can't be built.

use url::Url;
use zeroize::Zeroizing;

use crate::oauth::assertion::KeyError;
use crate::oauth::dialect::NoEndpoint;
use crate::oauth::dpop::ProofError;

/// An HTTP request, ready to be sent. `Debug` is left out on purpose: it holds secrets.
pub(crate) struct HttpRequest {
    /// `GET`, `POST` or `DELETE`.
    pub(crate) method: &'static str,
    /// The URL. Contains no secret.
    pub(crate) url: Url,
    /// Appended to the query of `url`. Contains secrets
    /// ([`BodyEncoding::Query`](crate::oauth::dialect::BodyEncoding::Query)).
    pub(crate) query: Option<Zeroizing<String>>,
    /// The `Authorization` header.
    pub(crate) authorization: Option<Zeroizing<String>>,
    /// The `DPoP` header: proves the key that the tokens are bound to (RFC 9449 §4.1).
    pub(crate) dpop: Option<Zeroizing<String>>,
    /// The `Content-Type` header.
    pub(crate) content_type: Option<&'static str>,
    /// The body.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// Why a request can't be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unbuildable {
    /// The provider has no endpoint for it.
    #[error(transparent)]
    NoEndpoint(#[from] NoEndpoint),
    /// The client can't sign (RFC 7523).
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key of the tokens proves nothing (RFC 9449).
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Names and values in the order in which they are sent.
pub(super) type FormParameters<'a> = Vec<(&'a str, &'a str)>;
