//! Request smuggling: a server that frames requests differently from a proxy before it can be made to take part of one
//! request for another. The smuggled request is a logout with a valid key.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use ringback::contract::AccountState;

use crate::idp::Idp;
use crate::report::Report;
use crate::world::World;

/// Name, bytes, and accepted statuses of the first reply (0: the connection ends). There must be no second reply.
/// `{A}`: the authority, `{K}`: a valid key, `{S}`: the smuggled request, `{N}`: its length, `{X}`: its length in hex.
/// Each character is one byte (Latin-1), and line ends are sent as written.
type Attack = (&'static str, &'static str, &'static [u16]);

const SMUGGLED: &str = "DELETE /v1/accounts/work/token HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n";

#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    ("a request as the body of a GET", "GET /healthz HTTP/1.1\r\nHost: {A}\r\nContent-Length: {N}\r\n\r\n{S}", &[200]),
    ("a request as the chunk of a GET", "GET /healthz HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding: chunked\r\n\r\n{X}\r\n{S}\r\n0\r\n\r\n", &[200]),
    ("a request as the body of a refused one", "POST /token HTTP/1.1\r\nHost: evil.example\r\nContent-Length: {N}\r\n\r\n{S}", &[403]),
    ("a request as the body of one without a key", "POST /v1/accounts/work/refresh HTTP/1.1\r\nHost: {A}\r\nContent-Length: {N}\r\n\r\n{S}", &[400, 401]),
    ("a request as the body of a HEAD", "HEAD /token HTTP/1.1\r\nHost: {A}\r\nContent-Length: {N}\r\n\r\n{S}", &[405]),
    ("a request behind a length of nought and chunks", "POST /healthz HTTP/1.1\r\nHost: {A}\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n{X}\r\n{S}\r\n0\r\n\r\n", &[400, 405]),
    ("chunks and a length of nought", "POST /healthz HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n{X}\r\n{S}\r\n0\r\n\r\n", &[400, 405]),
    ("chunks by a name with a space behind it", "POST /healthz HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{S}", &[400, 0]),
    ("chunks by a folded line", "POST /healthz HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{S}", &[400, 0]),
    ("chunks and identity", "POST /healthz HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{S}", &[400, 0]),
    ("an unknown coding", "POST /healthz HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding: cow\r\n\r\n{S}", &[400, 0]),
    ("a length in a list", "POST /healthz HTTP/1.1\r\nHost: {A}\r\nContent-Length: 0, {N}\r\n\r\n{S}", &[400, 0]),
    ("two lengths that differ", "POST /healthz HTTP/1.1\r\nHost: {A}\r\nContent-Length: {N}\r\nContent-Length: 0\r\n\r\n{S}", &[400, 0]),
    ("a length in hex", "POST /healthz HTTP/1.1\r\nHost: {A}\r\nContent-Length: 0x{X}\r\n\r\n{S}", &[400, 0]),
    ("a length with a space in it", "POST /healthz HTTP/1.1\r\nHost: {A}\r\nContent-Length: 1 2\r\n\r\n{S}", &[400, 0]),
    ("a length with a sign before it", "POST /healthz HTTP/1.1\r\nHost: {A}\r\nContent-Length: +0\r\n\r\n{S}", &[400, 0]),
    ("a length beyond all numbers", "POST /healthz HTTP/1.1\r\nHost: {A}\r\nContent-Length: 18446744073709551616\r\n\r\n{S}", &[400, 0]),
    ("an empty length", "POST /healthz HTTP/1.1\r\nHost: {A}\r\nContent-Length: \r\n\r\n{S}", &[400, 0]),
    ("a line feed in a chunk's extension", "GET /healthz HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\nb\r\nx\r\n0\r\n\r\n", &[200, 400, 0]),
    ("a chunk's size with a sign", "GET /healthz HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding: chunked\r\n\r\n+0\r\n\r\n{S}", &[200, 400, 0]),
    ("a chunk's size in hex with 0x", "GET /healthz HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n{S}", &[200, 400, 0]),
    ("a chunk that is longer than it says", "GET /healthz HTTP/1.1\r\nHost: {A}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx{S}", &[200, 400, 0]),
    ("a carriage return in a value", "GET /token HTTP/1.1\r\nHost: {A}\r\nX: a\rAuthorization: Bearer {K}\r\n\r\n", &[400, 0]),
    ("a carriage return that ends a line", "GET /token HTTP/1.1\r\nHost: {A}\rAuthorization: Bearer {K}\r\n\r\n", &[400, 0]),
    ("a zero in a name", "GET /token HTTP/1.1\r\nHost: {A}\r\nAuth\0orization: Bearer {K}\r\n\r\n", &[400, 0]),
    ("a zero in Host", "GET /token HTTP/1.1\r\nHost: {A}\0.evil.example\r\nAuthorization: Bearer {K}\r\n\r\n", &[400, 0]),
    ("a name that is not ASCII", "GET /token HTTP/1.1\r\nHost: {A}\r\nAuthorizatiön: Bearer {K}\r\n\r\n", &[400, 0]),
    ("Host that is not ASCII", "GET /token HTTP/1.1\r\nHost: {A}\u{ff}\r\nAuthorization: Bearer {K}\r\n\r\n", &[400, 403]),
    ("a key with a byte that is not ASCII", "GET /token HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\u{ff}\r\n\r\n", &[400, 401]),
    ("a space before the first line", "GET /token HTTP/1.1\r\n Host: {A}\r\nAuthorization: Bearer {K}\r\n\r\n", &[400, 0]),
    ("a target that is not UTF-8", "GET /v1/accounts/\u{ff}\u{fe}/token HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n", &[400, 404, 0]),
    ("a target with a space in it", "GET /token /v1 HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n", &[400, 0]),
    ("a target with a fragment", "GET /v1#/token HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n", &[400, 404, 0]),
    ("a method in small letters", "get /token HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n", &[405]),
    ("a version that is none", "GET /token HTTP/1.9\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n", &[400, 0]),
    ("a version and more", "GET /token HTTP/1.1x\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\n\r\n", &[400, 0]),
    ("HTTP/2 on request", "GET /token HTTP/1.1\r\nHost: {A}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", &[401]),
    ("a body that waits to be asked for, without a key", "POST /v1/accounts/work/login HTTP/1.1\r\nHost: {A}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", &[401]),
    ("a body that waits to be asked for and is too large", "POST /v1/accounts/work/login HTTP/1.1\r\nHost: {A}\r\nAuthorization: Bearer {K}\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n", &[413]),
    ("a handshake of TLS", "\u{16}\u{3}\u{1}\0\u{5}\u{1}\0\0\u{1}\0", &[400, 0]),
];

/// Everything received until the connection ends or falls silent.
fn replies(authority: &str, text: &str) -> String {
    let mut stream = TcpStream::connect(authority).unwrap();
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let _ = stream.write_all(&bytes);
    let mut all = Vec::new();
    let mut chunk = [0; 4096];
    // The first reply may take a while; a second one would follow at once.
    stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        all.extend_from_slice(&chunk[..count]);
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    }
    all.iter().copied().map(char::from).collect()
}

#[test]
fn no_request_can_be_smuggled_in_another() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let (authority, key) = (world.authority(), world.key());
    let smuggled = SMUGGLED.replace("{A}", &authority).replace("{K}", &key);
    let filled = |text: &str| {
        let text = text.replace("{S}", &smuggled).replace("{N}", &smuggled.len().to_string());
        text.replace("{X}", &format!("{:x}", smuggled.len())).replace("{A}", &authority).replace("{K}", &key)
    };
    world.log_in("work");
    let two = replies(&authority, &filled("GET /healthz HTTP/1.1\r\nHost: {A}\r\n\r\n{S}"));
    let logged_out = world.account("work").state == AccountState::SignedOut;
    assert!(logged_out && two.matches("HTTP/1.1 2").count() == 2, "the control: a second request does its work: {two}");
    world.log_in("work");
    let (token, generation) = (world.token("work"), world.account("work").generation);
    let mut report = Report::default();
    for (name, text, statuses) in ATTACKS {
        report.row();
        let seen = replies(&authority, &filled(text));
        let status = seen.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        report.expect(name, statuses.contains(&status), &seen);
        // A broken chunk may get an additional 400, after which the connection ends.
        let (all, refused) = (seen.matches("HTTP/1.1 ").count(), seen.matches("HTTP/1.1 400").count());
        report.expect(name, all - refused.min(1) <= 1, &seen);
        report.expect(name, !seen.contains(&token) && !seen.contains("HTTP/1.1 10"), &seen);
        let view = world.account("work");
        report.expect(name, (view.state, view.generation) == (AccountState::Active, generation), &view);
    }
    assert!(idp.refreshes() == 0 && !world.log().contains(&key));
    report.end();
}
