//! A hostile provider whose reply never ends: reading stops at a limit in bytes and in time, and other accounts are
//! served in the meantime.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use ringback::contract::LoginStatus;

use crate::idp::Idp;
use crate::report::{Report, alone};
use crate::world::{World, account, provider};

/// Far below a gigabyte, and well above the size of the socket buffers.
const FEW: usize = 16 << 20;
/// The most that is sent. In a row with this limit the daemon discards everything until its timeout.
const GIGABYTE: usize = 1 << 30;

/// Name, the first bytes, the bytes that are sent repeatedly, the pause between repetitions, and the most bytes that
/// the daemon may read.
type Attack = (&'static str, &'static str, &'static [u8], Duration, usize);

const NONE: Duration = Duration::ZERO;
const BLANKS: &[u8] = &[b' '; 1 << 16];

#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    ("a gigabyte, as announced", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n", BLANKS, NONE, FEW),
    ("a gigabyte, not announced", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n", BLANKS, NONE, FEW),
    ("a gigabyte as an error", "HTTP/1.1 400 No\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n", BLANKS, NONE, FEW),
    ("a gigabyte behind a 503", "HTTP/1.1 503 No\r\nRetry-After: 99999999999\r\nConnection: close\r\n\r\n", BLANKS, NONE, FEW),
    ("chunks without end", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", b"10\r\n                \r\n", NONE, FEW),
    ("a chunk's size without end", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", &[b'0'; 1 << 16], NONE, GIGABYTE),
    ("header lines without end", "HTTP/1.1 200 OK\r\n", b"X-Flood: 1\r\n", NONE, FEW),
    ("one header line without end", "HTTP/1.1 200 OK\r\nX-Flood: ", &[b'x'; 1 << 16], NONE, FEW),
    ("trailers without end", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Flood: 1\r\n", NONE, FEW),
    ("interim replies without end", "", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", NONE, GIGABYTE),
    ("silence", "", b"", Duration::from_secs(1), FEW),
    ("half a head, then silence", "HTTP/1.1 200 OK\r\nContent-Type: appl", b"", Duration::from_secs(1), FEW),
    ("half a body, then silence", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n{\"access_token\":\"AT~evil\"", b"", Duration::from_secs(1), FEW),
    ("a head by drops", "HTTP/1.1 200 OK\r\nX: ", b"x", Duration::from_millis(400), FEW),
    ("a body by drops", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n", b" ", Duration::from_millis(400), FEW),
];

/// Sends until the peer closes; returns how many bytes were sent.
fn flood(mut stream: TcpStream, (_, first, again, pause, _): Attack) -> usize {
    stream.set_write_timeout(Some(Duration::from_secs(25))).unwrap();
    let _ = stream.read(&mut [0; 8192]);
    let mut sent = stream.write(first.as_bytes()).unwrap_or(0);
    let again = if pause.is_zero() { again.repeat(((1 << 16) / again.len()).max(1)) } else { again.to_vec() };
    let begun = Instant::now();
    while sent < GIGABYTE && begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(pause);
        // If nothing is being sent, only a read shows whether the peer is still connected.
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let gone = matches!(stream.read(&mut [0; 64]), Ok(0));
        match stream.write(&again) {
            Ok(count) if !gone => sent += count,
            _ => break,
        }
    }
    sent
}

/// One row with its own daemon: how the login ended, the bytes sent, the daemon's peak memory and its log.
fn endure(attack: Attack) -> (LoginStatus, usize, u64, String) {
    let idp = Idp::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hostile = format!(
        "[providers.hostile]\npreset = \"generic\"\nauthorize_url = \"{}\"\ntoken_url = \"http://{}/token\"\n",
        idp.url("/authorize"),
        listener.local_addr().unwrap()
    );
    let accounts = [account("work", "hostile", ""), account("home", "idp", "")].concat();
    let mut world = World::with_config(&[hostile, provider("idp", &idp, "/token", ""), accounts].concat());
    world.run();
    world.log_in("home");
    let flooding = std::thread::spawn(move || flood(listener.accept().unwrap().0, attack));
    let started = world.start_login("work", "caller_browser");
    let url = started.start_url.unwrap();
    let browsing = std::thread::spawn(move || crate::http::Browser::default().go(&url));
    // The other account is served while this one is under attack.
    assert!(!world.token("home").is_empty());
    let page = browsing.join().unwrap();
    let end = world.login_end(&started.login_id);
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().split(' ').next()?.parse().ok());
    assert!(!world.token("home").is_empty() && !world.log().contains("AT~evil"));
    (end.status, flooding.join().unwrap(), peak.unwrap(), format!("{page:?} {end:?}"))
}

#[test]
fn replies_of_a_provider_are_limited_in_bytes_and_in_time() {
    let _alone = alone();
    // All rows at once, since they mostly wait.
    let attempts: Vec<_> = ATTACKS.iter().map(|attack| std::thread::spawn(|| endure(*attack))).collect();
    let mut report = Report::default();
    for ((name, .., most), attempt) in ATTACKS.iter().zip(attempts) {
        report.row();
        let Ok((status, taken, peak, seen)) = attempt.join() else {
            report.expect(name, false, "it panicked, see above");
            continue;
        };
        report.expect(name, status == LoginStatus::Failed, &seen);
        report.expect(name, taken < *most, format!("{taken} bytes were taken"));
        report.expect(name, peak < 128 << 10, format!("the daemon grew to {peak} KiB"));
    }
    report.end();
}
