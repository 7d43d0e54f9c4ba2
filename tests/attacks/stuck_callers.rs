//! Slow, stuck or waiting callers, five hundred at a time on TCP or on the socket: other callers are served on both
//! about as fast as before.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::{Request, Wire, parse};
use crate::idp::{Act, Idp};
use crate::report::{Report, alone};
use crate::world::{World, account, provider, until};

const CALLERS: usize = 500;
const REQUESTS: usize = 1000;
/// Enough requests for a stable median.
const BEFORE: usize = 200;
/// Longer than the daemon waits for a provider.
const LONG: Duration = Duration::from_secs(60);
/// The time to evict a connection for a new one: far less than a connection may keep its slot.
const SLOWEST: Duration = Duration::from_secs(4);
/// The time that a debug build takes to answer [`LARGE`] 45 000 times.
const ANSWERING: Duration = Duration::from_secs(16);

/// Name, and what each caller sends; replies are never read. Account `work` has a valid token, `idle` has none, the
/// provider of `hung` has stopped answering, and the provider of `lost` has never answered.
#[rustfmt::skip]
const ATTACKS: &[(&str, &str)] = &[
    ("say nothing", ""),
    ("send half a head", "GET /v1/accounts/work/token HTTP/1.1\r\nHost: {A}\r\nAuthor"),
    ("send half a body", "POST /v1/accounts/idle/login HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"),
    ("never read their reply", "GET /v1/accounts HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n"),
    (FLOOD, LARGE),
    ("show a wrong key", "GET /token HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer rbk_wrong\r\n\r\n"),
    ("listen to events", "GET /v1/events HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n"),
    ("wait for a login", "GET /v1/accounts/idle/token?wait=600 HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n"),
    ("refresh", "POST /v1/accounts/hung/refresh HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n"),
    ("report a rejected token", "POST /v1/accounts/hung/rejected HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n"),
    ("log out", "DELETE /v1/accounts/hung/token HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n"),
    ("ask what the provider says", "GET /v1/accounts/hung/info HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n"),
    ("hand a token over", "POST /v1/accounts/hung/import HTTP/1.1\r\nHost: {A}\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"access_token\":\"t\"}"),
    ("begin a login", "POST /v1/accounts/lost/login HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n"),
    ("accept an issuer", "POST /v1/providers/nowhere/accept HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n"),
];

const FLOOD: &str = "ask again and again and never read";
/// Sent 90 times at once: more replies than the kernel's socket buffer holds.
const LARGE: &str = "GET /static/style.css HTTP/1.1\r\nHost: {A}\r\n\r\n";

/// The connection of a stuck caller.
enum Held {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Sends as much as possible without reading. `None`: the daemon and the kernel's accept queue are full.
fn stuck(world: &World, over_tcp: bool, text: &str) -> Option<Held> {
    if over_tcp {
        let address = world.authority().parse().unwrap();
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
        stream.set_nonblocking(true).unwrap();
        let _ = stream.write(text.as_bytes());
        return Some(Held::Tcp(stream));
    }
    let address = SocketAddrUnix::new(world.runtime().join("ringback.sock")).unwrap();
    let begun = Instant::now();
    loop {
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::NONBLOCK, None).unwrap();
        match connect(&socket, &address) {
            Ok(()) => {
                let mut stream = UnixStream::from(socket);
                let _ = stream.write(text.as_bytes());
                return Some(Held::Unix(stream));
            }
            Err(Errno::AGAIN) if begun.elapsed() < Duration::from_secs(1) => sleep(Duration::from_millis(1)),
            Err(_) => return None,
        }
    }
}

/// A provider that accepts connections and never replies.
fn black_hole() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// The accounts under attack.
fn world(hole: &str, listen: &str) -> World {
    let (idp, hung) = (Idp::start(), Idp::start());
    let endpoints = format!("revoke_url = \"{hole}/revoke\"\nintrospect_url = \"{hole}/introspect\"");
    let config = [
        "default_account = \"work\"\n".to_owned(),
        provider("idp", &idp, "/token", ""),
        provider("hung", &hung, "/token", &endpoints),
        provider("pushed", &idp, "/token", &format!("par = \"always\"\npar_url = \"{hole}/par\"")),
        format!("[providers.nowhere]\npreset = \"oidc\"\nissuer = \"{hole}\"\n"),
        account("work", "idp", ""),
        account("idle", "idp", ""),
        account("hung", "hung", ""),
        account("lost", "nowhere", ""),
        account("one", "pushed", ""),
        account("other", "pushed", ""),
        listen.to_owned(),
    ];
    let mut world = World::with_config(&config.concat());
    world.run();
    world.log_in("work");
    world.log_in("hung");
    hung.always_at("/token", Act::Stall(Vec::new(), LONG));
    world.start_login("idle", "caller_browser");
    world
}

/// The sorted latencies of `count` successful token requests; stops early once one is far too slow.
fn latencies(world: &World, over_tcp: bool, count: usize) -> Vec<Duration> {
    let (authority, bearer) = (world.authority(), format!("Bearer {}", world.key()));
    let request = Request::get("/v1/accounts/work/token").header("Authorization", &bearer).bytes(&authority);
    let mut all = Vec::with_capacity(count);
    while all.len() < count && all.last().is_none_or(|took| *took < ANSWERING) {
        let begun = Instant::now();
        let wire = if over_tcp { Wire::tcp(&authority) } else { world.wire() };
        let reply = wire.ask(&request);
        assert_eq!(reply.status, 200, "request {}: {reply:?}", all.len());
        all.push(begun.elapsed());
    }
    all.sort();
    all
}

fn median(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() / 2]
}

fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(4096, |maximum| maximum.min(4096));
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }).unwrap();
}

#[test]
fn five_hundred_stuck_callers_delay_no_other_caller() {
    let _alone = alone();
    allow_many_files();
    let mut report = Report::default();
    for over_tcp in [true, false] {
        for (name, text) in ATTACKS {
            report.row();
            let (_hole, url) = black_hole();
            let world = world(&url, "");
            let text = if *text == LARGE { LARGE.repeat(90) } else { (*text).to_owned() };
            let text = text.replace("{A}", &world.authority()).replace("{K}", &world.key());
            let before = latencies(&world, over_tcp, BEFORE);
            let begun = Instant::now();
            let held: Vec<Held> = (0..CALLERS).map_while(|_| stuck(&world, over_tcp, &text)).collect();
            let came = begun.elapsed();
            let during = latencies(&world, over_tcp, REQUESTS);
            let elsewhere = latencies(&world, !over_tcp, BEFORE);
            let (slowest, there) = (*during.last().unwrap(), *elsewhere.last().unwrap());
            let ratio = median(&during).as_secs_f64() / median(&before).as_secs_f64();
            let (door, other) = if over_tcp { ("TCP", "the socket") } else { ("the socket", "TCP") };
            println!(
                "{} on {door} came within {came:?} and {name}: the median is {ratio:.1} times what it was, the slowest \
                 took {slowest:?}; on {other} {there:?}",
                held.len()
            );
            report.expect(name, held.len() == CALLERS, (door, held.len()));
            drop(held);
        }
    }
    report.end();
}

/// Of 30 connections, a third may be waiting requests on each transport.
const SMALL: &str = "[listen]\ntcp = [\"127.0.0.1:0\"]\nmax_connections = 30\n";
const THIRD: usize = 10;

#[test]
fn waiting_tcp_callers_take_no_slots_of_the_socket() {
    let (_hole, url) = black_hole();
    let world = world(&url, SMALL);
    let (authority, bearer) = (world.authority(), format!("Bearer {}", world.key()));
    let wait = |seconds: u32| Request::get(&format!("/v1/accounts/idle/token?wait={seconds}"));
    let waiting: Vec<Wire> = (0..=THIRD)
        .map(|_| {
            let mut wire = Wire::tcp(&authority);
            wire.send(&wait(600).header("Authorization", &bearer).bytes(&authority));
            wire
        })
        .collect();
    // The caller that found no free slot.
    world.until_logged("answered status=428");
    let mut patient = world.wire();
    patient.send(&wait(600).bytes("localhost"));
    assert_eq!(world.ask_tcp(&wait(600).header("Authorization", &bearer)).status, 428, "no slot is free");
    // The socket has a free slot: that caller gets the token of the login that follows.
    world.log_in("idle");
    assert_eq!(parse(&patient.rest()).status, 200);
    drop(waiting);
}

#[test]
fn without_a_free_waiting_slot_a_request_fails_at_once_and_starts_nothing() {
    let (_hole, url) = black_hole();
    let world = world(&url, SMALL);
    let refresh = Request::new("POST", "/v1/accounts/hung/refresh");
    let waiting: Vec<Wire> = (0..=THIRD)
        .map(|_| {
            let mut wire = world.wire();
            wire.send(&refresh.bytes("localhost"));
            wire
        })
        .collect();
    world.until_logged("answered status=503");
    for (method, target) in [
        ("POST", "/v1/accounts/hung/refresh"),
        ("POST", "/v1/accounts/hung/rejected"),
        ("GET", "/v1/accounts/hung/info"),
        ("DELETE", "/v1/accounts/work/token"),
        ("POST", "/v1/accounts/work/login"),
        ("POST", "/v1/providers/nowhere/accept"),
        ("POST", "/v1/unlock"),
    ] {
        let reply = world.ask(&Request::new(method, target));
        assert_eq!(
            (reply.code().as_str(), reply.header("retry-after")),
            ("provider_unreachable", Some("5")),
            "{target}"
        );
        assert!(
            reply.json()["error_description"].as_str().unwrap().contains("too many callers are already waiting"),
            "{reply:?}"
        );
    }
    let import = Request::new("POST", "/v1/accounts/hung/import").json(r#"{"access_token":"t"}"#);
    assert_eq!(world.ask(&import).status, 503);
    assert!(!world.token("work").is_empty(), "it was not logged out");
    // Callers must not be able to prevent a lock.
    assert_eq!(world.post("/v1/lock").status, 503);
    until("the store is locked anyway", || (world.get("/v1/accounts/work/token?wait=0").status == 423).then_some(()));
    drop(waiting);
}

#[test]
fn a_login_that_finds_no_free_slot_can_be_started_later() {
    let (hole, url) = black_hole();
    // A sixteenth of the slots is reserved for browsers: one.
    let world = world(&url, SMALL);
    let authority = world.authority();
    let [one, other] = ["one", "other"].map(|account| world.start_login(account, "caller_browser"));
    let path = |url: Option<&str>| url.unwrap().split_once(&authority).unwrap().1.to_owned();
    let mut first = Wire::tcp(&authority);
    first.send(&Request::get(&path(one.start_url.as_deref())).bytes(&authority));
    // It waits for the provider's reply to a pushed authorization request.
    let _asking = hole.accept().unwrap();
    let second = Request::get(&path(other.start_url.as_deref()));
    let reply = world.ask_tcp(&second);
    assert!(reply.status == 503 && reply.body.contains("this link still works"), "{reply:?}");
    drop(first);
    // The provider closes the connection of this request.
    let refusing = std::thread::spawn(move || drop(hole.accept().unwrap()));
    let begun = until("there is a place", || Some(world.ask_tcp(&second)).filter(|reply| reply.status != 503));
    assert_eq!(begun.status, 303, "{begun:?}");
    refusing.join().unwrap();
}
