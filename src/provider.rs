//! The HTTP side of the authorization server: sends each request of `oauth::exchange` once, and has `oauth::reply`
//! parse the reply. The only module with an HTTP client.

pub mod breaker;
mod client;
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
mod unreached;
pub mod upstream;
mod wire;

pub(crate) use client::check_ca_file;
pub use http::{HttpProvider, answer};
pub use interface::{AskError, Provider, ProviderFuture, RevocationOutcome};
pub use latency::ProviderLatency;

#[cfg(test)]
mod tests;
