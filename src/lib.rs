//! ringback: a local OAuth helper daemon. One click, a token, always fresh.
//!
//! `docs/ARCHITECTURE.md` says which module does what. A module knows only the floors below its own: `tests/it/floors.rs`
//! holds the table, and `tests/it/circles.rs` that no two files of a module use each other.
//!
//! [`contract`] and [`client`] are the crate `ringback-client`, [`sandbox`] is `ringback-sandbox`.

pub mod account;
pub mod apps;
mod attention;
pub mod audit;
pub mod broker;
mod callback_certificate;
pub mod cli;
pub mod clock;
pub mod config;
mod config_file;
pub mod credentials;
#[cfg(test)]
mod docs_test;
pub mod error;
mod failpoint;
pub mod http;
mod json_members;
mod log;
pub mod oauth;
pub mod os;
mod printable;
mod program_version;
pub mod provider;
pub mod random;
mod rate_limit;
pub mod reverse_proxy;
pub mod routes;
pub mod secret;
pub mod store;
mod token_files;

pub use ringback_client as client;
pub use ringback_client::{contract, loopback};
pub use ringback_sandbox as sandbox;
