//! Talks to the authorization server: sends what `oauth::exchange` built, once, and lets `oauth::reply`
//! say what came back. The only place with an HTTP client.

pub mod breaker;
mod client;
mod encoding;
mod failure;
mod http;
mod interface;
mod issuers;
mod limiter;
mod probe;
pub(crate) mod proxy;
mod revocation;
mod unreached;
mod wire;

pub(crate) use client::check_ca_file;
pub use http::{HttpProvider, answer};
pub use interface::{AskError, Provider, ProviderFuture, RevocationOutcome};

#[cfg(test)]
mod tests;
