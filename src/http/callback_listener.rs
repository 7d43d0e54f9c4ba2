//! Callback listeners: where a redirect URI has an address of its own, a listener is open for the time of the login only
//! (RFC 8252 §8.3). For `localhost` it listens on both loopback families (§7.3), since the browser may pick either, and
//! another user's program could hold the other. For https it has a certificate of our own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::sync::Mutex;
use url::Url;

use super::gate::guarded::Guarded;
use super::listen::bind::{BindError, bind_tcp};
use super::listen::{BoundListener, ServedListener, Server, TlsIdentity};
use crate::broker::{CallbackListener, ListenerGuard};
use crate::callback_certificate::{CallbackCertificates, CertificateError};
use crate::clock::{Clock, Wall};
use crate::loopback;
use crate::os::sockets::is_absent;
use crate::provider::ProviderFuture;
use crate::routes::has_tls;

/// How long a listener stays open after a login, so that the browser can load the outcome page and its style.
const LINGER: Duration = Duration::from_secs(60);

/// All callback listeners, beside the daemon's own listeners.
pub(crate) struct CallbackListeners {
    server: Server,
    /// Where the daemon listens all the time.
    own: Vec<SocketAddr>,
    /// Set once it exists, which needs the broker, which needs this.
    app: OnceLock<Guarded>,
    /// Those that are open now. Logins are rare, and nothing else takes this lock.
    open: Mutex<HashMap<SocketAddr, OpenListener>>,
    certificates: CallbackCertificates,
    clock: Clock,
}

/// A listener that was opened.
struct OpenListener {
    listener: Weak<ServedListener>,
    has_tls: bool,
}

impl CallbackListeners {
    /// None so far, beside the listeners in `own`.
    pub(crate) fn new(server: Server, own: Vec<SocketAddr>, certificates: CallbackCertificates, clock: Clock) -> Self {
        Self { server, own, app: OnceLock::new(), open: Mutex::default(), certificates, clock }
    }

    /// What they serve: `callback_router`.
    pub(crate) fn serve(&self, app: Guarded) {
        let _ = self.app.set(app);
    }

    async fn open_for(&self, redirect_uri: &str) -> Result<ListenerGuard, String> {
        let wanted = addresses(redirect_uri)?;
        let app = self.app.get().ok_or("the daemon is still starting")?;
        let mut open = self.open.lock().await;
        open.retain(|_, open| open.listener.strong_count() > 0);
        let identity = if has_tls(redirect_uri) { Some(self.identity().await?) } else { None };
        let mut held = OpenListeners(Vec::new());
        let mut unavailable = None;
        let mut covered = false;
        for address in wanted {
            if self.own.contains(&address) {
                if identity.is_some() {
                    return Err(format!(
                        "the daemon speaks http on {address}: register an https URI with another port"
                    ));
                }
                covered = true;
                continue;
            }
            if open.get(&address).is_some_and(|open| open.has_tls != identity.is_some()) {
                return Err(format!("another login has {address} open with the other of http and https"));
            }
            match self.one(address, &mut open, app, identity.as_ref()).await {
                Ok(listener) => held.0.push(listener),
                // A family that this machine does not have can't be taken by a stranger either.
                Err(BindError::Io { source, .. }) if is_absent(&source) => unavailable = Some(source.to_string()),
                Err(error) => return Err(error.to_string()),
            }
        }
        match unavailable {
            Some(why) if held.0.is_empty() && !covered => Err(format!("can't listen at {redirect_uri}: {why}")),
            _ => Ok(Box::new(held)),
        }
    }

    async fn one(
        &self,
        address: SocketAddr,
        open: &mut HashMap<SocketAddr, OpenListener>,
        app: &Guarded,
        identity: Option<&TlsIdentity>,
    ) -> Result<Arc<ServedListener>, BindError> {
        if let Some(listener) = open.get(&address).and_then(|open| open.listener.upgrade()) {
            return Ok(listener);
        }
        let listener = Arc::new(match (bind_tcp(address).await?, identity) {
            (BoundListener::Tcp(bound), Some(identity)) => self.server.spawn_tls(bound, identity.clone(), app.clone()),
            (bound, _) => self.server.spawn(bound, app.clone()),
        });
        open.insert(address, OpenListener { listener: Arc::downgrade(&listener), has_tls: identity.is_some() });
        Ok(listener)
    }

    /// Who a listener with TLS says that it is. Read for each login: it may have been renewed.
    async fn identity(&self) -> Result<TlsIdentity, String> {
        let (certificates, now) = (self.certificates.clone(), self.clock.now().wall);
        let identity = tokio::task::spawn_blocking(move || usable(&certificates, now)).await;
        identity.map_err(|_| "the daemon is stopping")?
    }
}

/// The current certificate. One that can't be used is put aside, so that it fails no later login.
fn usable(certificates: &CallbackCertificates, now: Wall) -> Result<TlsIdentity, String> {
    let told = |error: CertificateError| error.to_string();
    if let Ok(identity) = TlsIdentity::new(certificates.current(now).map_err(told)?) {
        return Ok(identity);
    }
    certificates.discard().map_err(told)?;
    let made = certificates.current(now).map_err(told)?;
    TlsIdentity::new(made).map_err(|error| format!("the certificate for https can't be used: {error}"))
}

impl CallbackListener for CallbackListeners {
    fn open<'a>(&'a self, redirect_uri: &'a str) -> ProviderFuture<'a, Result<ListenerGuard, String>> {
        Box::pin(self.open_for(redirect_uri))
    }
}

/// Keeps listeners open, and a little longer.
struct OpenListeners(Vec<Arc<ServedListener>>);

impl Drop for OpenListeners {
    fn drop(&mut self) {
        let listeners = std::mem::take(&mut self.0);
        if let (false, Ok(runtime)) = (listeners.is_empty(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                tokio::time::sleep(LINGER).await;
                drop(listeners);
            });
        }
    }
}

/// Where somebody has to listen so that an answer sent to `redirect_uri` arrives here and nowhere else.
fn addresses(redirect_uri: &str) -> Result<Vec<SocketAddr>, String> {
    let unusable = || format!("`{redirect_uri}` does not point to this machine");
    let url = Url::parse(redirect_uri).map_err(|_| unusable())?;
    let port = url.port_or_known_default().ok_or_else(unusable)?;
    let hosts = loopback::addresses(&url);
    if hosts.is_empty() {
        return Err(unusable());
    }
    Ok(hosts.into_iter().map(|host| SocketAddr::new(host, port)).collect())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a file of a test")]
mod tests {
    use axum::Router;

    use super::*;
    use crate::apps::tests::fresh;
    use crate::audit::AuditLog;
    use crate::clock::Clock;
    use crate::http::gate::Gate;
    use crate::http::gate::guarded::guard;
    use crate::http::listen::ConnectionLimits;
    use crate::http::session::Sessions;

    #[test]
    fn localhost_means_both_families_and_other_machines_mean_nothing() {
        for (uri, expected) in [
            ("http://127.0.0.1:8400/cb", "127.0.0.1:8400"),
            ("http://localhost:8400/cb", "127.0.0.1:8400 [::1]:8400"),
            ("http://[::1]/cb", "[::1]:80"),
            ("https://localhost/cb", "127.0.0.1:443 [::1]:443"),
            ("https://example.com/cb", "`https://example.com/cb` does not point to this machine"),
        ] {
            let got = addresses(uri).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
            assert_eq!(got.unwrap_or_else(|error| error), expected);
        }
    }

    fn listeners(state: &std::path::Path, own: Vec<SocketAddr>) -> CallbackListeners {
        let certificates = CallbackCertificates::in_folder(&state.join("ringback"));
        let server = Server::new(ConnectionLimits::default());
        let listeners = CallbackListeners::new(server, own, certificates, Clock::System);
        let gate = Gate::new(fresh().0, AuditLog::default(), Sessions::default(), Clock::System);
        listeners.serve(guard(Router::new(), gate));
        listeners
    }

    fn free() -> SocketAddr {
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    #[tokio::test]
    async fn a_listener_opens_once_for_all_and_a_taken_port_is_refused_with_the_reason() {
        let state = tempfile::tempdir().unwrap();
        let (listeners, free) = (listeners(state.path(), vec![]), free());
        let uri = format!("http://{free}/cb");
        let first = listeners.open(&uri).await.unwrap();
        let second = listeners.open(&uri).await.unwrap();
        assert!(std::net::TcpStream::connect(free).is_ok());
        drop((first, second));
        assert!(listeners.open(&uri).await.is_ok(), "while it lingers");

        let squatter = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = format!("http://{}/cb", squatter.local_addr().unwrap());
        let refused = listeners.open(&taken).await.err().unwrap();
        assert!(refused.contains("is taken by another program"), "{refused}");
        assert!(!state.path().join("ringback").exists(), "no certificate is made for http");
    }

    #[tokio::test]
    async fn a_certificate_that_cannot_be_used_fails_no_login() {
        let state = tempfile::tempdir().unwrap();
        let (listeners, other) = (listeners(state.path(), vec![]), tempfile::tempdir().unwrap());
        let uri = format!("https://{}/cb", free());
        assert!(listeners.open(&uri).await.is_ok());
        let file = state.path().join("ringback/callback.pem");
        let good = std::fs::read_to_string(&file).unwrap();
        let folder = other.path().join("ringback");
        CallbackCertificates::in_folder(&folder).current(Clock::System.now().wall).unwrap();
        let others = std::fs::read_to_string(folder.join("callback.pem")).unwrap();
        let at = |text: &str| text.find("-----BEGIN PRIVATE").unwrap();
        let of_another_key = format!("{}{}", &good[..at(&good)], &others[at(&others)..]);
        let (ends, _) = good.split_once('\n').unwrap();
        let no_certificate =
            format!("{ends}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{}", &good[at(&good)..]);
        for unusable in [of_another_key, no_certificate] {
            std::fs::write(&file, &unusable).unwrap();
            assert!(listeners.open(&format!("https://{}/cb", free())).await.is_ok(), "{unusable}");
            assert_eq!(std::fs::read_to_string(file.with_extension("pem.damaged")).unwrap(), unusable);
        }
    }

    #[tokio::test]
    async fn a_port_has_either_http_or_https() {
        let state = tempfile::tempdir().unwrap();
        let own = free();
        let (listeners, free) = (listeners(state.path(), vec![own]), free());
        let secure = listeners.open(&format!("https://{free}/cb")).await.unwrap();
        let refused = listeners.open(&format!("http://{free}/other")).await.err().unwrap();
        assert!(refused.contains("the other of http and https"), "{refused}");
        assert!(listeners.open(&format!("https://{free}/other")).await.is_ok());
        let refused = listeners.open(&format!("https://{own}/cb")).await.err().unwrap();
        assert!(refused.contains("the daemon speaks http"), "{refused}");
        drop(secure);
    }
}
