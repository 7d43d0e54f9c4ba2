//! Raw requests on the TCP port: host names, targets, methods, keys, origins, framing.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::idp::Idp;
use crate::world::World;

/// Name, bytes, and accepted statuses (0: the connection ends without a reply). `{A}` is the authority, `{P}` the port,
/// `{K}` a key with all rights, `{R}` one that reads another account, `{X}` one that was removed. Line feeds are sent
/// as CR LF.
type Attack = (&'static str, &'static str, &'static [u16]);

/// A good request. Each row differs from it in one respect.
const GOOD: &str = "GET /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n";

#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    // Host
    ("no Host", "GET /token HTTP/1.1\nAuthorization: Bearer {K}\n\n", &[400]),
    ("an empty Host", "GET /token HTTP/1.1\nHost:\nAuthorization: Bearer {K}\n\n", &[400]),
    ("two Hosts", "GET /token HTTP/1.1\nHost: {A}\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("a rebound name", "GET /token HTTP/1.1\nHost: evil.example:{P}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("a rebound name that looks like ours", "GET /token HTTP/1.1\nHost: 127.0.0.1.evil.example:{P}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("localhost under a domain", "GET /token HTTP/1.1\nHost: localhost.evil.example:{P}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("a trailing dot", "GET /token HTTP/1.1\nHost: localhost.:{P}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("another port", "GET /token HTTP/1.1\nHost: 127.0.0.1:1\nAuthorization: Bearer {K}\n\n", &[403]),
    ("no port", "GET /token HTTP/1.1\nHost: 127.0.0.1\nAuthorization: Bearer {K}\n\n", &[403]),
    ("a port with a zero before it", "GET /token HTTP/1.1\nHost: 127.0.0.1:0{P}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("userinfo in Host", "GET /token HTTP/1.1\nHost: user@{A}\nAuthorization: Bearer {K}\n\n", &[400, 403]),
    ("our name as userinfo", "GET /token HTTP/1.1\nHost: {A}@evil.example\nAuthorization: Bearer {K}\n\n", &[400, 403]),
    ("0.0.0.0", "GET /token HTTP/1.1\nHost: 0.0.0.0:{P}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("a decimal address", "GET /token HTTP/1.1\nHost: 2130706433:{P}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("a hex address", "GET /token HTTP/1.1\nHost: 0x7f000001:{P}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("an octal address", "GET /token HTTP/1.1\nHost: 0177.0.0.1:{P}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("a short address", "GET /token HTTP/1.1\nHost: 127.1:{P}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("a mapped address", "GET /token HTTP/1.1\nHost: [::ffff:127.0.0.1]:{P}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("a long IPv6 form", "GET /token HTTP/1.1\nHost: [0:0:0:0:0:0:0:1]:{P}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("two names in one line", "GET /token HTTP/1.1\nHost: {A}, evil.example\nAuthorization: Bearer {K}\n\n", &[400, 403]),
    ("the name of a proxy's making", "GET /token HTTP/1.1\nHost: evil.example\nX-Forwarded-Host: {A}\nForwarded: host={A}\nAuthorization: Bearer {K}\n\n", &[403]),
    // targets
    ("an absolute target that disagrees", "GET http://evil.example/token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("an absolute target under another name of ours", "GET http://localhost:{P}/token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("an https target", "GET https://{A}/token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("a target of a proxy", "CONNECT {A} HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400, 404, 405]),
    ("a star", "OPTIONS * HTTP/1.1\nHost: {A}\n\n", &[400]),
    ("a target without a slash", "GET token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400, 0]),
    ("two slashes", "GET //token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("a way up", "GET /v1/accounts/../../token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("an encoded way up", "GET /v1/accounts/%2e%2e/token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("an encoded slash", "GET /v1/accounts/x%2F..%2Fwork/token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("a backslash", "GET /v1\\accounts HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("an encoded zero", "GET /v1/accounts/work%00/token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("encoded twice", "GET /v1/accounts/%252e%252e/token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("an encoded letter of a route", "GET /%74oken HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[404]),
    ("a parameter twice", "GET /token?wait=1&wait=2 HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("a parameter twice, once encoded", "GET /token?wait=1&w%61it=2 HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("an unknown parameter", "GET /token?debug=1 HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    // methods
    ("HEAD of a token", "HEAD /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[405]),
    ("TRACE", "TRACE /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[405]),
    ("a preflight", "OPTIONS /token HTTP/1.1\nHost: {A}\nOrigin: http://evil.example\nAccess-Control-Request-Method: GET\nAccess-Control-Request-Private-Network: true\n\n", &[403]),
    ("a method that overrides", "GET /v1/accounts/work/token HTTP/1.1\nHost: {A}\nX-HTTP-Method-Override: DELETE\nAuthorization: Bearer wrong\n\n", &[401]),
    ("a logout by GET", "GET /v1/accounts/work/token?_method=DELETE HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("a made-up method", "FETCH /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[405]),
    ("an upgrade to a WebSocket", "GET /v1/events HTTP/1.1\nHost: {A}\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n\n", &[401]),
    // other web sites
    ("a foreign Origin", "GET /token HTTP/1.1\nHost: {A}\nOrigin: http://evil.example\nAuthorization: Bearer {K}\n\n", &[403]),
    ("the Origin null", "GET /token HTTP/1.1\nHost: {A}\nOrigin: null\nAuthorization: Bearer {K}\n\n", &[403]),
    ("the Origin of another port", "GET /token HTTP/1.1\nHost: {A}\nOrigin: http://127.0.0.1:3000\nAuthorization: Bearer {K}\n\n", &[403]),
    ("the Origin of an extension", "GET /token HTTP/1.1\nHost: {A}\nOrigin: chrome-extension://abc\nAuthorization: Bearer {K}\n\n", &[403]),
    ("our Origin and another", "GET /token HTTP/1.1\nHost: {A}\nOrigin: http://{A}\nOrigin: http://evil.example\nAuthorization: Bearer {K}\n\n", &[403]),
    ("a foreign Referer", "GET /token HTTP/1.1\nHost: {A}\nReferer: http://evil.example/\nAuthorization: Bearer {K}\n\n", &[403]),
    ("fetch metadata of another site", "GET /token HTTP/1.1\nHost: {A}\nSec-Fetch-Site: cross-site\nAuthorization: Bearer {K}\n\n", &[403]),
    ("fetch metadata of the same site", "GET /token HTTP/1.1\nHost: {A}\nSec-Fetch-Site: same-site\nAuthorization: Bearer {K}\n\n", &[403]),
    ("a form that posts a login", "POST /v1/accounts/work/login HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 9\n\nvia=paste", &[400]),
    ("plain text that posts a login", "POST /v1/accounts/work/login HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Type: text/plain\nContent-Length: 2\n\n{}", &[400]),
    // keys
    ("no key", "GET /token HTTP/1.1\nHost: {A}\n\n", &[401]),
    ("an empty key", "GET /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer \n\n", &[401]),
    ("a key with one letter less", "GET /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K-}\n\n", &[401]),
    ("a key and more", "GET /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K} x\n\n", &[401]),
    ("a key in a query", "GET /token?access_token={K} HTTP/1.1\nHost: {A}\n\n", &[400]),
    ("a key in a query beside the right one", "GET /token?key={K} HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("a key as a password", "GET /token HTTP/1.1\nHost: {A}\nAuthorization: Basic {K}\n\n", &[401]),
    ("a key in a cookie", "GET /token HTTP/1.1\nHost: {A}\nCookie: key={K}\n\n", &[401]),
    ("two Authorization lines", "GET /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer wrong\nAuthorization: Bearer {K}\n\n", &[400]),
    ("a key that was removed", "GET /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {X}\n\n", &[401]),
    ("a key of another account", "GET /v1/accounts/work/token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {R}\n\n", &[403]),
    ("a key of another account, by the default", "GET /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {R}\n\n", &[403]),
    ("a reader that logs out", "DELETE /v1/accounts/home/token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {R}\n\n", &[403]),
    ("a reader that logs in", "POST /v1/accounts/home/login HTTP/1.1\nHost: {A}\nAuthorization: Bearer {R}\n\n", &[403]),
    ("an app that makes an app", "POST /v1/apps HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Type: application/json\nContent-Length: 12\n\n{\"name\":\"x\"}", &[403]),
    ("an app that takes the default's key", "DELETE /v1/apps/default HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("an app that opens the status page", "POST /v1/sessions HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[403]),
    ("a token that is brought over TCP", "POST /v1/accounts/home/import HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Type: application/json\nContent-Length: 20\n\n{\"access_token\":\"x\"}", &[403]),
    ("a passphrase over TCP", "POST /v1/unlock HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Type: application/json\nContent-Length: 18\n\n{\"passphrase\":\"x\"}", &[403]),
    ("the status page with a key", "GET / HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[401]),
    ("a guessed session", "GET / HTTP/1.1\nHost: {A}\nCookie: ringback-session-{P}=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\n", &[401]),
    ("a guessed ticket", "GET /open/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA HTTP/1.1\nHost: {A}\n\n", &[410]),
    ("a guessed start URL", "GET /login/start/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA HTTP/1.1\nHost: {A}\n\n", &[410]),
    ("a guessed login", "GET /v1/logins/AAAAAAAAAAAAAAAAAAAAAA HTTP/1.1\nHost: {A}\nAuthorization: Bearer {R}\n\n", &[404]),
    // OAuth clients
    ("a token URL without a client", "POST /oauth2/work/token HTTP/1.1\nHost: {A}\nContent-Length: 0\n\n", &[401]),
    ("a token URL with a bearer key", "POST /oauth2/work/token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Length: 0\n\n", &[401]),
    ("a token URL by GET", "GET /oauth2/work/token?client_id=default&client_secret={K} HTTP/1.1\nHost: {A}\n\n", &[405]),
    ("a client's secret in the query", "POST /oauth2/work/token?client_secret={K} HTTP/1.1\nHost: {A}\nContent-Length: 0\n\n", &[400]),
    ("a form of another site at a token URL", "POST /oauth2/work/token HTTP/1.1\nHost: {A}\nOrigin: http://evil.example\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 67\n\nclient_secret={K}", &[403]),
    ("a rebound name at a token URL", "POST /oauth2/work/token HTTP/1.1\nHost: evil.example:{P}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 67\n\nclient_secret={K}", &[403]),
    ("a client's key under another name", "POST /oauth2/work/token HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 84\n\nclient_id=reader&client_secret={K}", &[401]),
    ("a client's key that was removed", "POST /oauth2/work/token HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 67\n\nclient_secret={X}", &[401]),
    ("a client's key of another account", "POST /oauth2/work/token HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 67\n\nclient_secret={R}", &[400]),
    ("two secrets of a client", "POST /oauth2/work/token HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 83\n\nclient_secret=x&client_secret={K}", &[400]),
    ("a client's plain text", "POST /oauth2/work/token HTTP/1.1\nHost: {A}\nContent-Type: text/plain\nContent-Length: 67\n\nclient_secret={K}", &[400]),
    ("a client that sends too much", "POST /oauth2/work/token HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 32769\n\nclient_secret={K}", &[413]),
    ("a grant that would be a login", "POST /oauth2/work/token HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 97\n\ngrant_type=authorization_code&client_secret={K}", &[400]),
    ("a server for clients of an API", "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: {A}\n\n", &[404]),
    ("a protected resource", "GET /.well-known/oauth-protected-resource/oauth2 HTTP/1.1\nHost: {A}\n\n", &[404]),
    // framing
    ("HTTP/1.0", "GET /token HTTP/1.0\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("HTTP/0.9", "GET /token\n\n", &[400, 0]),
    ("HTTP/2 without asking", "PRI * HTTP/2.0\n\nSM\n\n", &[400, 0]),
    ("length and chunks", "POST /v1/accounts/work/refresh HTTP/1.1\nHost: {A}\nAuthorization: Bearer wrong\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\nDELETE /v1/accounts/work/token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n\n", &[400, 401]),
    ("two lengths", "POST /v1/accounts/work/login HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Length: 0\nContent-Length: 50\n\n", &[400, 0]),
    ("a length with a sign", "POST /v1/accounts/work/login HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Length: +2\n\n{}", &[400, 0]),
    ("a negative length", "POST /v1/accounts/work/login HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Length: -1\n\n", &[400, 0]),
    ("chunks under another name", "POST /v1/accounts/work/login HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nTransfer-Encoding: xchunked\nContent-Type: application/json\n\n{}", &[400, 0]),
    ("a chunk of a negative size", "POST /v1/accounts/work/login HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nTransfer-Encoding: chunked\nContent-Type: application/json\n\n-1\n{}\n0\n\n", &[400, 0]),
    ("a chunk of an immense size", "POST /v1/accounts/work/login HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nTransfer-Encoding: chunked\nContent-Type: application/json\n\nfffffffffffffffff\n{}\n0\n\n", &[400, 0]),
    ("a folded line", "GET /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer\n {K}\n\n", &[400, 401]),
    ("a space before the colon", "GET /token HTTP/1.1\nHost : {A}\nAuthorization: Bearer {K}\n\n", &[400]),
    ("a zero in a line", "GET /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\u{0}\n\n", &[400]),
    ("a line without a colon", "GET /token HTTP/1.1\nHost: {A}\nAuthorization Bearer {K}\n\n", &[400]),
    ("a second request behind a refused one", "POST /token HTTP/1.1\nHost: evil.example\nContent-Length: 0\n\nGET /nowhere HTTP/1.1\nHost: evil.example\n\n", &[403]),
    ("a key in a trailer", "POST /v1/accounts/work/refresh HTTP/1.1\nHost: {A}\nTrailer: Authorization\nTransfer-Encoding: chunked\n\n0\nAuthorization: Bearer {K}\n\n", &[400, 401]),
    ("a body of JSON that is none", "POST /v1/accounts/work/login HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Type: application/json\nContent-Length: 4\n\n{via", &[400]),
    ("a member that is unknown", "POST /v1/accounts/work/login HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Type: application/json\nContent-Length: 13\n\n{\"debug\":true}", &[400]),
];

/// The status of the first reply, or 0; and the reply.
fn ask(authority: &str, bytes: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    let _ = stream.write_all(bytes);
    let mut all = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(count) = stream.read(&mut chunk) {
        all.extend_from_slice(&chunk[..count]);
        // Only the head is read, since an idle connection is closed late.
        if count == 0 || all.windows(4).any(|window| window == b"\r\n\r\n") {
            break;
        }
    }
    let text = String::from_utf8_lossy(&all).into_owned();
    (text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0), text)
}

#[test]
fn no_raw_request_on_the_port_gets_in() {
    let idp = Idp::start();
    let config = [
        "default_account = \"work\"\n".to_owned(),
        crate::world::provider("idp", &idp, "/token", ""),
        crate::world::account("work", "idp", ""),
        crate::world::account("home", "idp", ""),
    ];
    let mut world = World::with_config(&config.join("\n"));
    world.run();
    world.log_in("work");
    let (_, reader, _) = world.cli(&["app", "add", "reader", "--account", "home"]);
    let (_, removed, _) = world.cli(&["app", "add", "removed"]);
    assert_eq!(world.cli(&["app", "remove", "removed"]).0, 0);
    let (authority, key) = (world.authority(), world.key());
    let port = authority.rsplit(':').next().unwrap().to_owned();
    let filled = |text: &str| {
        let text = text.replace('\n', "\r\n").replace("{A}", &authority).replace("{P}", &port);
        text.replace("{K-}", &key[..52])
            .replace("{K}", &key)
            .replace("{R}", reader.trim())
            .replace("{X}", removed.trim())
    };
    let token = world.token("work");
    let good = ask(&authority, filled(GOOD).as_bytes());
    assert!(good.0 == 200, "the control: {good:?}");
    let state = || {
        let (work, home) = (world.account("work"), world.account("home"));
        let apps = world.get("/v1/apps").json()["apps"].as_array().unwrap().len();
        format!(
            "{:?} {} {:?} {:?} {:?} {apps}",
            work.state, work.generation, work.login_pending, home.state, home.login_pending
        )
    };
    let (before, asked) = (state(), idp.seen().len());
    let mut wrong = Vec::new();
    for (name, text, statuses) in ATTACKS {
        let (status, reply) = ask(&authority, filled(text).as_bytes());
        if !statuses.contains(&status) {
            wrong.push(format!("{name}: {status} instead of {statuses:?}: {reply:.300}"));
        }
        if reply.contains(&token) || reply.contains(&key) || reply.to_lowercase().contains("access-control") {
            wrong.push(format!("{name}: the reply has what it must not have: {reply}"));
        }
        if state() != before {
            wrong.push(format!("{name}: it changed something: {before} became {}", state()));
            break;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(idp.seen().len(), asked, "the provider received a request");
    let written = [world.log(), std::fs::read_to_string(world.state().join("audit.jsonl")).unwrap()].concat();
    assert!(!written.contains(&key) && !written.contains(reader.trim()), "a key is in a file");
    println!("{} attacks, all refused", ATTACKS.len());
}
