//! A practice OAuth provider on loopback: it behaves as Phone.com's API v4 OAuth does, down to rotated refresh tokens
//! and rate limits, and fails on demand. For tests of programs that log in with OAuth, and for development without an
//! account or a network. Nothing in it is real, and it is not made by Phone.com.
//!
//! It follows what Phone.com documents; each thing left undocumented is an [option](Options).
//! `docs/sandbox.md` in the ringback repository is the manual: routes, users, faults, and the control
//! routes by which a test moves the sandbox's clock or reads its journal.
//!
//! # In a test
//! [`RunningSandbox`] starts a sandbox on a free port, in a thread of its own, and stops it on drop:
//!
//! ```
//! use std::io::{Read as _, Write as _};
//! use std::net::TcpStream;
//!
//! use ringback_sandbox::{Options, RunningSandbox};
//!
//! # fn main() -> std::io::Result<()> {
//! let sandbox = RunningSandbox::start(&Options::default())?;
//! // The settings of the program under test.
//! let facts = sandbox.facts();
//! assert!(facts.token_url.starts_with("http://127.0.0.1:"));
//!
//! // The program under test; here, a client credentials request by hand.
//! let body = format!(
//!     r#"{{"grant_type":"client_credentials","client_id":"{}","client_secret":"{}"}}"#,
//!     facts.client_id, facts.client_secret,
//! );
//! let mut stream = TcpStream::connect(sandbox.address())?;
//! write!(
//!     stream,
//!     "POST /v4/oauth/access-token HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
//!      Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
//!     sandbox.address(),
//!     body.len(),
//! )?;
//! let mut reply = String::new();
//! stream.read_to_string(&mut reply)?;
//! assert!(reply.starts_with("HTTP/1.1 201"));
//! assert!(reply.contains("access_token"));
//! # Ok(())
//! # }
//! ```
//!
//! A program that has a tokio runtime can use [`bind`] and [`Sandbox::run`] instead.
//!
//! # Features
//! - `clap`: makes [`Options`] arguments of a command line. Off by default.

// The sandbox shares no code with ringback's own OAuth client, so that a mistake in one is not repeated in
// the other:
// - `authorize`, `pending`, `codes`, `ledger`, `grants`, `limits`, `faults` decide, without input or output;
// - `consent`, `token`, `details`, `control` are the handlers; `routes` is their table;
// - `spoil` and `listen` reach down to the connection, which a fault may cut.

mod authorize;
mod background;
mod clock;
mod codes;
mod consent;
mod control;
mod details;
mod faults;
mod grants;
mod in_flight;
mod journal;
mod ledger;
mod limits;
mod listen;
mod mint;
mod options;
mod params;
mod pending;
mod people;
mod pkce;
mod redirect;
mod refusal;
mod reply;
mod routes;
mod sandbox;
mod server;
mod spoil;
mod token;
mod token_reply;

pub use background::RunningSandbox;
pub use faults::{Fault, FaultError, ScheduledFault, When};
pub use options::{ErrorShape, ExpiresIn, Lifetime, Options, Pkce, RateLimit, RateLimitError, Reuse, Rotate};
pub use redirect::RedirectRule;
pub use sandbox::{Facts, Sandbox, bind};
