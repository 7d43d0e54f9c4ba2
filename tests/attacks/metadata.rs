//! A hostile issuer: its metadata decides where the browser goes and where secrets are sent.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ringback::contract::{AccountState, LoginStatus};
use url::Url;

use crate::http::Browser;
use crate::idp::{Idp, plain, with_header};
use crate::report::Report;
use crate::world::{World, account};

/// Answers every request with the current document, and counts requests.
struct Issuer {
    url: String,
    says: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (says, asked) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (said, counted) = (Arc::clone(&says), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let reply = said.lock().unwrap().clone();
                answer(stream.unwrap(), &reply);
            }
        });
        Self { url, says, asked }
    }
}

fn answer(mut stream: TcpStream, reply: &[u8]) {
    let _ = stream.read(&mut [0; 8192]);
    let _ = stream.write_all(reply);
}

/// Name, and the metadata; `{I}`: the issuer, `{G}`: a good provider, `{E}`: another server.
#[rustfmt::skip]
const DOCUMENTS: &[(&str, &str)] = &[
    ("another issuer", r#"{"issuer":"{E}","authorization_endpoint":"{G}/authorize","token_endpoint":"{G}/token"}"#),
    ("the issuer with a slash behind", r#"{"issuer":"{I}/","authorization_endpoint":"{G}/authorize","token_endpoint":"{G}/token"}"#),
    ("no issuer", r#"{"authorization_endpoint":"{G}/authorize","token_endpoint":"{G}/token"}"#),
    ("two issuers", r#"{"issuer":"{I}","issuer":"{E}","authorization_endpoint":"{G}/authorize","token_endpoint":"{G}/token"}"#),
    ("a script to go to", r#"{"issuer":"{I}","authorization_endpoint":"javascript:alert(1)","token_endpoint":"{G}/token"}"#),
    ("a file to go to", r#"{"issuer":"{I}","authorization_endpoint":"file:///etc/passwd","token_endpoint":"{G}/token"}"#),
    ("data to go to", r#"{"issuer":"{I}","authorization_endpoint":"data:text/html,<script>alert(1)</script>","token_endpoint":"{G}/token"}"#),
    ("a program to start", r#"{"issuer":"{I}","authorization_endpoint":"ms-msdt:/id","token_endpoint":"{G}/token"}"#),
    ("an option to go to", r#"{"issuer":"{I}","authorization_endpoint":"--gpu-launcher=id","token_endpoint":"{G}/token"}"#),
    ("plain http to go to", r#"{"issuer":"{I}","authorization_endpoint":"http://idp.example/authorize","token_endpoint":"{G}/token"}"#),
    ("plain http for secrets", r#"{"issuer":"{I}","authorization_endpoint":"{G}/authorize","token_endpoint":"http://idp.example/token"}"#),
    ("the cloud's metadata address for secrets", r#"{"issuer":"{I}","authorization_endpoint":"{G}/authorize","token_endpoint":"http://169.254.169.254/latest/meta-data/"}"#),
    ("a name that begins like loopback", r#"{"issuer":"{I}","authorization_endpoint":"{G}/authorize","token_endpoint":"http://127.0.0.1.evil.example/token"}"#),
    ("every address for secrets", r#"{"issuer":"{I}","authorization_endpoint":"{G}/authorize","token_endpoint":"http://0.0.0.0:1/token"}"#),
    ("loopback as a user's name", r#"{"issuer":"{I}","authorization_endpoint":"http://127.0.0.1@idp.example/","token_endpoint":"{G}/token"}"#),
    ("a password in the address", r#"{"issuer":"{I}","authorization_endpoint":"{G}/authorize","token_endpoint":"https://user:pass@idp.example/token"}"#),
    ("a fragment in the address", r#"{"issuer":"{I}","authorization_endpoint":"{G}/authorize#x","token_endpoint":"{G}/token"}"#),
    ("a line break in the address", r#"{"issuer":"{I}","authorization_endpoint":"{G}/authorize\r\nX-Evil: 1","token_endpoint":"{G}/token"}"#),
    ("a backslash in the address", r#"{"issuer":"{I}","authorization_endpoint":"http:\\\\127.0.0.1\\authorize","token_endpoint":"{G}/token"}"#),
    ("an address that is a number", r#"{"issuer":"{I}","authorization_endpoint":7,"token_endpoint":"{G}/token"}"#),
    ("an address that is a list", r#"{"issuer":"{I}","authorization_endpoint":["{G}/authorize"],"token_endpoint":"{G}/token"}"#),
    ("no address at all", r#"{"issuer":"{I}"}"#),
    ("a list instead of an object", r#"["{I}"]"#),
];

/// Replies that are not metadata: name, and the bytes, given the URL of another server.
type Reply = (&'static str, fn(&str, &str) -> Vec<u8>);

#[rustfmt::skip]
const REPLIES: &[Reply] = &[
    ("301 to another server's metadata", |e, _| with_header(301, &format!("Location: {e}"), "")),
    ("307 to another server's metadata", |e, _| with_header(307, &format!("Location: {e}"), "")),
    ("a page that says good metadata", |_, good| plain(200, "text/html", good)),
    ("good metadata behind 70 KiB", |_, good| plain(200, "application/json", format!("{}{good}", " ".repeat(70 << 10)))),
    ("good metadata with an error's status", |_, good| plain(500, "application/json", good)),
    ("half of good metadata", |_, good| plain(200, "application/json", &good[..good.len() / 2])),
    ("nothing", |_, _| Vec::new()),
];

const GOOD: &str = r#"{"issuer":"{I}","authorization_endpoint":"{G}/authorize","token_endpoint":"{G}/token"}"#;

#[test]
fn hostile_metadata_redirects_neither_the_browser_nor_secrets() {
    let (idp, issuer, elsewhere) = (Idp::start(), Issuer::open(), Issuer::open());
    *elsewhere.says.lock().unwrap() = plain(200, "application/json", "{}");
    let filled =
        |text: &str| text.replace("{I}", &issuer.url).replace("{G}", &idp.url("")).replace("{E}", &elsewhere.url);
    let documents = DOCUMENTS.iter().map(|(name, text)| (*name, plain(200, "application/json", filled(text))));
    let replies = REPLIES.iter().map(|(name, reply)| (*name, reply(&elsewhere.url, &filled(GOOD))));
    let provider = format!("[providers.idp]\npreset = \"generic\"\ndiscover = true\nissuer = \"{}\"\n", issuer.url);
    let config = [provider, account("work", "idp", "")].concat();
    let mut report = Report::default();
    for (name, reply) in documents.chain(replies) {
        report.row();
        *issuer.says.lock().unwrap() = reply;
        let mut world = World::with_config(&config);
        world.run();
        let begun = world.post("/v1/accounts/work/login");
        let mut browser = Browser::default();
        if begun.status == 200 || begun.status == 201 || begun.status == 202 {
            let start = begun.json()["start_url"].as_str().unwrap_or_default().to_owned();
            let (end, _) = browser.go_until(&start, |url| url.host_str() != Some("127.0.0.1"));
            report.expect(name, end.scheme() == "http" && end.host_str() == Some("127.0.0.1"), &end);
        }
        let ours = |url: &Url| format!("127.0.0.1:{}", url.port().unwrap_or(0)) == world.authority();
        report.expect(name, browser.visited.iter().all(ours), &browser.visited);
        report.expect(name, world.account("work").state == AccountState::SignedOut, world.account("work"));
        report.expect(name, elsewhere.asked.load(Ordering::SeqCst) == 0, "another server received a request");
        report.expect(name, !world.log().contains("canary"), world.log());
    }
    report.expect("all", idp.seen().is_empty(), idp.seen());
    *issuer.says.lock().unwrap() = plain(200, "application/json", filled(GOOD));
    let mut world = World::with_config(&config);
    world.run();
    let (page, end) = world.try_log_in("work");
    assert_eq!(end.status, LoginStatus::Succeeded, "the control: {end:?} {page:?}");
    moved_later(&mut report, &mut world, &issuer, &filled);
    report.end();
}

/// Metadata that was good at first and later moves the token endpoint: the host is pinned.
fn moved_later(report: &mut Report, world: &mut World, issuer: &Issuer, filled: &dyn Fn(&str) -> String) {
    report.row();
    let name = "a token endpoint that moves after a day";
    let moved = r#"{"issuer":"{I}","authorization_endpoint":"{G}/authorize","token_endpoint":"{E}/token"}"#;
    *issuer.says.lock().unwrap() = plain(200, "application/json", filled(moved));
    world.stop();
    let kept = crate::world::names(&world.state()).into_iter().find(|n| n == "metadata" || n == "issuers");
    let folder = world.state().join(kept.expect("a folder of cached metadata"));
    for file in crate::world::names(&folder) {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let mut kept: serde_json::Value = serde_json::from_str(&text).unwrap();
        kept["fetched_at"] = 0.into();
        std::fs::write(&path, kept.to_string()).unwrap();
    }
    world.run();
    let refused = world.post("/v1/accounts/work/refresh");
    report.expect(name, refused.status >= 400 && refused.body.contains("provider accept"), &refused);
}
