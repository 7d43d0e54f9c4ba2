//! ringback: a local OAuth helper daemon. One click, a token, always fresh.
//!
//! # Floors
//! A module knows only the floors below it; `tests/it/floors.rs` holds the table and fails with the
//! reason when an edge is not allowed.
//!
//! | floor | modules | job |
//! | --- | --- | --- |
//! | 4 doors | [`http`], [`cli`], [`client`], [`log`], [`sandbox`], [`attention`] | translate between the outside and the broker |
//! | 3 broker | [`broker`] | one task per account; the only place that knows the order of commit |
//! | 2 adapters | [`provider`], [`store`], [`apps`], [`browser`], [`paths`], [`config_file`], [`credentials`], [`keyring`], [`hardening`], [`audit`], [`suspend`], [`notify`], [`ports`], [`rate_limit`] | one thin adapter for each piece of the outside world |
//! | 1 rules | [`oauth`], [`account`], [`config`], [`error`] | pure: no I/O, no clock, no tokio |
//! | 0 words | [`secret`], [`clock`], [`random`], [`contract`], [`failpoint`] | the words of the domain and the wire |
//!
//! [`contract`] and [`client`] are the crate `ringback-client`, [`sandbox`] is `ringback-sandbox`.

pub mod account;
pub mod apps;
pub mod attention;
pub mod audit;
pub mod broker;
pub mod browser;
pub mod cli;
pub mod clock;
pub mod config;
pub mod config_file;
pub mod credentials;
#[cfg(test)]
mod docs_test;
pub mod error;
pub mod failpoint;
pub mod hardening;
pub mod http;
pub mod keyring;
pub mod log;
pub mod notify;
pub mod oauth;
pub mod paths;
pub mod ports;
pub mod provider;
pub mod random;
pub mod rate_limit;
pub mod secret;
pub mod store;
pub mod suspend;

pub use ringback_client as client;
pub use ringback_client::contract;
pub use ringback_sandbox as sandbox;
