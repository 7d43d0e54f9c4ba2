//! The HTTP side of the authorization server: sends each request of `oauth::exchange` once, and has `oauth::reply`
//! parse the reply. The only module with an HTTP client.

pub mod breaker;
mod client;
mod connector;
mod credential;
mod dpop_nonces;
mod encoding;
mod failure;
mod http;
mod interface;
mod issuers;
mod latency;
mod limiter;
mod probe;
mod protected_resource;
pub(crate) mod proxy;
mod revocation;
mod tls;
mod unreached;
pub mod upstream;
mod wire;

pub use http::{HttpProvider, answer};
pub use interface::{AskError, Provider, ProviderFuture, RevocationOutcome};
pub use latency::ProviderLatency;
pub(crate) use tls::check_ca_file;

#[cfg(test)]
mod tests;
