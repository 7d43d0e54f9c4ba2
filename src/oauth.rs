//! OAuth without I/O: builds requests and parses replies, but sends nothing and reads no clock.

pub(crate) mod advice;
pub(crate) mod api_url;
pub(crate) mod assertion;
pub mod authorize;
pub(crate) mod callback;
pub(crate) mod challenge;
pub(crate) mod credentials;
pub mod describe;
pub mod device;
pub mod dialect;
pub(crate) mod discovery;
pub(crate) mod dpop;
pub(crate) mod echo;
pub mod exchange;
pub mod grant;
pub(crate) mod id_token;
pub(crate) mod identity;
pub(crate) mod pkce;
pub(crate) mod preset;
pub(crate) mod protected_resource;
pub(crate) mod registration;
pub mod reply;
pub(crate) mod scope;
