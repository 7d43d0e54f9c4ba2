//! Client of the [ringback](https://crates.io/crates/ringback) daemon, which logs in to OAuth providers and keeps the
//! tokens fresh: a program asks it for an access token before each use, and needs no OAuth code of its own.
//!
//! The client is blocking and small: plain sockets, no async runtime, no TLS. It finds the daemon of the same user on
//! this machine, checks that it is that user's, and asks over its unix socket, or over loopback TCP with a key.
//!
//! ```no_run
//! use ringback_client::contract::{DEFAULT_ACCOUNT, ErrorCode};
//! use ringback_client::{Client, DaemonOptions, TokenOptions};
//!
//! # fn main() -> Result<(), ringback_client::Error> {
//! let client = Client::find(&DaemonOptions::default())?;
//! match client.token(DEFAULT_ACCOUNT, &TokenOptions::default()) {
//!     // Visible ASCII, so it can be used in an `Authorization: Bearer` header unchanged.
//!     Ok(token) => println!("a token of {} characters", token.expose().len()),
//!     Err(error) if error.code() == ErrorCode::LoginRequired => println!("run `ringback login` first"),
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Programs with an HTTP client of their own find the daemon with [`read_endpoint`] and [`read_key`], and take the
//! shapes of its API from [`contract`].
//!
//! # Environment
//! With `RINGBACK_URL` and `RINGBACK_KEY_FILE` set, the daemon is asked there, as an app with that key. Otherwise it is
//! found by `endpoint.json` in the runtime folder.
//!
//! # Features
//! - `compare`: compares secrets in constant time, and makes fingerprints of them. Off by default.

mod body;
mod client;
pub mod contract;
mod discover;
mod error;
mod events;
mod exchange;
mod files;
#[doc(hidden)]
pub mod loopback;
#[doc(hidden)]
pub mod os;
pub mod paths;
pub mod secret;
mod stream;
mod targets;
mod temporary;
mod token;
mod transport;

pub use client::{Client, DEFAULT_TIMEOUT, TIMEOUT_MARGIN};
pub use discover::DaemonOptions;
pub use error::Error;
pub use events::{Events, Happened};
pub use files::{read_endpoint, read_key};
pub use targets::TokenOptions;
pub use temporary::TemporaryApp;
pub use token::Token;
