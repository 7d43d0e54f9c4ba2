//! Arbitrary bytes on a TCP connection, through the real HTTP parser and the gate. A second, simple parser checks what
//! must hold for every request that reaches a handler.
#![no_main]

use std::convert::Infallible;
use std::os::unix::fs::MetadataExt as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use libfuzzer_sys::fuzz_target;
use ringback::apps::Apps;
use ringback::audit::AuditLog;
use ringback::clock::Clock;
use ringback::http::listen::Answers as _;
use ringback::http::peer::{BodyLimits, Connection, Peer, Scheme};
use ringback::http::session::Sessions;
use ringback::http::{guard, Gate};
use ringback::os::ports::PeerUser;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// How many requests reached a handler.
static REACHED: AtomicUsize = AtomicUsize::new(0);

static STAGE: LazyLock<(tokio::runtime::Runtime, Gate, String, PeerUser)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap().keep().join("state");
    let apps = Apps::open(&folder, Clock::System.now().wall).unwrap();
    let key = std::fs::read_to_string(apps.key_file().unwrap()).unwrap();
    // The peer is the daemon's own user, since other users are refused first.
    let user = PeerUser::Uid(std::fs::metadata(&folder).unwrap().uid());
    (runtime, Gate::new(apps, AuditLog::default(), Sessions::default(), Clock::System), key, user)
});

fuzz_target!(|data: &[u8]| {
    let (runtime, gate, key, _) = &*STAGE;
    let text = String::from_utf8_lossy(data).replace("KEY", key);
    // Requests with a wrong key are delayed, which would make fuzzing slow.
    let lower = text.to_ascii_lowercase();
    if ["bearer", "basic", "oauth"].iter().any(|shown| lower.contains(shown)) && !text.contains(key) {
        return;
    }
    REACHED.store(0, Ordering::SeqCst);
    let bytes = if std::str::from_utf8(data).is_ok() { text.clone().into_bytes() } else { data.to_vec() };
    runtime.block_on(async { _ = tokio::time::timeout(Duration::from_millis(200), exchange(gate.clone(), &bytes)).await });
    if REACHED.load(Ordering::SeqCst) == 0 {
        return;
    }
    let head = text.to_ascii_lowercase();
    assert!(head.contains("host") && head.contains("127.0.0.1:7464") | head.contains("localhost:7464") | head.contains("[::1]:7464"), "no Host of ours: {text:?}");
    assert!(text.contains("HTTP/1.1"), "another protocol: {text:?}");
});

/// Sends the bytes and reads the reply. The handler counts that it was reached, and checks what must hold.
async fn exchange(gate: Gate, bytes: &[u8]) {
    let handler = |request: axum::extract::Request| async move {
        REACHED.fetch_add(1, Ordering::SeqCst);
        let lines = |name: &str| request.headers().get_all(name).iter().count();
        assert_eq!(lines("host"), 1, "{request:?}");
        let host = request.headers()["host"].to_str().unwrap().to_ascii_lowercase();
        assert!(["127.0.0.1:7464", "localhost:7464", "[::1]:7464"].contains(&host.as_str()), "{host}");
        for origin in request.headers().get_all("origin") {
            let origin = origin.to_str().unwrap().to_ascii_lowercase();
            assert!(origin == format!("http://{host}"), "{origin}");
        }
        let path = request.uri().path();
        assert!(!path.contains("..") || path.split('/').all(|part| part != ".." && part != "."), "{path}");
        // Routes that reveal or change something need the key.
        let proves = path.starts_with("/v1/") || path == "/token";
        // An OAuth client may show it in the body. What has no key in it was not tried.
        let is_client = path.starts_with("/oauth2/") || path.ends_with("/oauth/access-token");
        assert!(!is_client || request.method() == "POST" || is_no_route(path), "{request:?}");
        let shown = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        // Other routes ignore the key.
        assert!(!proves || is_no_route(path) || lines("authorization") == 1, "{request:?}");
        assert!(!proves || shown.split(' ').next_back() == Some(STAGE.2.as_str()) || is_no_route(path), "{request:?}");
        let forwards = path.starts_with("/proxy/") && !is_no_route(path);
        let key_line = request.headers().get("x-ringback-key").and_then(|value| value.to_str().ok());
        let key = key_line.or(shown.split(' ').next_back()).map(|key| key.trim_matches(' '));
        assert!(!forwards || key == Some(STAGE.2.as_str()), "{request:?}");
        assert!(!forwards || !["TRACE", "CONNECT"].contains(&request.method().as_str()), "{request:?}");
        assert!(forwards || request.method() != "HEAD");
    };
    let router = guard(Router::new().fallback(handler), gate);
    let (mut ours, theirs) = tokio::io::duplex(1 << 20);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let peer = Peer::Tcp { address: ([127, 0, 0, 1], 50_000).into(), port: 7464, user: STAGE.3, scheme: Scheme::Http };
        let body = BodyLimits { size: 65_536, deadline: Duration::from_millis(50) };
        let (router, connection) = (router.clone(), Connection::new(peer, None, body));
        async move { Ok::<_, Infallible>(router.answer(request.map(Body::new), &connection).await) }
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .max_headers(64)
        .max_buf_size(16 * 1024)
        .half_close(true)
        .serve_connection(TokioIo::new(theirs), service);
    let asking = async {
        _ = ours.write_all(bytes).await;
        _ = ours.shutdown().await;
        let mut reply = Vec::new();
        _ = ours.read_to_end(&mut reply).await;
    };
    let (_, ()) = tokio::join!(serving, asking);
}

/// Paths below `/v1/` without a route go to the callback handler, which answers 404.
fn is_no_route(path: &str) -> bool {
    use ringback::routes::{RouteMatch, look_up};
    matches!(look_up("GET", path, |_| true), RouteMatch::Nothing)
}
