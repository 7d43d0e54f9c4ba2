//! A hostile provider's token endpoint.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ringback::contract::{AccountState, LoginStatus};

use crate::idp::{Act, Idp, plain, with_header};
use crate::world::World;

/// The target of redirects; counts connections.
pub(crate) struct Elsewhere {
    pub(crate) url: String,
    pub(crate) visits: Arc<AtomicUsize>,
}

impl Elsewhere {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/stolen", listener.local_addr().unwrap());
        let visits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&visits);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.unwrap().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Self { url, visits }
    }
}

/// Name, and the reply to the code, given the URL of another server.
type Attack = (&'static str, fn(&str) -> Vec<u8>);

pub(crate) fn json(body: &str) -> Vec<u8> {
    plain(200, "application/json", body)
}

pub(crate) fn redirect(status: u16, to: &str) -> Vec<u8> {
    with_header(status, &format!("Location: {to}"), "")
}

/// A well-formed head, then `body` without a declared length.
fn endless(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{head}\r\nConnection: close\r\n\r\n").as_bytes(), body].concat()
}

#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    ("301 to another server", |e| redirect(301, e)),
    ("302 to another server", |e| redirect(302, e)),
    ("303 to another server", |e| redirect(303, e)),
    ("307 to another server, which would resend the secret", |e| redirect(307, e)),
    ("308 to another server", |e| redirect(308, e)),
    ("307 to a file", |_| redirect(307, "file:///etc/passwd")),
    ("a refresh header", |e| with_header(200, &format!("Refresh: 0;url={e}"), "")),
    ("a captive portal's page", |_| plain(200, "text/html", "<html>Please log in to the WLAN")),
    ("an empty reply", |_| json("")),
    ("no object", |_| json("[1]")),
    ("no token", |_| json(r#"{"token_type":"bearer"}"#)),
    ("an empty token", |_| json(r#"{"access_token":"","token_type":"bearer"}"#)),
    ("a token with a line break", |_| json(r#"{"access_token":"a\r\nX-Evil: 1","token_type":"bearer"}"#)),
    ("a token with a zero", |_| json(r#"{"access_token":"a\u0000b","token_type":"bearer"}"#)),
    ("a token with a space", |_| json(r#"{"access_token":"a b","token_type":"bearer"}"#)),
    ("a token that is not ASCII", |_| json(r#"{"access_token":"tökén","token_type":"bearer"}"#)),
    ("a token of more than 64 KiB", |_| json(&format!(r#"{{"access_token":"{}","token_type":"bearer"}}"#, "a".repeat(65_537)))),
    ("a token that is a number", |_| json(r#"{"access_token":7,"token_type":"bearer"}"#)),
    ("an unusable token type", |_| json(r#"{"access_token":"AT~evil","token_type":"mac"}"#)),
    ("deeply nested", |_| json(&format!(r#"{{"access_token":"AT~evil","token_type":"bearer","x":{}}}"#, "[".repeat(100_000)))),
    ("a reply of 8 MiB", |_| json(&format!(r#"{{"access_token":"AT~evil","token_type":"bearer","x":"{}"}}"#, "y".repeat(8 << 20)))),
    ("a reply without a declared length", |_| endless("Content-Type: application/json", &vec![b' '; 4 << 20])),
    ("endless chunks", |_| endless("Content-Type: application/json\r\nTransfer-Encoding: chunked", "10000\r\n".bytes().chain(vec![b' '; 0x10000]).chain(*b"\r\n").collect::<Vec<u8>>().repeat(40).as_slice())),
    ("a gzip bomb", |_| endless("Content-Type: application/json\r\nContent-Encoding: gzip", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c, 4, 0])),
    ("a thousand header lines", |_| endless(&"X-Flood: 1\r\n".repeat(1000), b"{}")),
    ("a header line of a mebibyte", |_| endless(&format!("X-Flood: {}", "f".repeat(1 << 20)), b"{}")),
    ("a hundred interim replies", |_| ["HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100).as_bytes(), b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"].concat()),
    ("half a head", |_| b"HTTP/1.1 200 OK\r\nContent-Ty".to_vec()),
    ("half a body", |_| b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"access_token\":\"AT~evil\"".to_vec()),
    ("not HTTP", |_| b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
    ("script in an error", |_| plain(400, "application/json", r#"{"error":"invalid_grant","error_description":"<script>alert(1)</script>\u001b[31m"}"#)),
    ("script as an error's code", |_| plain(400, "application/json", r#"{"error":"<script>alert(1)</script>\u001b[2J"}"#)),
];

#[test]
fn no_hostile_token_reply_completes_a_login_or_is_followed_elsewhere() {
    let (idp, elsewhere) = (Idp::start(), Elsewhere::open());
    let world = World::start(&idp);
    let mut wrong = Vec::new();
    for (name, reply) in ATTACKS {
        idp.next(Act::Raw(reply(&elsewhere.url)));
        let (page, end) = world.try_log_in("work");
        let told = format!("{end:?}");
        if end.status != LoginStatus::Failed {
            wrong.push(format!("{name}: the login ended as {end:?}"));
        }
        if page.body.contains("<script>alert") || page.body.contains('\u{1b}') || told.contains('\u{1b}') {
            wrong.push(format!("{name}: what it wrote is on the page or in the reply: {} {told}", page.body));
        }
        if world.account("work").state != AccountState::SignedOut {
            wrong.push(format!("{name}: the account is {:?}", world.account("work").state));
            break;
        }
        if elsewhere.visits.load(Ordering::SeqCst) > 0 {
            wrong.push(format!("{name}: another server received a request"));
            break;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let log = world.log();
    assert!(!log.contains("<script>alert") || !log.contains('\u{1b}'), "raw escapes in the log");
    assert!(!log.contains("AT~evil"), "a token in the log");
    world.log_in("work");
    println!("{} attacks, all refused", ATTACKS.len());
}

/// Name, and the reply to a refresh: the old token is still served.
#[rustfmt::skip]
const AT_REFRESH: &[Attack] = &[
    ("307 to another server at a refresh", |e| redirect(307, e)),
    ("308 to another server at a refresh", |e| redirect(308, e)),
    ("a captive portal's 302 at a refresh", |e| redirect(302, e)),
    ("a page instead of a refresh", |_| plain(200, "text/html", "<html>")),
    ("a token with a line break at a refresh", |_| json(r#"{"access_token":"a\nb","token_type":"bearer"}"#)),
    ("another type at a refresh", |_| json(r#"{"access_token":"AT~evil","token_type":"mac"}"#)),
    ("503 at a refresh", |_| plain(503, "text/plain", "no")),
];

#[test]
fn no_reply_to_a_refresh_costs_the_login() {
    let (idp, elsewhere) = (Idp::start(), Elsewhere::open());
    let world = World::start(&idp);
    for (name, reply) in AT_REFRESH {
        world.log_in("work");
        let token = world.token("work");
        idp.next(Act::Raw(reply(&elsewhere.url)));
        assert_ne!(world.post("/v1/accounts/work/refresh").status, 200, "{name}");
        assert_eq!(world.token("work"), token, "{name}: the old token is still served");
        assert_eq!(world.account("work").state, AccountState::Active, "{name}");
    }
    assert_eq!(elsewhere.visits.load(Ordering::SeqCst), 0, "another server received a request");
    println!("{} attacks, all refused", AT_REFRESH.len());
}
