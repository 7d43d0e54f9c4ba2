//! How requests get to an upstream over TLS: by HTTP/2, again where it has not looked at them, and through a proxy.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use h2::Reason;
use h2::server::SendResponse;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper::{Method, Response, Version};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, copy_bidirectional,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::oauth::dialect::{NetworkOptions, Proxy, Roots};
use crate::provider::upstream::{NoReply, Progress, RequestBody, UpstreamRequest, Upstreams};

/// A name that no resolver knows (RFC 6761 §6.2): only a proxy leads there.
const ELSEWHERE: &str = "upstream.test";

/// A certificate for all servers of a test, and the file that has it.
struct Tls {
    config: ServerConfig,
    file: tempfile::NamedTempFile,
}

impl Tls {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), ELSEWHERE.to_owned()];
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(certificate.pem().as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        Self { config, file }
    }

    fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let mut config = self.config.clone();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    fn reach(&self, proxy: Proxy) -> NetworkOptions {
        NetworkOptions { proxy, roots: Roots::None, ca_file: Some(self.file.path().to_owned()) }
    }
}

/// What an HTTP/2 server does with its first request. It answers all others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Answered,
    /// As one that it has not looked at.
    Refused,
    /// The server goes away without having looked at it.
    Left,
    /// As one that went wrong within.
    Failed,
}

/// An HTTP/2 server over TLS; how many connections it had, and requests.
struct Http2 {
    port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Http2 {
    async fn start(tls: &Tls, first: First) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, requests) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let (counted, asked) = (Arc::clone(&connections), Arc::clone(&requests));
        let acceptor = tls.acceptor(&["h2"]);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (acceptor, asked) = (acceptor.clone(), Arc::clone(&asked));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    if first == First::Left && asked.load(Ordering::SeqCst) == 0 {
                        asked.fetch_add(1, Ordering::SeqCst);
                        return leave(stream).await;
                    }
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    while let Some(Ok((_, mut reply))) = connection.accept().await {
                        match (first, asked.fetch_add(1, Ordering::SeqCst)) {
                            (First::Refused, 0) => reply.send_reset(Reason::REFUSED_STREAM),
                            (First::Failed, 0) => reply.send_reset(Reason::INTERNAL_ERROR),
                            _ => answer(&mut reply),
                        }
                    }
                });
            }
        });
        Self { port, connections, requests }
    }

    fn counts(&self) -> (usize, usize) {
        (self.connections.load(Ordering::SeqCst), self.requests.load(Ordering::SeqCst))
    }
}

/// Says with `GOAWAY` that it has looked at no stream (RFC 9113 §6.8), once a request has come.
async fn leave(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    const PREFACE: usize = 24;
    const HEADERS: u8 = 1;
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    stream.read_exact(&mut [0; PREFACE]).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; usize::try_from(length).unwrap()]).await.unwrap();
        if head[3] == HEADERS {
            break;
        }
    }
    stream.write_all(&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

fn answer(reply: &mut SendResponse<Bytes>) {
    let mut body = reply.send_response(Response::new(()), false).unwrap();
    body.send_data(Bytes::from_static(b"done"), true).unwrap();
}

/// A proxy that leads to `port`, whatever it is asked for, or refuses with `status`; and the first lines that it got.
async fn proxy(tls: Option<TlsAcceptor>, port: u16, status: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let noted = Arc::clone(&noted);
            match tls.clone() {
                None => drop(tokio::spawn(tunnel(stream, port, status, noted))),
                Some(tls) => drop(tokio::spawn(async move {
                    if let Ok(stream) = tls.accept(stream).await {
                        tunnel(stream, port, status, noted).await;
                    }
                })),
            }
        }
    });
    (own, asked)
}

async fn tunnel(stream: impl AsyncRead + AsyncWrite, port: u16, status: &str, noted: Arc<Mutex<Vec<String>>>) {
    let mut stream = Box::pin(BufReader::new(Box::pin(stream)));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).await.unwrap() > 0 {}
    noted.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
    stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await.unwrap();
    if status.starts_with("200") {
        let mut upstream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let _ = copy_bidirectional(&mut stream, &mut upstream).await;
    }
}

struct NoProgress(AtomicU64);

impl Progress for NoProgress {
    fn steps(&self) -> &AtomicU64 {
        &self.0
    }
}

fn whole() -> RequestBody {
    RequestBody::Whole(Bytes::from_static(b"{}"))
}

fn streamed() -> RequestBody {
    RequestBody::streamed(Full::new(Bytes::from_static(b"{}")))
}

/// The version and the body of the reply.
async fn sent(
    upstreams: &Upstreams,
    reach: &NetworkOptions,
    url: &str,
    body: Option<RequestBody>,
) -> Result<(Version, Bytes), NoReply> {
    let url = Url::parse(url).unwrap();
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let request = UpstreamRequest { method, url: &url, headers: HeaderMap::new(), body };
    let (reply, _lease) =
        upstreams.send(reach, request, &NoProgress(AtomicU64::new(0)), Duration::from_secs(10)).await?;
    let version = reply.version();
    Ok((version, reply.into_body().collect().await.unwrap().to_bytes()))
}

#[tokio::test]
async fn requests_share_a_connection_by_http_2_and_go_again_if_nobody_has_looked_at_them() {
    let tls = Tls::new();
    for (what, first, body, is_answered, counts) in [
        ("answered", First::Answered, None, true, (1, 3)),
        ("answered, with a body", First::Answered, Some(whole()), true, (1, 3)),
        ("refused", First::Refused, None, true, (1, 4)),
        ("refused, with a body", First::Refused, Some(whole()), true, (1, 4)),
        ("refused, with a body that is gone then", First::Refused, Some(streamed()), false, (1, 3)),
        ("gone away", First::Left, None, true, (2, 4)),
        ("gone away, with a body", First::Left, Some(whole()), true, (2, 4)),
        ("gone wrong, which may have had an effect", First::Failed, None, false, (1, 3)),
    ] {
        let (server, upstreams) = (Http2::start(&tls, first).await, Upstreams::default());
        let url = format!("https://localhost:{}/", server.port);
        let reach = tls.reach(Proxy::None);
        let reply = sent(&upstreams, &reach, &url, body).await;
        assert_eq!(reply.is_ok(), is_answered, "{what}: {reply:?}");
        for _ in 0..2 {
            let reply = sent(&upstreams, &reach, &url, None).await;
            assert_eq!(reply, Ok((Version::HTTP_2, Bytes::from_static(b"done"))), "{what}");
        }
        assert_eq!(server.counts(), counts, "{what}");
    }
}

#[tokio::test]
async fn a_proxy_leads_to_the_upstream_and_learns_its_name_alone() {
    let tls = Tls::new();
    let server = Http2::start(&tls, First::Answered).await;
    let url = format!("https://{ELSEWHERE}/secret?of=the-request");
    for (what, scheme, status, says) in [
        ("plain", "http", "200 OK", None),
        ("with TLS", "https", "200 OK", None),
        ("that wants a password", "http", "407 Proxy Authentication Required", Some("proxy authorization required")),
        ("that refuses", "http", "403 Forbidden", Some("tunnel error: unsuccessful")),
    ] {
        let over = (scheme == "https").then(|| tls.acceptor(&[]));
        let (port, asked) = proxy(over, server.port, status).await;
        let at = Url::parse(&format!("{scheme}://localhost:{port}")).unwrap();
        let reply = sent(&Upstreams::default(), &tls.reach(Proxy::At(at)), &url, None).await;
        match says {
            None => assert_eq!(reply, Ok((Version::HTTP_2, Bytes::from_static(b"done"))), "{what}"),
            Some(says) => {
                let Err(NoReply::Unreachable(told)) = reply else { panic!("{what}: {reply:?}") };
                assert!(told.contains("there is no connection") && told.contains(says), "{what}: {told}");
            }
        }
        assert_eq!(*asked.lock().unwrap(), [format!("CONNECT {ELSEWHERE}:443 HTTP/1.1")], "{what}");
    }
}

#[tokio::test]
async fn an_upstream_is_not_reached_without_tls_or_by_its_certificate_for_another_name() {
    let tls = Tls::new();
    let server = Http2::start(&tls, First::Answered).await;
    let closed = { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port() };
    for (what, url, says) in [
        ("another name", format!("https://127.0.0.1:{}/", server.port), "its certificate is for"),
        ("nobody there", format!("https://localhost:{closed}/"), "refused"),
        ("a name that nobody knows", format!("https://{ELSEWHERE}/"), "there is no connection"),
    ] {
        let reply = sent(&Upstreams::default(), &tls.reach(Proxy::None), &url, None).await;
        let Err(NoReply::Unreachable(told)) = reply else { panic!("{what}: {reply:?}") };
        assert!(told.contains(says), "{what}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_is_silent_before_a_request_is_given_up_after_5_s() {
    let tls = Tls::new();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", silent.local_addr().unwrap().port());
    let reply = sent(&Upstreams::default(), &tls.reach(Proxy::None), &url, None).await;
    assert_eq!(reply, Err(NoReply::TooLate("there was no connection within 5 s".into())));
}
