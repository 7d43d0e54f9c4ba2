//! Logins: the journey from a request to stored tokens, and the kinds of login side by side.

mod browser;
pub mod callback;
mod cancel;
mod client;
mod confirm;
mod device;
pub(super) mod fresh_grant;
pub(super) mod in_flight;
mod journey;
mod password;
pub(super) mod pending;
pub(crate) mod question;
pub(super) mod result;
pub(super) mod revoker;
