//! The proxy under attack: raw requests that try to leave the account's upstream, to get by an app's rules, or to smuggle
//! a request into one; and an upstream that tries to get its token to the client.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::api_server::{ApiServer, Received};
use crate::http::{Request, parse};
use crate::idp::Idp;
use crate::report::Report;
use crate::world::World;

/// Name, bytes, accepted statuses (0: the connection ends without a reply), and the request lines that the upstream may
/// receive. `{A}`: the authority; `{K}`: a key with every right, `{G}`: one for `GET /a/**` at `work`, `{H}`: one for
/// `home`; `{U}`: the upstream's authority. Line feeds are sent as CR LF.
type Attack = (&'static str, &'static str, &'static [u16], &'static [&'static str]);

const NOTHING: &[&str] = &[];

#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    // out of the prefix
    ("the way up", "GET /proxy/work/../x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("the way up from below", "GET /proxy/work/a/../../x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("the way up at the end", "GET /proxy/work/a/.. HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an escaped way up", "GET /proxy/work/%2e%2e/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("a half escaped way up", "GET /proxy/work/.%2E/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("a way up that is escaped twice", "GET /proxy/work/%252e%252e/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an escaped slash", "GET /proxy/work/a%2f..%2f..%2fx HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an escaped slash within a name", "GET /proxy/work/projects/a%2Fb HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[200], &["GET /v4/projects/a%2Fb HTTP/1.1"]),
    ("an escaped slash in the account", "GET /proxy/work%2Fx HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("two escaped slashes", "GET /proxy/work/a%2F%2fevil.example HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an escaped slash before a parameter", "GET /proxy/work/a%2F..;x/b HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an escaped slash outside the proxy", "GET /v1%2Faccounts HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("a way up with a parameter", "GET /proxy/work/..;/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("a way up with an escaped parameter", "GET /proxy/work/..%3Ba=b/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("two slashes", "GET /proxy/work//evil.example/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("two slashes in front", "GET //proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("a backslash", "GET /proxy/work/\\evil.example/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400, 0], NOTHING),
    ("an escaped backslash", "GET /proxy/work/..%5cx HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an escaped zero", "GET /proxy/work/a%00 HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an escaped line end", "GET /proxy/work/a%0d%0aHost:%20evil HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an escape that is none", "GET /proxy/work/a%zz HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an at sign behind the account", "GET /proxy/work@evil.example/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[404], NOTHING),
    ("an at sign as a path", "GET /proxy/work/@evil.example/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[200], &["GET /v4/@evil.example/x HTTP/1.1"]),
    ("a URL as a path", "GET /proxy/work/http:%2f%2fevil.example HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an absolute target elsewhere", "GET http://evil.example/proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an absolute target at the upstream", "GET http://{U}/v4/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an absolute target with Host elsewhere", "GET http://{A}/proxy/work/x HTTP/1.1\nHost: {U}\nAuthorization: Bearer {K}\n\n", &[403], NOTHING),
    ("another host by a line", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nX-Forwarded-Host: evil.example\nForwarded: host=evil.example\nX-Original-Url: /admin\nX-Rewrite-Url: /admin\nAuthorization: Bearer {K}\n\n", &[200], &["GET /v4/x HTTP/1.1"]),
    ("two Hosts", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nHost: {U}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("a rebound name", "GET /proxy/work/x HTTP/1.1\nHost: evil.example\nAuthorization: Bearer {K}\n\n", &[403], NOTHING),
    ("a tunnel", "CONNECT {U} HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400, 404, 405], NOTHING),
    ("a trace, which would show the token", "TRACE /proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[405], NOTHING),
    ("a WebSocket", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("HTTP/2 on request", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABk\nAuthorization: Bearer {K}\n\n", &[200], &["GET /v4/x HTTP/1.1"]),
    // keys and sites
    ("no key", "GET /proxy/work/x HTTP/1.1\nHost: {A}\n\n", &[401], NOTHING),
    ("a wrong key", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer rbk_wrong\n\n", &[401], NOTHING),
    ("an empty key line", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nX-Ringback-Key:\nAuthorization: Bearer {K}\n\n", &[401], NOTHING),
    ("two key lines", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nX-Ringback-Key: {H}\nX-Ringback-Key: {K}\n\n", &[400], NOTHING),
    ("a wrong key line beside a good key", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nX-Ringback-Key: rbk_wrong\nAuthorization: Bearer {K}\n\n", &[401], NOTHING),
    ("two Authorization lines", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {H}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("a key line elsewhere", "GET /token HTTP/1.1\nHost: {A}\nX-Ringback-Key: {K}\n\n", &[401], NOTHING),
    ("a key in the query", "GET /proxy/work/x?api_key={K} HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an escaped key in the query", "GET /proxy/work/x?a=%72{K-r} HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("a key in another line", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nX-Api-Key: {K}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("a key in a cookie", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nCookie: k={K}\nAuthorization: Bearer {K}\n\n", &[200], &["GET /v4/x HTTP/1.1"]),
    ("a key for another account", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {H}\n\n", &[403], NOTHING),
    ("a key for another account, by the default", "GET /proxy/default/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {H}\n\n", &[403], NOTHING),
    ("a key for another account, in capitals", "GET /proxy/WORK/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {H}\n\n", &[403], NOTHING),
    ("an account that is not open", "GET /proxy/home/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("an escaped account", "GET /proxy/%77ork/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {H}\n\n", &[403], NOTHING),
    ("a foreign Origin", "POST /proxy/work/x HTTP/1.1\nHost: {A}\nOrigin: http://evil.example\nAuthorization: Bearer {K}\nContent-Length: 0\n\n", &[403], NOTHING),
    ("the Origin null", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nOrigin: null\nAuthorization: Bearer {K}\n\n", &[403], NOTHING),
    ("a preflight", "OPTIONS /proxy/work/x HTTP/1.1\nHost: {A}\nOrigin: http://evil.example\nAccess-Control-Request-Method: GET\n\n", &[403], NOTHING),
    ("fetch metadata of another site", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nSec-Fetch-Site: cross-site\nAuthorization: Bearer {K}\n\n", &[403], NOTHING),
    // rules
    ("the control", "GET /proxy/work/a/b HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[200], &["GET /v4/a/b HTTP/1.1"]),
    ("another method", "DELETE /proxy/work/a/b HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("a method in small letters", "get /proxy/work/a/b HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[405], NOTHING),
    ("a made-up method", "FETCH /proxy/work/a/b HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("a HEAD", "HEAD /proxy/work/a/b HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("a method that overrides", "GET /proxy/work/a/b HTTP/1.1\nHost: {A}\nX-HTTP-Method-Override: DELETE\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("a method that overrides by another line", "GET /proxy/work/a/b HTTP/1.1\nHost: {A}\nX-Method-Override: DELETE\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("a method that overrides by the query", "GET /proxy/work/a/b?_method=DELETE HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("a method that overrides by an escaped query", "GET /proxy/work/a/b?%5fMethod=DELETE HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("another path", "GET /proxy/work/b HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("a path that an escaped slash leads into", "GET /proxy/work/a%2Fb HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("an escaped slash within an allowed path", "GET /proxy/work/a/b%2Fc HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[200], &["GET /v4/a/b%2Fc HTTP/1.1"]),
    ("the path in capitals", "GET /proxy/work/A/b HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("the path, escaped", "GET /proxy/work/%61/b HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("a path that begins alike", "GET /proxy/work/ab HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("a path by its parameter", "GET /proxy/work/b?/a/b HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("the way up through an allowed path", "GET /proxy/work/a/../b HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[400], NOTHING),
    ("an escaped way up through an allowed path", "GET /proxy/work/a/%2e%2e/b HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[400], NOTHING),
    ("the base", "GET /proxy/work HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("the token itself", "GET /v1/accounts/work/token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {G}\n\n", &[403], NOTHING),
    ("the token as an OAuth client", "POST /oauth2/work/token HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 67\n\nclient_secret={G}", &[400, 403], NOTHING),
    // framing
    ("length and chunks", "POST /proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\nGET /proxy/work/smuggled HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[200, 400], &["POST /v4/x HTTP/1.1"]),
    ("two lengths", "POST /proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Length: 0\nContent-Length: 60\n\nGET /proxy/work/smuggled HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400, 0], NOTHING),
    ("a length in a list", "POST /proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Length: 0, 0\n\n", &[400, 0], NOTHING),
    ("an unknown coding", "POST /proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nTransfer-Encoding: cow\n\n", &[400, 0], NOTHING),
    ("a chunk of an immense size", "POST /proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nTransfer-Encoding: chunked\n\nfffffffffffffffff\nx\n0\n\n", &[400, 0, 502], &["POST /v4/x HTTP/1.1"]),
    ("a request as the body of a GET", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Length: 33\n\nGET /v4/smuggled HTTP/1.1\nHost: x", &[200], &["GET /v4/x HTTP/1.1"]),
    ("a token in a trailer", "POST /proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nTrailer: Authorization, Host\nTransfer-Encoding: chunked\n\n1\nx\n0\nAuthorization: Bearer smuggled\nHost: evil.example\n\n", &[200], &["POST /v4/x HTTP/1.1"]),
    ("a hop that takes the token out", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nConnection: Authorization, Host, Content-Length\nAuthorization: Bearer {K}\n\n", &[200], &["GET /v4/x HTTP/1.1"]),
    ("a space before the colon", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nAuthorization : Bearer {K}\n\n", &[400], NOTHING),
    ("a folded line", "GET /proxy/work/x HTTP/1.1\nHost: {A}\nX-A: b\n Authorization: Bearer {K}\n\n", &[400, 401], NOTHING),
    ("HTTP/1.0", "GET /proxy/work/x HTTP/1.0\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400], NOTHING),
    ("a body that waits to be asked for, without a key", "POST /proxy/work/x HTTP/1.1\nHost: {A}\nContent-Length: 5\nExpect: 100-continue\n\n", &[401], NOTHING),
];

/// The statuses of all replies until the connection ends or falls silent, and the text of them.
fn ask(authority: &str, bytes: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    let _ = stream.write_all(bytes);
    let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        all.extend_from_slice(&chunk[..count]);
        if all.windows(4).any(|window| window == b"\r\n\r\n") {
            break;
        }
    }
    let text = String::from_utf8_lossy(&all).into_owned();
    (text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0), text)
}

fn key(world: &World, arguments: &[&str]) -> String {
    world.add_app(arguments)
}

#[test]
fn no_request_leaves_the_upstream_or_gets_by_the_rules() {
    let (idp, api) = (Idp::start(), ApiServer::saying("fine"));
    let world = api.world(&idp, "");
    world.log_in("home");
    let (authority, all) = (world.authority(), world.key());
    let get = key(&world, &["get", "--proxy", "work", "--method", "GET", "--path", "/a/**"]);
    let home = key(&world, &["home", "--account", "home"]);
    let token = world.token("work");
    let upstream = format!("127.0.0.1:{}", api.port);
    let filled = |text: &str| {
        let text = text.replace('\n', "\r\n").replace("{A}", &authority).replace("{U}", &upstream);
        text.replace("{K-r}", &all[1..]).replace("{K}", &all).replace("{G}", &get).replace("{H}", &home)
    };
    let mut report = Report::default();
    for (name, text, statuses, expected) in ATTACKS {
        report.row();
        let before = api.received().len();
        let (status, reply) = ask(&authority, filled(text).as_bytes());
        report.expect(name, statuses.contains(&status), (status, &reply));
        let received = api.received().split_off(before);
        let lines: Vec<&str> = received.iter().map(Received::line).collect();
        // What is broken behind its head may or may not have begun.
        let held_back = lines.is_empty() && status != 200;
        report.expect(name, lines == *expected || held_back, &received);
        for received in &received {
            let own = received.header("host") == Some(&*upstream) && received.token() == token;
            let clean = [&all, &get, &home].iter().all(|key| !received.head.contains(key.as_str()));
            let few =
                !["x-original-url", "x-rewrite-url", "x-forwarded-host", "forwarded", "trailer", "upgrade", "cookie"]
                    .iter()
                    .any(|name| received.header(name).is_some());
            report.expect(name, own && clean && few && !received.body.ends_with(b"smuggled"), received);
        }
        let clean =
            !reply.contains(&token) && !reply.contains(&all) && !reply.to_lowercase().contains("access-control");
        report.expect(name, clean, &reply);
    }
    assert!(ATTACKS.len() > 70);
    report.end();
}

/// What a hostile upstream sends: name, reply, and what must not be in what the client gets. `{T}`: the token.
#[rustfmt::skip]
const REPLIES: &[(&str, &str, &[&str])] = &[
    ("the token in a line", "HTTP/1.1 200 OK\nX-Token: {T}\nContent-Length: 0\n\n", &["{T}"]),
    ("the token within a line", "HTTP/1.1 200 OK\nX-Debug: authorization=Bearer {T}; x\nContent-Length: 0\n\n", &["{T}"]),
    ("the token as a line of its own name", "HTTP/1.1 200 OK\nAuthorization: Bearer {T}\nContent-Length: 0\n\n", &["{T}", "authorization"]),
    ("the token in a redirect", "HTTP/1.1 302 Found\nLocation: https://evil.example/?t={T}\nContent-Length: 0\n\n", &["{T}", "evil.example"]),
    ("the token in a trailer", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X-Token\n\n1\nx\n0\nX-Token: {T}\n\n", &["{T}", "trailer"]),
    ("the token in an early reply", "HTTP/1.1 103 Early Hints\nLink: <{T}>\n\nHTTP/1.1 200 OK\nContent-Length: 0\n\n", &["{T}"]),
    ("a cookie", "HTTP/1.1 200 OK\nSet-Cookie: ringback-session-1=x\nContent-Length: 0\n\n", &["set-cookie"]),
    ("leave for other sites", "HTTP/1.1 200 OK\nAccess-Control-Allow-Origin: *\nAccess-Control-Allow-Credentials: true\nContent-Length: 0\n\n", &["access-control"]),
    ("TLS for this machine's names", "HTTP/1.1 200 OK\nStrict-Transport-Security: max-age=99999\nContent-Length: 0\n\n", &["strict-transport"]),
    ("another server for later", "HTTP/1.1 200 OK\nAlt-Svc: h2=\"evil.example:443\"\nContent-Length: 0\n\n", &["alt-svc"]),
    ("a redirect into the daemon", "HTTP/1.1 302 Found\nLocation: /v1/accounts/work/token\nContent-Length: 0\n\n", &["location"]),
    ("a redirect into the daemon by steps", "HTTP/1.1 302 Found\nLocation: ../../../token\nContent-Length: 0\n\n", &["location"]),
    ("a script as a redirect", "HTTP/1.1 302 Found\nLocation: javascript:alert(1)\nContent-Length: 0\n\n", &["location"]),
    ("a refresh", "HTTP/1.1 200 OK\nRefresh: 0; url=/token\nContent-Length: 0\n\n", &["refresh:"]),
    ("a challenge", "HTTP/1.1 407 Proxy\nProxy-Authenticate: Basic realm=x\nWWW-Authenticate: Bearer\nContent-Length: 0\n\n", &["authenticate"]),
    ("our own policy", "HTTP/1.1 200 OK\nContent-Security-Policy: script-src *\nX-Frame-Options: ALLOW\nContent-Length: 0\n\n", &["script-src", "ALLOW"]),
    ("a worker for all pages", "HTTP/1.1 200 OK\nService-Worker-Allowed: /\nContent-Length: 0\n\n", &["service-worker"]),
    ("two lengths", "HTTP/1.1 200 OK\nContent-Length: 0\nContent-Length: 5\n\nevil!", &["evil!"]),
    ("length and chunks", "HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\nHTTP/1.1 200 OK\nX: evil!\n\n", &["evil!"]),
    ("a second reply", "HTTP/1.1 200 OK\nContent-Length: 0\n\nHTTP/1.1 200 OK\nContent-Length: 5\n\nevil!", &["evil!"]),
    ("a line end in a line", "HTTP/1.1 200 OK\nX: a\rSet-Cookie: evil!\nContent-Length: 0\n\n", &["evil!"]),
    ("no HTTP", "SSH-2.0-OpenSSH\n\n", &["OpenSSH"]),
    ("a switch of protocols", "HTTP/1.1 101 Switching\nConnection: Upgrade\nUpgrade: websocket\n\nevil!", &["evil!"]),
];

#[test]
fn no_upstream_gets_its_token_or_its_own_rules_to_the_client() {
    let idp = Idp::start();
    let api = ApiServer::start(|received, line| {
        let number: usize = received.line().split(['/', ' ']).nth(3).unwrap().parse().unwrap();
        line.send(&REPLIES[number].1.replace('\n', "\r\n").replace("{T}", received.token()));
        false
    });
    let world = api.world(&idp, "");
    let (token, key) = (world.token("work"), world.key());
    let mut report = Report::default();
    for (number, (name, _, not)) in REPLIES.iter().enumerate() {
        report.row();
        let asked = Request::get(&format!("/proxy/work/{number}")).header("Authorization", &format!("Bearer {key}"));
        let mut stream = TcpStream::connect(world.authority()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(&asked.bytes(&world.authority())).unwrap();
        let mut all = Vec::new();
        _ = stream.read_to_end(&mut all);
        let text = String::from_utf8_lossy(&all).into_owned();
        for not in *not {
            let not = not.replace("{T}", &token);
            let found = text.contains(&not) || text.to_lowercase().contains(&not) && not != "ALLOW";
            report.expect(name, !found, &text);
        }
        report.expect(name, text.starts_with("HTTP/1.1 ") && parse(&all).status != 401, &text);
    }
    report.end();
}

/// A slow writer, a slow reader and an early close, none of which may keep the daemon from others.
#[test]
fn slow_clients_and_broken_ones_hold_up_nobody() {
    let idp = Idp::start();
    let api = ApiServer::start(|received, line| {
        if received.line().contains("large") {
            let chunk = "x".repeat(1 << 16);
            line.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while line.send(&format!("{:x}\r\n{chunk}\r\n", chunk.len())) {}
            return false;
        }
        line.body();
        line.answer(200, "", "fine")
    });
    let world = api.world(&idp, "");
    let (authority, key) = (world.authority(), world.key());
    let begin = |request: &str| {
        let mut stream = TcpStream::connect(&authority).unwrap();
        let head = format!("{request} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {key}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let slow_writers: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = begin("POST /proxy/work/x");
            stream.write_all(b"Content-Length: 1000000\r\n\r\nx").unwrap();
            stream
        })
        .collect();
    let slow_readers: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = begin("GET /proxy/work/large");
            stream.write_all(b"\r\n").unwrap();
            stream
        })
        .collect();
    for _ in 0..50 {
        drop(begin("POST /proxy/work/x"));
        let mut early = begin("POST /proxy/work/x");
        early.write_all(b"Transfer-Encoding: chunked\r\n\r\n5\r\nab").unwrap();
        drop(early);
    }
    let asked = Request::get("/proxy/work/x").header("Authorization", &format!("Bearer {key}"));
    for _ in 0..20 {
        let reply = world.ask_tcp(&asked);
        assert_eq!((reply.status, reply.body.as_str()), (200, "fine"), "{reply:?}");
    }
    assert_eq!(world.get("/token").status, 200);
    drop((slow_writers, slow_readers));
}
