//! A sandbox on its port: binds, tells an app's settings, answers requests.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::options::{Options, PRACTICE_SECRET};
use crate::redirect::RedirectRule;
use crate::server::Server;
use crate::{listen, routes};

/// A sandbox that holds its port and answers once [`Sandbox::run`] is polled.
pub struct Sandbox {
    listener: TcpListener,
    server: Arc<Server>,
}

/// Takes the port on 127.0.0.1. It never listens on any other address.
///
/// Needs a tokio runtime; [`RunningSandbox`](crate::RunningSandbox) brings its own.
///
/// # Errors
/// The port is taken, or [`Options::client_secret_file`] can't be read or is empty.
pub async fn bind(options: &Options) -> io::Result<Sandbox> {
    let client_secret = client_secret(options)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    let address = listener.local_addr()?;
    let server = Server::new(options.clone(), client_secret, address);
    Ok(Sandbox { listener, server: Arc::new(server) })
}

impl Sandbox {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The settings that an app needs to use it.
    pub fn facts(&self) -> Facts {
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

    /// Answers requests until `shutdown` is ready, then cuts the open connections.
    ///
    /// # Errors
    /// None yet: a failed accept is logged and retried.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        listen::serve(self.listener, routes::routes(self.server), shutdown).await
    }
}

/// The settings that an app needs to use a sandbox.
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
    /// Which redirect URIs are accepted.
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
        return Ok(PRACTICE_SECRET.to_owned());
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
    match text.trim() {
        "" => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{}: the file is empty", file.display()))),
        secret => Ok(secret.to_owned()),
    }
}
