//! Listeners with TLS: which certificate they show, and whether a connection begins as TLS does.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::write_timeout::WriteTimeout;
use crate::callback_certificate::CallbackCertificate;
use crate::http::peer::{Connection, Peer, Scheme};

/// The first byte of a TLS connection: a record with a handshake (RFC 8446 §5.1). No request of HTTP begins so.
const HANDSHAKE: u8 = 0x16;

/// Who a listener with TLS says that it is.
#[derive(Clone)]
pub(crate) struct TlsIdentity {
    acceptor: TlsAcceptor,
    fingerprint: Arc<str>,
}

impl TlsIdentity {
    /// By this certificate.
    pub(crate) fn new(certificate: CallbackCertificate) -> Result<Self, rustls::Error> {
        let fingerprint = certificate.fingerprint().into();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.certificate], certificate.key.into())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A login takes a few connections. Nothing of one is kept for another.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), fingerprint })
    }
}

/// A connection whose first request can be read, and what is known of it.
pub(super) enum BegunConnection {
    /// After the handshake.
    Tls(Box<TlsStream<WriteTimeout<TcpStream>>>, Connection),
    /// Without TLS.
    Plain(WriteTimeout<TcpStream>, Connection),
}

/// Waits for the first byte, and for the handshake if it is one's. `reply` limits each write.
pub(super) async fn begun(
    stream: TcpStream,
    connection: Connection,
    identity: &TlsIdentity,
    reply: Duration,
) -> io::Result<BegunConnection> {
    let mut first = [0];
    let read = stream.peek(&mut first).await?;
    let is_tls = read == 1 && first == [HANDSHAKE];
    let scheme = if is_tls { Scheme::Https } else { Scheme::BeforeTls };
    let peer = match connection.peer {
        Peer::Tcp { address, port, user, .. } => Peer::Tcp { address, port, user, scheme },
        peer @ (Peer::Unix { .. } | Peer::AppSocket { .. }) => peer,
    };
    let connection = Connection { peer, fingerprint: Some(Arc::clone(&identity.fingerprint)), ..connection };
    let stream = WriteTimeout::new(stream, reply);
    if !is_tls {
        return Ok(BegunConnection::Plain(stream, connection));
    }
    Ok(BegunConnection::Tls(Box::new(identity.acceptor.accept(stream).await?), connection))
}
