//! The client against a scripted peer on a real socket.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use super::*;
use crate::contract::{ErrorCode, LoginVia};
use crate::exchange::{BODY_CAP, ExchangeError};
use crate::files::read_key;

const OK: &str = "HTTP/1.1 200 OK\r\n";

/// A peer that reads a head, answers with `reply`, and gives back what it read.
fn peer(socket: &Path, reply: Vec<u8>) -> JoinHandle<String> {
    let listener = UnixListener::bind(socket).unwrap();
    spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        let _ = stream.write_all(&reply);
        head
    })
}

fn read_head(stream: &mut impl std::io::Read) -> String {
    let mut got = Vec::new();
    let mut byte = [0];
    while !got.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        got.push(byte[0]);
    }
    String::from_utf8(got).unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }
}

/// What `ringback token` gets from a peer that answers with `reply`.
fn token_from(reply: impl Into<Vec<u8>>) -> Result<String, Error> {
    let folder = Folder::new();
    let peer = peer(&folder.path("s"), reply.into());
    let client = at(&folder.path("s"));
    let token = client.token("default", &TokenOptions::default()).map(|token| token.expose().to_owned());
    let head = peer.join().unwrap();
    assert!(head.starts_with("GET /v1/accounts/default/token HTTP/1.1\r\nHost: localhost\r\n"), "{head}");
    assert!(!head.contains("Authorization"), "the socket needs no key: {head}");
    assert!(head.contains(concat!("User-Agent: ringback-client/", env!("CARGO_PKG_VERSION"), "\r\n")), "{head}");
    token
}

fn at(socket: &Path) -> Client {
    Client::find(&DaemonOptions { socket: Some(socket.into()) }).unwrap()
}

#[test]
fn a_token_is_read_by_length_by_chunks_and_until_the_end() {
    assert_eq!(token_from(format!("{OK}Content-Length: 3\r\n\r\na~6ignored")).unwrap(), "a~6");
    assert_eq!(token_from(format!("{OK}\r\na~6\n")).unwrap(), "a~6");
    let chunks = format!("{OK}Transfer-Encoding: chunked\r\n\r\n2\r\na~\r\n1\r\n6\r\n0\r\n\r\n");
    assert_eq!(token_from(chunks).unwrap(), "a~6");
    let long = "t".repeat(16_000);
    assert_eq!(token_from(format!("{OK}\r\n{long}")).unwrap(), long);
}

#[test]
fn a_token_that_could_break_out_of_a_header_is_refused() {
    for body in ["", " \n", "a\r\nX: y", "a b", "a\u{7f}", "ä", "a\x1b[0m"] {
        let failure = token_from(format!("{OK}Content-Length: {}\r\n\r\n{body}", body.len())).unwrap_err();
        assert_eq!(failure.code(), ErrorCode::Internal, "{body:?}");
    }
    assert!(token_from([OK.as_bytes(), b"\r\n\xff\xfe"].concat()).is_err());
}

#[test]
fn replies_that_are_not_http_too_long_or_cut_are_told_apart() {
    let told = |reply: Vec<u8>| token_from(reply).unwrap_err().to_string();
    let pad = "x".repeat(1_000);
    let long_head = format!("{OK}{}\r\n", format!("X-Pad: {pad}\r\n").repeat(20));
    let many_headers = format!("{OK}{}\r\n", "X: y\r\n".repeat(100));
    let large = format!("{OK}Content-Length: {}\r\n\r\n", BODY_CAP + 1);
    let endless = format!("{OK}\r\n{}", "x".repeat(BODY_CAP + 1));
    let cut_chunk = format!("{OK}Transfer-Encoding: chunked\r\n\r\n5\r\nab");
    let endless_chunk = format!("{OK}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx");
    let unended_chunk = format!("{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab0\r\n\r\n");
    let cases: [(Vec<u8>, &str); 15] = [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(), "not HTTP"),
        (b"HTTP/1.1 two hundred\r\n\r\n".to_vec(), "not HTTP"),
        (vec![0; 100], "not HTTP"),
        (format!("{OK}Content-Length: -1\r\n\r\n").into(), "not HTTP"),
        (format!("{OK}Transfer-Encoding: gzip\r\n\r\n").into(), "not HTTP"),
        (format!("{OK}Transfer-Encoding: chunked\r\n\r\nthis is no chunk size\r\n").into(), "not HTTP"),
        (unended_chunk.into(), "not HTTP"),
        (long_head.into(), "too large"),
        (many_headers.into(), "too large"),
        (large.into(), "too large"),
        (endless.into(), "too large"),
        (endless_chunk.into(), "too large"),
        (format!("{OK}Content-Length: 9\r\n\r\nshort").into(), "ended before"),
        (b"HTTP/1.1 200".to_vec(), "ended before"),
        (cut_chunk.into(), "ended before"),
    ];
    for (reply, expected) in cases {
        let start = String::from_utf8_lossy(&reply[..reply.len().min(60)]).into_owned();
        let what = told(reply);
        assert!(what.contains(expected), "{start:?}: {what}");
    }
}

#[test]
fn a_peer_that_dawdles_is_left_when_the_time_is_up() {
    let (mut mine, mut theirs) = UnixStream::pair().unwrap();
    // A timeout per read would never fire while one byte arrives now and then.
    let peer = spawn(move || {
        for byte in OK.bytes().cycle() {
            std::thread::park_timeout(Duration::from_millis(5));
            if theirs.write_all(&[byte]).is_err() {
                return;
            }
        }
    });
    let request = Request {
        method: "GET",
        target: "/",
        host: "localhost",
        accept: JSON,
        key: None,
        agent: AGENT,
        last_event_id: None,
        body: None,
    };
    let broken = exchange(&mut mine, &request, Duration::from_millis(60)).err().unwrap();
    assert!(matches!(broken, ExchangeError::Timeout), "{broken:?}");
    drop(mine);
    peer.join().unwrap();
}

#[test]
fn an_error_reply_keeps_its_code_fact_and_advice() {
    for row in ErrorCode::TABLE.into_iter().filter(|row| row.status != 0) {
        let body = format!(r#"{{"error":"{}","error_description":"a fact","hint":"an advice","later":1}}"#, row.name);
        let reply = format!("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n{body}", row.status, body.len());
        let failure = token_from(reply).unwrap_err();
        assert_eq!((failure.code(), failure.code().row().exit), (row.code, row.exit));
        let reply = failure.reply().unwrap();
        assert_eq!((&*reply.error_description, &*reply.hint), ("a fact", "an advice"));
    }
}

#[test]
fn an_error_without_an_explanation_names_its_status_and_quotes_nothing() {
    let failure = token_from("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\ncanary").unwrap_err();
    let told = format!("{failure:?}");
    assert!(told.contains("502") && !told.contains("canary"), "{told}");
}

#[test]
fn account_names_cannot_climb_out_of_their_place_in_the_path() {
    for (name, target) in [
        ("../x?y#z", "/v1/accounts/..%2Fx%3Fy%23z/token"),
        ("..", "/v1/accounts/%2E%2E/token"),
        ("a.b", "/v1/accounts/a.b/token"),
    ] {
        assert_eq!(account_target(name, "/token"), target);
    }
    let options = TokenOptions { wait: Some(3), ..TokenOptions::default() };
    assert_eq!(token_target("a", &options), "/v1/accounts/a/token?wait=3");
    let options = TokenOptions { min_ttl: Some(60), ..options };
    assert_eq!(token_target("ä", &options), "/v1/accounts/%C3%A4/token?min_ttl=60&wait=3");
    let options = TokenOptions {
        scope: Some("a b&c".into()),
        audience: Some("urn:x#y".into()),
        resource: Some("https://api.example/".into()),
        ..TokenOptions::default()
    };
    let query = "scope=a+b%26c&audience=urn%3Ax%23y&resource=https%3A%2F%2Fapi.example%2F";
    assert_eq!(token_target("a", &options), format!("/v1/accounts/a/token?{query}"));
}

/// The client that is found with the environment `vars`.
fn found(vars: &[(&str, &str)]) -> Result<Client, Error> {
    let env = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
    Ok(Client { daemon: discover(&DaemonOptions::default(), &env)?, agent: AGENT })
}

#[test]
fn over_tcp_the_key_and_the_right_host_go_along() {
    let folder = Folder::new();
    let key = folder.file("key", "k123\n", 0o600);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let peer = spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        let length = head.split("Content-Length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        (head, String::from_utf8(body).unwrap())
    });
    let url = format!("http://localhost:{}", address.port());
    let client = found(&[("RINGBACK_URL", &url), ("RINGBACK_KEY_FILE", key.to_str().unwrap())]).unwrap();
    let failure = client
        .start_login("default", LoginRequest { via: LoginVia::CallerBrowser, ..LoginRequest::default() })
        .unwrap_err();
    assert!(failure.to_string().contains("version 1"));
    let (head, body) = peer.join().unwrap();
    assert!(head.starts_with("POST /v1/accounts/default/login HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("Host: localhost:{}\r\n", address.port())), "{head}");
    assert!(head.contains("Authorization: Bearer k123\r\n") && head.contains("Connection: close\r\n"), "{head}");
    assert_eq!(body, r#"{"via":"caller_browser"}"#);
}

#[test]
fn a_token_is_handed_over_on_the_socket_and_nowhere_else() {
    let token =
        || ImportRequest { access_token: Some("canary".into()), refresh_token: None, ..ImportRequest::default() };
    let folder = Folder::new();
    let key = folder.file("key", "k123\n", 0o600);
    // Nothing listens there: a client that tried to connect would report that instead.
    let client =
        found(&[("RINGBACK_URL", "http://127.0.0.1:1"), ("RINGBACK_KEY_FILE", key.to_str().unwrap())]).unwrap();
    let failure = client.import("work", token()).unwrap_err();
    assert_eq!(failure.code(), ErrorCode::Forbidden, "{failure:?}");
    let peer = peer(&folder.path("s"), format!("{OK}Content-Length: 2\r\n\r\n{{}}").into());
    assert!(at(&folder.path("s")).import("work", token()).is_err());
    assert!(peer.join().unwrap().starts_with("POST /v1/accounts/work/import HTTP/1.1\r\n"));
}

#[test]
fn a_url_that_leaves_the_machine_or_the_scheme_is_a_usage_error() {
    for url in [
        "https://127.0.0.1:7464",
        "http://10.0.0.1:7464",
        "http://0.0.0.0:7464",
        "http://example.com:7464",
        "http://localhost.example.com:7464",
        "http://user:canary@127.0.0.1:7464",
        "http://127.0.0.1:7464/v1",
        "127.0.0.1:7464",
        "canary",
    ] {
        let failure = found(&[("RINGBACK_URL", url), ("RINGBACK_KEY_FILE", "/k")]).unwrap_err();
        assert_eq!(failure.code(), ErrorCode::Usage, "{url}");
        assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
    }
    assert_eq!(found(&[("RINGBACK_URL", "http://127.0.0.1:1")]).unwrap_err().code(), ErrorCode::Usage);
    assert!(found(&[("RINGBACK_URL", "http://[::1]:7464/"), ("RINGBACK_KEY_FILE", "/k")]).is_ok());
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let folder = Folder::new();
    let code = |path: &Path| read_key(path).err().map(|failure| failure.code());
    assert_eq!(read_key(&folder.file("good", " k1 \n", 0o600)).unwrap().expose(), "k1");
    for mode in [0o640, 0o604, 0o660, 0o777] {
        assert_eq!(code(&folder.file("open", "k1", mode)), Some(ErrorCode::Forbidden), "{mode:o}");
    }
    for text in ["", "\n", "k\r\nX: y", "two keys"] {
        assert_eq!(code(&folder.file("odd", text, 0o600)), Some(ErrorCode::Usage), "{text:?}");
    }
    assert_eq!(code(&folder.path("none")), Some(ErrorCode::Usage));
    assert_eq!(code(folder.0.path()), Some(ErrorCode::Forbidden), "a folder is no key");
}

#[test]
fn endpoint_json_leads_to_the_socket_first_and_else_to_tcp() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("ringback")).unwrap();
    let runtime = folder.0.path().to_str().unwrap().to_owned();
    let door = |text: &str, mode| {
        folder.file("ringback/endpoint.json", text, mode);
        found(&[("HOME", "/nonexistent"), ("XDG_RUNTIME_DIR", &runtime)])
            .map(|client| format!("{:?}", client.daemon.transport))
    };
    let both = r#"{"version":1,"url":"http://127.0.0.1:7464","key_file":"/k","socket":"/s","pid":1}"#;
    assert_eq!(door(both, 0o600).unwrap(), r#"Socket("/s")"#);
    let tcp = r#"{"version":1,"url":"http://127.0.0.1:7464","key_file":"/k","pid":1,"later":true}"#;
    assert!(door(tcp, 0o600).unwrap().starts_with("Tcp { address: 127.0.0.1:7464"));
    assert!(door(r#"{"version":1,"pid":1}"#, 0o600).unwrap().ends_with(r#"/ringback/ringback.sock")"#));
    assert_eq!(door(both, 0o622).unwrap_err().code(), ErrorCode::Forbidden);
    assert_eq!(door("{", 0o600).unwrap_err().code(), ErrorCode::Usage);
    let far = both.replace("127.0.0.1", "10.0.0.1").replace(r#","socket":"/s""#, "");
    assert_eq!(door(&far, 0o600).unwrap_err().code(), ErrorCode::Usage);
}

#[test]
fn a_daemon_that_is_not_there_is_exit_code_3_at_once() {
    let folder = Folder::new();
    let runtime = folder.0.path().to_str().unwrap().to_owned();
    let failure = found(&[("HOME", "/nonexistent"), ("XDG_RUNTIME_DIR", &runtime)]).unwrap().accounts().unwrap_err();
    assert_eq!((failure.code(), failure.code().row().exit), (ErrorCode::NoDaemon, 3));
    drop(UnixListener::bind(folder.path("stale")).unwrap());
    assert_eq!(at(&folder.path("stale")).accounts().unwrap_err().code(), ErrorCode::NoDaemon);
}

#[test]
fn a_daemon_that_is_just_starting_is_waited_for() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("ringback")).unwrap();
    let socket = folder.path("late.sock");
    let endpoint = format!(r#"{{"version":1,"socket":"{}","pid":{}}}"#, socket.display(), std::process::id());
    folder.file("ringback/endpoint.json", &endpoint, 0o600);
    let runtime = folder.0.path().to_str().unwrap().to_owned();
    let client = found(&[("HOME", "/nonexistent"), ("XDG_RUNTIME_DIR", &runtime)]).unwrap();
    let asking =
        spawn(move || client.token("default", &TokenOptions::default()).map(|token| token.expose().to_owned()));
    std::thread::park_timeout(Duration::from_millis(300));
    let peer = peer(&socket, format!("{OK}Content-Length: 1\r\n\r\nt").into());
    assert_eq!(asking.join().unwrap().unwrap(), "t");
    peer.join().unwrap();
}

const EVENT: &str = r#"{"version":1,"event":"refreshed","account":"work","at":7}"#;

fn refreshed() -> crate::Happened {
    crate::Happened::Event(serde_json::from_str(EVENT).unwrap())
}

fn lagged(missed: Option<u64>) -> crate::Happened {
    crate::Happened::Lagged { missed }
}

#[test]
fn events_are_read_one_by_one_until_the_stream_ends() {
    let parts = [
        ": a comment\n\n".to_owned(),
        "event: refreshed\nda".to_owned(),
        format!("ta: {EVENT}\n\n"),
        "event: later\ndata: {\"version\":1,\"event\":\"later\"}\n\n".to_owned(),
        "event: missed\ndata: {\"version\":1}\n\n".to_owned(),
    ];
    let chunks = parts.each_ref().map(|part| format!("{:x}\r\n{part}\r\n", part.len())).concat();
    for reply in
        [format!("{OK}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"), format!("{OK}\r\n{}", parts.concat())]
    {
        let folder = Folder::new();
        let peer = peer(&folder.path("s"), reply.into());
        let mut events = at(&folder.path("s")).events().unwrap();
        assert_eq!(events.wait().unwrap(), refreshed());
        assert_eq!(events.wait().unwrap(), lagged(None), "an event of a newer daemon");
        assert_eq!(events.wait().unwrap(), lagged(None), "from a daemon of 0.1.0");
        assert!(matches!(events.wait(), Err(Error::Disconnected { .. })));
        let asked = peer.join().unwrap();
        assert!(asked.starts_with("GET /v1/events HTTP/1.1\r\n") && !asked.contains("Last-Event-ID"), "{asked}");
    }
}

#[test]
fn a_stream_is_resumed_after_its_last_event() {
    let folder = Folder::new();
    let socket = folder.path("s");
    let begin = |parts: &str| {
        let _ = std::fs::remove_file(&socket);
        peer(&socket, format!("{OK}\r\n{parts}").into())
    };
    // What the daemon sends, what is heard of it, and the id by which the next stream is asked for.
    let missed = "event: missed\ndata: {\"version\":1}\n\n";
    let lag = "id: b-7\nevent: lagged\ndata: {\"version\":1,\"id\":\"b-7\",\"event\":\"lagged\",\"missed\":3}\n\n";
    let first = begin("id: a-1\n\n");
    let client = at(&socket);
    let mut events = client.events().unwrap();
    assert!(events.wait().is_err());
    assert!(!first.join().unwrap().contains("Last-Event-ID"));
    for (parts, heard, id) in [
        (format!("event: refreshed\nid: a-2\ndata: {EVENT}\n\n"), vec![refreshed()], "a-2"),
        (format!("{lag}{missed}"), vec![lagged(Some(3))], "b-7"),
        // Not what a daemon has for an id: it could not be sent.
        (format!("id: a 1\ndata: {EVENT}\n\nid: \u{e9}\ndata: {EVENT}\n\n"), vec![refreshed(), refreshed()], "b-7"),
    ] {
        let before = events.last_id().unwrap().to_owned();
        let peer = begin(&parts);
        client.resume_events(&mut events).unwrap();
        assert!(peer.join().unwrap().contains(&format!("\r\nLast-Event-ID: {before}\r\n")));
        for expected in heard {
            assert_eq!(events.wait().unwrap(), expected);
        }
        assert!(events.wait().is_err());
        assert_eq!(events.last_id(), Some(id));
    }
    std::fs::remove_file(&socket).unwrap();
    assert_eq!(client.resume_events(&mut events).unwrap_err().code(), ErrorCode::NoDaemon);
    assert_eq!(events.last_id(), Some("b-7"), "it can be tried again");
}

#[test]
fn where_there_is_no_usable_id_the_caller_is_told_that_events_may_be_lost() {
    let folder = Folder::new();
    let socket = folder.path("s");
    let event = format!("data: {EVENT}\n\n");
    let first = peer(&socket, format!("{OK}\r\n{event}").into());
    let client = at(&socket);
    let mut events = client.events().unwrap();
    assert_eq!(events.wait().unwrap(), refreshed());
    first.join().unwrap();
    std::fs::remove_file(&socket).unwrap();
    let again = peer(&socket, format!("{OK}\r\n{event}").into());
    client.resume_events(&mut events).unwrap();
    assert_eq!([events.wait().unwrap(), events.wait().unwrap()], [lagged(None), refreshed()]);
    assert!(!again.join().unwrap().contains("Last-Event-ID"));
    for id in ["", "a\r\nX: y", "a b", &"a".repeat(200)] {
        std::fs::remove_file(&socket).unwrap();
        let peer = peer(&socket, format!("{OK}\r\n{event}").into());
        let mut events = client.events_after(id).unwrap();
        assert_eq!(events.wait().unwrap(), lagged(None), "{id:?}");
        let asked = peer.join().unwrap();
        assert!(!asked.contains("Last-Event-ID") && !asked.contains("X: y"), "{asked}");
    }
}

#[test]
fn a_daemon_without_events_says_so() {
    let folder = Folder::new();
    let body = r#"{"error":"not_found","error_description":"no such route","hint":"h"}"#;
    let reply = format!("HTTP/1.1 404 X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let peer = peer(&folder.path("s"), reply.into());
    assert_eq!(at(&folder.path("s")).events().unwrap_err().code(), ErrorCode::NotFound);
    peer.join().unwrap();
}
