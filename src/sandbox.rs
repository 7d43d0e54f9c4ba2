//! The sandbox: a practice server on loopback that behaves as Phone.com's API v4 OAuth does.
//!
//! App developers use it offline, and it is the other side in the daemon's own tests. It follows what
//! Phone.com documents; each thing left undocumented is an option. It shares no code with the daemon,
//! so that a mistake in one is not repeated in the other. `docs/sandbox.md` is its manual.
//!
//! - `authorize`, `codes`, `ledger`, `grants`, `limits`, `faults` decide, without input or output;
//! - `consent`, `token`, `details`, `control` are the handlers; `routes` is their table;
//! - `spoil` and `listen` reach down to the connection, which a fault may cut.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;

mod authorize;
mod clock;
mod codes;
mod consent;
mod control;
mod details;
mod faults;
mod grants;
mod journal;
mod ledger;
mod limits;
mod listen;
mod mint;
mod options;
mod params;
mod people;
mod pkce;
mod redirect;
mod refusal;
mod reply;
mod routes;
mod server;
mod spoil;
mod token;

pub use faults::{Fault, FaultError, ScheduledFault, When};
pub use options::{ErrorShape, ExpiresIn, Lifetime, Options, Pkce, RateLimit, RateLimitError, Reuse, Rotate};
pub use redirect::RedirectRule;

/// A practice server that holds its port and does not answer yet.
pub struct Sandbox {
    listener: TcpListener,
    server: Arc<server::Server>,
}

/// Takes the port on 127.0.0.1. It never listens on any other address.
pub async fn bind(options: &Options) -> io::Result<Sandbox> {
    let client_secret = client_secret(options)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    let address = listener.local_addr()?;
    let server = server::Server::new(options.clone(), client_secret, address);
    Ok(Sandbox { listener, server: Arc::new(server) })
}

impl Sandbox {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// What an app must be told to use it.
    pub fn describe(&self) -> Facts {
        let base_url = format!("http://{}", self.server.address);
        Facts {
            authorize_url: format!("{base_url}/v4/oauth/authorization"),
            token_url: format!("{base_url}/v4/oauth/access-token"),
            base_url,
            client_id: self.server.options.client_id.clone(),
            client_secret: self.server.client_secret.clone(),
            redirect_rule: self.server.redirect_rule.clone(),
        }
    }

    /// Answers until `shutdown` is ready. Connections that are open then are cut.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        listen::serve(self.listener, routes::routes(self.server), shutdown).await
    }
}

/// What an app must be told to use a sandbox.
#[derive(Clone, PartialEq, Eq)]
pub struct Facts {
    /// `http://127.0.0.1:PORT`
    pub base_url: String,
    /// Where the browser goes; the same page is at the root, as on accounts.phone.com.
    pub authorize_url: String,
    /// Where tokens come from.
    pub token_url: String,
    /// The one client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Which redirect URIs are taken.
    pub redirect_rule: RedirectRule,
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("base_url", &self.base_url)
            .field("client_id", &self.client_id)
            .field("client_secret", &"[redacted]")
            .field("redirect_rule", &self.redirect_rule)
            .finish_non_exhaustive()
    }
}

fn client_secret(options: &Options) -> io::Result<String> {
    let Some(file) = &options.client_secret_file else {
        return Ok(options::PRACTICE_SECRET.to_owned());
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
    match text.trim() {
        "" => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{}: the file is empty", file.display()))),
        secret => Ok(secret.to_owned()),
    }
}
