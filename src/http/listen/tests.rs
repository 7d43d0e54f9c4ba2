//! Real connections in real time, with small limits.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::connection::{HEAD_BYTES, HEAD_FIELDS};
use super::*;
use crate::http::body::JsonBody;

/// Timeouts that must elapse take `SHORT`; those that must not take `LONG`, enough for a busy machine.
const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(4);

fn limits() -> ConnectionLimits {
    let body = BodyLimits { size: 100, deadline: SHORT };
    ConnectionLimits { head: SHORT, body, reply: SHORT, connections: 8, drain: SHORT }
}

async fn who(request: Request) -> String {
    format!("{:?}", request.extensions().get::<Connection>().unwrap().peer)
}

async fn slow() -> &'static str {
    tokio::time::sleep(SHORT / 2).await;
    "slow"
}

/// Larger than the kernel's socket buffers.
async fn large() -> Vec<u8> {
    vec![b'x'; 32 << 20]
}

async fn stuck() {
    std::future::pending::<()>().await;
}

async fn body(JsonBody(body): JsonBody<serde_json::Value>) -> String {
    format!("{}", body.is_some())
}

fn router() -> Router {
    Router::new()
        .route("/who", get(who))
        .route("/slow", get(slow))
        .route("/stuck", get(stuck))
        .route("/large", get(large))
        .route("/body", post(body))
}

async fn start(limits: ConnectionLimits) -> (Server, ServedListener, SocketAddr) {
    let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.tcp_address().unwrap();
    let server = Server::new(limits);
    let open = server.spawn(listener, router());
    (server, open, address)
}

async fn send(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Everything received until the peer closes; panics if it does not close.
async fn rest(mut stream: impl AsyncRead + Unpin) -> String {
    let mut text = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut text)).await.expect("the connection should have been closed");
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn silent_slow_and_idle_connections_time_out() {
    let (_server, _open, address) = start(limits()).await;
    let silent = send(address, "").await;
    let partial = send(address, "GET /who HTTP/1.1\r\nHost: x\r\nX-A").await;
    let idle = send(address, "GET /who HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let (silent, partial, idle) = tokio::join!(rest(silent), rest(partial), rest(idle));
    assert!(!silent.contains("200 OK") && !partial.contains("200 OK"), "{silent}{partial}");
    assert!(idle.starts_with("HTTP/1.1 200 OK"), "{idle}");
}

#[tokio::test]
async fn bodies_are_limited_in_time_and_size() {
    let (_server, _open, address) = start(limits()).await;
    let head = "POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    for (tail, status) in [
        ("Content-Length: 2\r\n\r\n{}".to_owned(), "200"),
        ("Content-Length: 20\r\n\r\n{".to_owned(), "408"),
        (format!("Content-Length: 101\r\n\r\n{}", " ".repeat(101)), "413"),
        (format!("Transfer-Encoding: chunked\r\n\r\n70\r\n{}\r\n0\r\n\r\n", " ".repeat(0x70)), "413"),
        ("Content-Length: 4\r\n\r\nnope".to_owned(), "400"),
        ("\r\n".to_owned(), "200"),
    ] {
        let reply = rest(send(address, &format!("{head}{tail}")).await).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {reply}");
    }
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let (_server, _open, address) = start(limits()).await;
    let long = format!("GET /who HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(2 * HEAD_BYTES));
    let many = format!("GET /who HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: 1\r\n".repeat(HEAD_FIELDS));
    for head in [long, many] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(head.as_bytes()).await;
        let mut status = [0; 12];
        timeout(LONG, stream.read_exact(&mut status)).await.unwrap().unwrap();
        assert_eq!(&status, b"HTTP/1.1 431");
    }
}

#[tokio::test]
async fn at_the_connection_limit_a_new_connection_waits_for_a_slot() {
    // TCP gets 3 of the 4 connection slots.
    let (_server, _open, address) = start(ConnectionLimits { connections: 4, head: SHORT * 2, ..limits() }).await;
    let mut holding = Vec::new();
    for _ in 0..3 {
        holding.push(send(address, "GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n").await);
    }
    let mut late = send(address, "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let mut byte = [0];
    assert!(timeout(SHORT, late.read(&mut byte)).await.is_err(), "it should wait for a connection slot");
    drop(holding);
    assert!(rest(late).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn at_the_connection_limit_unproductive_connections_are_evicted() {
    let post = "POST /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    for idle in ["", "GET /who", "GET /who HTTP/1.1\r\nHost: x\r\n\r\n", "GET /large HTTP/1.1\r\nHost: x\r\n\r\n", post]
    {
        let body = BodyLimits { deadline: LONG * 5, ..limits().body };
        let patient = ConnectionLimits { connections: 2, head: LONG * 5, reply: LONG * 5, body, ..limits() };
        let (_server, _open, address) = start(patient).await;
        let holding = [send(address, idle).await, send(address, idle).await];
        let late = send(address, "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(rest(late).await.starts_with("HTTP/1.1 200"), "{idle:?}");
        drop(holding);
    }
}

#[tokio::test]
async fn only_as_many_idle_connections_as_needed_are_evicted_oldest_first() {
    let patient = ConnectionLimits { connections: 8, head: LONG * 5, ..limits() };
    let (_server, _open, address) = start(patient).await;
    let mut idle = Vec::new();
    for _ in 0..6 {
        idle.push(send(address, "").await);
        tokio::time::sleep(SHORT / 8).await;
    }
    tokio::time::sleep(SHORT).await;
    let late = send(address, "GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n").await;
    tokio::time::sleep(SHORT * 2).await;
    let mut gone = Vec::new();
    for stream in &mut idle {
        gone.push(timeout(SHORT / 20, stream.read(&mut [0])).await.is_ok());
    }
    assert_eq!(gone, [true, true, false, false, false, false], "one slot for the late connection, one spare");
    drop(late);
}

#[tokio::test]
async fn a_client_that_disconnects_frees_its_slot_at_once() {
    let (_server, _open, address) = start(ConnectionLimits { connections: 2, ..limits() }).await;
    for half in [false, true] {
        let mut waiting = Vec::new();
        for _ in 0..2 {
            waiting.push(send(address, "GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n").await);
        }
        let mut late = send(address, "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        let mut byte = [0];
        assert!(timeout(SHORT * 2, late.read(&mut byte)).await.is_err(), "both connection slots should be taken");
        if half {
            for stream in &mut waiting {
                stream.shutdown().await.unwrap();
            }
        } else {
            waiting.clear();
        }
        let reply = timeout(SHORT, rest(late)).await.expect("the connection slots should be free");
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_its_reply_loses_its_slot() {
    let (_server, _open, address) = start(ConnectionLimits { connections: 2, head: LONG, ..limits() }).await;
    let request = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
    let _deaf = (send(address, request).await, send(address, request).await);
    let late = send(address, "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let reply = timeout(SHORT * 4, rest(late)).await.expect("the connection slots should be free");
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
}

#[tokio::test]
async fn a_slow_reader_within_the_timeout_gets_the_whole_reply() {
    let (_server, _open, address) = start(ConnectionLimits { reply: LONG, ..limits() }).await;
    let stream = send(address, "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    tokio::time::sleep(SHORT / 4).await;
    assert!(rest(stream).await.len() > 32 << 20);
}

#[tokio::test]
async fn shutdown_closes_the_listener_finishes_requests_and_aborts_stuck_ones() {
    let (server, _open, address) = start(ConnectionLimits { head: LONG, drain: LONG, ..limits() }).await;
    let idle = send(address, "").await;
    let slow = send(address, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let stuck = send(address, "GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n").await;
    tokio::time::sleep(SHORT / 8).await;
    timeout(LONG * 5, server.shut_down()).await.expect("the shutdown should end");
    assert!(rest(slow).await.ends_with("slow"));
    assert_eq!((rest(idle).await, rest(stuck).await), (String::new(), String::new()));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn dropping_a_listeners_handle_closes_it_and_keeps_its_connections() {
    let (_server, open, address) = start(limits()).await;
    let slow = send(address, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    tokio::time::sleep(SHORT / 8).await;
    drop(open);
    assert!(rest(slow).await.ends_with("slow"));
    assert!(TcpStream::connect(address).await.is_err());
}

fn private_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    folder
}

#[tokio::test]
async fn the_socket_is_private_identifies_its_peer_and_is_removed() {
    let folder = private_folder();
    let path = folder.path().join("s");
    let listener = bind_unix(&path).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let server = Server::new(limits());
    let open = server.spawn(listener, router());
    assert!(matches!(bind_unix(&path).await, Err(BindError::SocketTaken { .. })));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let expected =
        format!("Unix {{ uid: {}, pid: Some({}) }}", rustix::process::geteuid().as_raw(), std::process::id());
    assert!(rest(stream).await.ends_with(&expected));
    drop(open);
    timeout(LONG, server.shut_down()).await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn stale_sockets_are_replaced_and_other_files_left_alone() {
    let folder = private_folder();
    let path = folder.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let listener = bind_unix(&path).await.unwrap();
    // If another process has replaced the file, it must not be removed.
    std::fs::remove_file(&path).unwrap();
    std::fs::File::create(&path).unwrap();
    drop(listener);
    assert!(path.exists());
    assert!(matches!(bind_unix(&path).await, Err(BindError::NotASocket { .. })));
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(bind_unix(&path).await, Err(BindError::FolderNotPrivate { .. })));
}

#[tokio::test]
async fn only_loopback_addresses_and_a_taken_port_names_its_holder() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "[::ffff:127.0.0.1]:0"] {
        let refused = bind_tcp(address.parse().unwrap()).await;
        assert!(matches!(refused, Err(BindError::NotLoopback { .. })), "{address}");
    }
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = bind_tcp(silent.local_addr().unwrap()).await.unwrap_err();
    assert!(matches!(refused, BindError::PortTaken { holder: Holder::Another(_), .. }), "{refused}");
    let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.tcp_address().unwrap();
    let healthz = Router::new().route("/healthz", get(|| async { r#"{"status":"ok"}"# }));
    let _open = Server::new(limits()).spawn(listener, healthz);
    let refused = bind_tcp(address).await.unwrap_err();
    assert!(matches!(refused, BindError::PortTaken { holder: Holder::LooksLikeRingback(_), .. }), "{refused}");
}
