//! Resource exhaustion by anyone who can connect. The owner is still served on the socket.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::Request;
use crate::idp::Idp;
use crate::report::alone;
use crate::world::{World, until};

fn connect(authority: &str) -> TcpStream {
    let stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(12))).unwrap();
    stream
}

/// Whether the daemon closes a connection after `bytes`, or after two more bytes a second if `drip`.
fn is_cut_off(authority: &str, bytes: &[u8], drip: bool) -> bool {
    let mut stream = connect(authority);
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    stream.write_all(bytes).unwrap();
    for _ in 0..DRIPS {
        match stream.read(&mut [0; 512]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return true,
        }
        if drip && stream.write_all(b"x").is_err() {
            return true;
        }
    }
    false
}

/// A minute of drips: many times longer than a head or a body may take, even on a busy machine.
const DRIPS: usize = 120;

/// Name, the first bytes, and whether more bytes drip in. All are closed within seconds.
#[rustfmt::skip]
const SLOW: &[(&str, &str, bool)] = &[
    ("says nothing", "", false),
    ("sends half a head", "GET /token HTTP/1.1\r\nHost: ", false),
    ("drips a head", "GET /token HTTP/1.1\r\nX: ", true),
    ("sends a head and no body", "POST /v1/accounts/work/login HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", false),
    ("drips a body", "POST /v1/accounts/work/login HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", true),
    ("stays after its answer", "GET /healthz HTTP/1.1\r\nHost: {A}\r\n\r\n", false),
];

#[test]
fn slow_requests_are_closed_within_seconds() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let (authority, key) = (world.authority(), world.key());
    let attempts: Vec<_> = SLOW
        .iter()
        .map(|(name, text, drip)| {
            let (authority, drip) = (authority.clone(), *drip);
            let bytes = text.replace("{A}", &authority).replace("{K}", &key);
            (name, std::thread::spawn(move || is_cut_off(&authority, bytes.as_bytes(), drip)))
        })
        .collect();
    for (name, attempt) in attempts {
        assert!(attempt.join().unwrap(), "{name}: kept");
    }
    println!("{} attacks, all refused", SLOW.len());
}

/// Oversized requests get an error status or a closed connection (0).
#[test]
fn oversized_requests_are_refused() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let (authority, key) = (world.authority(), world.key());
    let login = format!(
        "POST /v1/accounts/work/login HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    );
    let attacks = [
        (
            "a thousand header lines",
            format!("GET /token HTTP/1.1\r\nHost: {authority}\r\n{}\r\n", "X: 1\r\n".repeat(1000)),
        ),
        (
            "a header line of 64 KiB",
            format!("GET /token HTTP/1.1\r\nHost: {authority}\r\nX: {}\r\n\r\n", "x".repeat(65_536)),
        ),
        ("a target of 64 KiB", format!("GET /{} HTTP/1.1\r\nHost: {authority}\r\n\r\n", "x".repeat(65_536))),
        ("a body of a mebibyte", format!("{login}Content-Length: 1048576\r\n\r\n{}", " ".repeat(1 << 20))),
        (
            "a body of a mebibyte in chunks",
            format!("{login}Transfer-Encoding: chunked\r\n\r\n100000\r\n{}\r\n0\r\n\r\n", " ".repeat(1 << 20)),
        ),
    ];
    for (name, text) in &attacks {
        let mut stream = connect(&authority);
        // The daemon may close before everything is sent.
        let _ = stream.write_all(text.as_bytes());
        let mut reply = String::new();
        let _ = stream.read_to_string(&mut reply);
        let status: u16 = reply.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        assert!([0, 400, 413, 414, 431].contains(&status), "{name}: {reply:.200}");
    }
    world.until_logged("its head has more than 64 KiB or 64 lines");
    assert!(world.account("work").login_pending.is_none());
    println!("{} attacks, all refused", attacks.len());
}

#[test]
fn ten_thousand_connections_do_not_keep_the_owner_from_a_token() {
    let _alone = alone();
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(20_000, |maximum| maximum.min(20_000));
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }).unwrap();
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    let address: SocketAddr = world.authority().parse().unwrap();
    let fds = || std::fs::read_dir(format!("/proc/{}/fd", world.pid())).unwrap().count();
    let before = fds();
    // Connections over the limit wait in the kernel's queue, which is limited, too: an attempt without an answer is
    // abandoned for the next, up to ten thousand attempts.
    let storms: Vec<_> = (0..8)
        .map(|_| {
            let connect = move |_| TcpStream::connect_timeout(&address, Duration::from_millis(2)).ok();
            std::thread::spawn(move || (0..1250).filter_map(connect).collect::<Vec<_>>())
        })
        .collect();
    let mut slowest = Duration::ZERO;
    while !storms.iter().all(std::thread::JoinHandle::is_finished) {
        let begun = Instant::now();
        assert!(!world.token("work").is_empty());
        slowest = slowest.max(begun.elapsed());
        assert!(fds() < before + 600, "{} files are open", fds());
    }
    let held: Vec<TcpStream> = storms.into_iter().flat_map(|storm| storm.join().unwrap()).collect();
    assert!(held.len() > 190, "only {} connections", held.len());
    println!("{} of 10000 connections got through; the owner waited {slowest:?} at most", held.len());
    drop(held);
    until("the connections are closed", || (fds() <= before + 5).then_some(()));
    let key = format!("Bearer {}", world.key());
    assert_eq!(world.ask_tcp(&Request::get("/token").header("Authorization", &key)).status, 200);
}

#[test]
fn a_flood_of_wrong_keys_does_not_slow_a_right_one() {
    let _alone = alone();
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    let authority = world.authority();
    let key = format!("Bearer {}", world.key());
    // The first caller with a wrong key still waits when the one with the right key is answered.
    let is_first = || {
        let storm: Vec<_> = (0..50)
            .map(|number| {
                let mut stream = connect(&authority);
                let bearer = format!("Authorization: Bearer rbk_{number}");
                write!(stream, "GET /token HTTP/1.1\r\nHost: {authority}\r\n{bearer}\r\n\r\n").unwrap();
                stream
            })
            .collect();
        assert_eq!(world.ask_tcp(&Request::get("/token").header("Authorization", &key)).status, 200);
        storm.into_iter().any(|mut stream| {
            stream.set_nonblocking(true).unwrap();
            matches!(stream.read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
        })
    };
    until("a right key is answered before wrong ones that came first", || is_first().then_some(()));
}

#[test]
fn a_thousand_login_requests_share_one_login() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let first = world.start_login("work", "caller_browser");
    for _ in 0..1000 {
        let joined = world.start_login("work", "caller_browser");
        assert!(joined.joined && joined.login_id == first.login_id);
    }
    let (_, end) = world.try_log_in("work");
    assert_eq!(end.login_id, first.login_id);
    assert!(!world.token("work").is_empty());
}
