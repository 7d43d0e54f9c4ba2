//! Callers that are slow, stuck or just waiting, five hundred at a time on either door: somebody else is served all the
//! same, and about as fast as before.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::idp::Idp;
use crate::siege::Siege;
use crate::world::{World, account, provider};

const CALLERS: usize = 500;
const REQUESTS: usize = 1000;
/// As many as it takes to know the median.
const BEFORE: usize = 200;

/// Name, and what each of the callers sends; what comes back is never read.
#[rustfmt::skip]
const ATTACKS: &[(&str, &str)] = &[
    ("say nothing", ""),
    ("send half a head", "GET /v1/accounts/work/token HTTP/1.1\r\nHost: {A}\r\nAuthor"),
    ("send half a body", "POST /v1/accounts/idle/login HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"),
    ("never read their reply", "GET /v1/accounts HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n"),
    ("ask again and again and never read", LARGE),
    ("wait for a login", "GET /v1/accounts/idle/token?wait=600 HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n"),
];

/// Sent 90 times at once: more answers than have room in a socket of the kernel.
const LARGE: &str = "GET /static/style.css HTTP/1.1\r\nHost: {A}\r\n\r\n";

/// How a stuck caller holds its end.
enum Held {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Sends as much as goes out without anybody reading.
fn stuck(world: &World, over_tcp: bool, text: &str) -> Held {
    if over_tcp {
        let mut stream = TcpStream::connect(world.authority()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let _ = stream.write(text.as_bytes());
        Held::Tcp(stream)
    } else {
        let mut stream = UnixStream::connect(world.runtime().join("ringback.sock")).unwrap();
        stream.set_nonblocking(true).unwrap();
        let _ = stream.write(text.as_bytes());
        Held::Unix(stream)
    }
}

/// How long each of `count` requests for a token took, in order; all succeed.
fn latencies(socket: &Path, count: usize) -> Vec<Duration> {
    let mut all: Vec<Duration> = (0..count)
        .map(|number| {
            let begun = Instant::now();
            let mut stream = UnixStream::connect(socket).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            stream
                .write_all(b"GET /v1/accounts/work/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .unwrap();
            let mut reply = String::new();
            stream.read_to_string(&mut reply).unwrap_or_else(|error| panic!("request {number}: {error}"));
            assert!(reply.starts_with("HTTP/1.1 200"), "request {number}: {reply}");
            begun.elapsed()
        })
        .collect();
    all.sort();
    all
}

#[test]
fn five_hundred_stuck_callers_cost_nobody_else_an_answer() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(4096, |maximum| maximum.min(4096));
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }).unwrap();
    let mut siege = Siege::default();
    for over_tcp in [true, false] {
        for (name, text) in ATTACKS {
            siege.row();
            let idp = Idp::start();
            let accounts = ["work", "idle"].map(|name| account(name, "idp", "")).concat();
            let top = "default_account = \"work\"\n".to_owned() + &provider("idp", &idp, "/token", "");
            let mut world = World::with_config(&(top + &accounts));
            world.run();
            world.log_in("work");
            world.start_login("idle", "caller_browser");
            let text = if *text == LARGE { LARGE.repeat(90) } else { (*text).to_owned() };
            let text = text.replace("{A}", &world.authority()).replace("{K}", &world.key());
            let socket = world.runtime().join("ringback.sock");
            let before = latencies(&socket, BEFORE);
            let held: Vec<Held> = (0..CALLERS).map(|_| stuck(&world, over_tcp, &text)).collect();
            let during = latencies(&socket, REQUESTS);
            let (slowest, ratio) =
                (during[REQUESTS - 1], during[REQUESTS / 2].as_secs_f64() / before[BEFORE / 2].as_secs_f64());
            let door = if over_tcp { "TCP" } else { "the socket" };
            println!("500 on {door} {name}: the median is {ratio:.1} times what it was, the slowest took {slowest:?}");
            siege.expect(name, slowest < Duration::from_secs(10), (door, slowest));
            siege.expect(name, ratio < 20.0, (door, ratio));
            drop(held);
        }
    }
    siege.end();
}
