//! Lets the browser's answer in where a redirect URI has an address of its own: a listener that is open
//! for the time of the login only (RFC 8252 §8.3), on both loopback families where the URI says
//! `localhost` (§7.3), since the browser picks either and a stranger could hold the other.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use axum::Router;
use tokio::sync::Mutex;
use url::{Host, Url};

use super::listen::{BindError, ServedListener, Server, bind_tcp};
use crate::broker::{CallbackListener, ListenerGuard};
use crate::provider::ProviderFuture;

/// After a login, so that the browser can load the outcome page and its style.
const LINGER: Duration = Duration::from_secs(60);

/// All doors for answers: the daemon's own listeners and those that are opened for a login.
pub struct CallbackListeners {
    server: Server,
    /// Where the daemon listens all the time.
    own: Vec<SocketAddr>,
    /// Set once the router exists, which needs the broker, which needs this.
    router: OnceLock<Router>,
    /// Those that are open now. Logins are rare, and nothing else takes this lock.
    open: Mutex<HashMap<SocketAddr, Weak<ServedListener>>>,
}

impl CallbackListeners {
    /// Doors beside the listeners in `own`.
    pub fn new(server: Server, own: Vec<SocketAddr>) -> Self {
        Self { server, own, router: OnceLock::new(), open: Mutex::default() }
    }

    /// What is served behind a door: [`super::callback_router`].
    pub fn lead_to(&self, router: Router) {
        let _ = self.router.set(router);
    }

    async fn open_for(&self, redirect_uri: &str) -> Result<ListenerGuard, String> {
        let wanted = addresses(redirect_uri)?;
        let mut open = self.open.lock().await;
        open.retain(|_, door| door.strong_count() > 0);
        let mut held = OpenListeners(Vec::new());
        let mut unavailable = None;
        let mut covered = false;
        for address in wanted {
            if self.own.contains(&address) {
                covered = true;
                continue;
            }
            match self.one(address, &mut open).await {
                Ok(door) => held.0.push(door),
                // A family that this machine does not have can't be taken by a stranger either.
                Err(BindError::Io { source, .. }) if is_absent(&source) => unavailable = Some(source.to_string()),
                Err(error) => return Err(error.to_string()),
            }
        }
        match unavailable {
            Some(why) if held.0.is_empty() && !covered => {
                Err(format!("can't listen where {redirect_uri} points: {why}"))
            }
            _ => Ok(Box::new(held)),
        }
    }

    async fn one(
        &self,
        address: SocketAddr,
        open: &mut HashMap<SocketAddr, Weak<ServedListener>>,
    ) -> Result<Arc<ServedListener>, BindError> {
        if let Some(door) = open.get(&address).and_then(Weak::upgrade) {
            return Ok(door);
        }
        let listener = bind_tcp(address).await?;
        let router = self.router.get().cloned().unwrap_or_default();
        let door = Arc::new(self.server.spawn(listener, router));
        open.insert(address, Arc::downgrade(&door));
        Ok(door)
    }
}

impl CallbackListener for CallbackListeners {
    fn open<'a>(&'a self, redirect_uri: &'a str) -> ProviderFuture<'a, Result<ListenerGuard, String>> {
        Box::pin(self.open_for(redirect_uri))
    }
}

/// Keeps doors open, and a little longer.
struct OpenListeners(Vec<Arc<ServedListener>>);

impl Drop for OpenListeners {
    fn drop(&mut self) {
        let doors = std::mem::take(&mut self.0);
        if let (false, Ok(runtime)) = (doors.is_empty(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                tokio::time::sleep(LINGER).await;
                drop(doors);
            });
        }
    }
}

/// Where somebody has to listen so that an answer sent to `redirect_uri` arrives here and nowhere else.
fn addresses(redirect_uri: &str) -> Result<Vec<SocketAddr>, String> {
    let unusable = || format!("`{redirect_uri}` does not lead to this machine");
    let url = Url::parse(redirect_uri).map_err(|_| unusable())?;
    let port = url.port_or_known_default().ok_or_else(unusable)?;
    let (v4, v6) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST));
    let hosts = match url.host() {
        Some(Host::Domain("localhost")) => vec![v4, v6],
        Some(Host::Ipv4(address)) if address.is_loopback() => vec![address.into()],
        Some(Host::Ipv6(address)) if address.is_loopback() => vec![address.into()],
        _ => return Err(unusable()),
    };
    Ok(hosts.into_iter().map(|host| SocketAddr::new(host, port)).collect())
}

fn is_absent(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::listen::ConnectionLimits;

    #[test]
    fn localhost_means_both_families_and_other_machines_mean_nothing() {
        for (uri, expected) in [
            ("http://127.0.0.1:8400/cb", "127.0.0.1:8400"),
            ("http://localhost:8400/cb", "127.0.0.1:8400 [::1]:8400"),
            ("http://[::1]/cb", "[::1]:80"),
            ("https://example.com/cb", "`https://example.com/cb` does not lead to this machine"),
        ] {
            let got = addresses(uri).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
            assert_eq!(got.unwrap_or_else(|error| error), expected);
        }
    }

    #[tokio::test]
    async fn a_door_opens_once_for_all_and_a_taken_port_is_refused_with_the_reason() {
        let doors = CallbackListeners::new(Server::new(ConnectionLimits::default()), vec![]);
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let uri = format!("http://{free}/cb");
        let first = doors.open(&uri).await.unwrap();
        let second = doors.open(&uri).await.unwrap();
        assert!(std::net::TcpStream::connect(free).is_ok());
        drop((first, second));
        assert!(doors.open(&uri).await.is_ok(), "while it lingers");

        let squatter = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = format!("http://{}/cb", squatter.local_addr().unwrap());
        let refused = doors.open(&taken).await.err().unwrap();
        assert!(refused.contains("is taken by another program"), "{refused}");
    }
}
