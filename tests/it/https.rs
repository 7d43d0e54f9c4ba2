//! Redirect URIs with https: the page that explains the certificate, the certificate, and a login over TLS.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use ringback::contract::LoginStatus;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::http::{Browser, Reply, Request, Wire, free_port};
use crate::idp::Idp;
use crate::world::{World, account, provider};

/// A world whose account comes back to `https://HOST:PORT/back`.
fn world(idp: &Idp, host: &str, port: u16) -> World {
    let own = format!("redirect_uri = \"https://{host}:{port}/back\"");
    let mut world = World::with_config(&(provider("idp", idp, "/token", "") + &account("work", "idp", &own)));
    world.run();
    world
}

fn certificate(world: &World) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(world.state().join("callback.pem")).unwrap()
}

fn fingerprint(world: &World) -> String {
    Sha256::digest(certificate(world)).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// Trusts these certificates alone.
fn trusting(roots: &[CertificateDer<'static>], versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    Arc::new(builder.with_root_certificates(store).with_no_client_auth())
}

/// Where the explanation leads.
fn link(page: &Reply) -> &str {
    page.body.split("href=\"https://").nth(1).map(|rest| rest.split('"').next().unwrap()).unwrap_or_default()
}

#[test]
fn a_login_comes_back_over_tls_after_the_page_has_explained_the_certificate() {
    let idp = Idp::start();
    for (host, version) in [("localhost", &TLS13), ("127.0.0.1", &TLS12)] {
        let port = free_port();
        let mut world = world(&idp, host, port);
        assert!(!world.state().join("callback.pem").exists(), "only if it is needed");
        let started = world.start_login("work", "caller_browser");
        let start = started.start_url.unwrap();
        assert!(start.starts_with(&format!("http://{host}:{port}/login/start/")), "{start}");
        assert_eq!(crate::world::mode(&world.state().join("callback.pem")), 0o600);

        let mut browser = Browser { trust: Some(trusting(&[certificate(&world)], &[version])), ..Browser::default() };
        for _ in 0..2 {
            let page = browser.go(&start);
            assert_eq!((page.status, page.header("set-cookie")), (200, None), "{page:?}");
            assert!(page.body.contains(&fingerprint(&world)), "{page:?}");
            assert_eq!(link(&page), start.strip_prefix("http://").unwrap(), "it can be read again");
        }
        let begin = Url::parse(&start.replace("http:", "https:")).unwrap();
        let reply = browser.visit(&begin);
        let cookie = reply.header("set-cookie").unwrap();
        assert!(reply.status == 303 && cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{reply:?}");
        let page = browser.go(Browser::leads_to(&begin, &reply).unwrap().as_str());
        assert!(page.status == 200 && page.body.contains("Logged in"), "{page:?}");
        assert_eq!(browser.visited.last().unwrap().scheme(), "https");
        assert_eq!(world.login_end(&started.login_id).status, LoginStatus::Succeeded);
        let asked = idp.seen_at("/token").pop().unwrap();
        assert_eq!(asked.parameters()["redirect_uri"], format!("https://{host}:{port}/back"));

        let before = fingerprint(&world);
        world.restart();
        world.start_login("work", "caller_browser");
        assert_eq!(fingerprint(&world), before, "the browser's exception holds");
        assert_eq!(world.state().metadata().unwrap().permissions().mode() & 0o077, 0);
    }
}

#[test]
fn nothing_but_the_stops_of_a_login_is_served_and_nothing_but_the_explanation_without_tls() {
    let (idp, port) = (Idp::start(), free_port());
    let world = world(&idp, "localhost", port);
    let started = world.start_login("work", "caller_browser");
    let (host, at) = (format!("localhost:{port}"), format!("127.0.0.1:{port}"));
    let trust = trusting(&[certificate(&world)], &[&TLS13]);
    let key = format!("Bearer {}", world.key());
    let ask = |wire: Wire, target: &str, host: &str| {
        wire.ask(&Request::get(target).header("Authorization", &key).bytes(host)).status
    };
    for (target, over_tls, before) in [
        ("/token", 404, 404),
        ("/v1/accounts", 404, 404),
        ("/healthz", 404, 404),
        ("/", 404, 404),
        ("/static/style.css", 200, 200),
        ("/login/outcome/x", 404, 404),
        ("/back", 400, 404),
        ("/back?code=c&state=s", 400, 404),
    ] {
        assert_eq!(ask(Wire::tls(&host, &trust), target, &host), over_tls, "{target} over TLS");
        assert_eq!(ask(Wire::tcp(&at), target, &host), before, "{target} without TLS");
    }
    for wrong in ["example.com", "localhost", &format!("example.com:{port}"), "localhost:80"] {
        assert_eq!(ask(Wire::tls(&host, &trust), "/static/style.css", wrong), 403, "{wrong}");
        assert_eq!(ask(Wire::tcp(&at), "/login/start/x", wrong), 403, "{wrong}");
    }
    let page =
        Wire::tls(&host, &trust).ask(&Request::get("/back?code=c&state=s").header("Accept", "text/html").bytes(&host));
    assert!(page.body.contains("belongs to another login"), "{page:?}");
    assert_eq!(world.login_status(&started.login_id), LoginStatus::Pending, "all of that changed nothing");
}

#[test]
fn who_does_not_trust_the_certificate_sends_nothing_and_the_login_stays_open() {
    let (idp, port) = (Idp::start(), free_port());
    let world = world(&idp, "localhost", port);
    let started = world.start_login("work", "caller_browser");
    let name = "localhost".try_into().unwrap();
    let mut session = ClientConnection::new(trusting(&[], &[&TLS13]), name).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let refused = session.complete_io(&mut stream).unwrap_err();
    assert!(refused.to_string().contains("certificate"), "{refused}");
    let page = Browser::default().go(started.start_url.as_deref().unwrap());
    assert!(page.status == 200 && page.body.contains(&fingerprint(&world)), "{page:?}");
    assert_eq!(world.login_status(&started.login_id), LoginStatus::Pending);
}

#[test]
fn a_taken_port_and_a_port_with_http_are_refused_with_the_reason() {
    let (idp, port) = (Idp::start(), free_port());
    let world = world(&idp, "127.0.0.1", port);
    let squatter = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (code, _, said) = world.cli(&["login", "--no-browser"]);
    assert!(code == 6 && said.contains(&format!("port {port} of 127.0.0.1 is taken by another program")), "{said}");
    drop(squatter);

    let own = format!("redirect_uri = \"https://127.0.0.1:{port}/back\"");
    let listen = format!("[listen]\ntcp = [\"127.0.0.1:{port}\"]\n");
    world.configure(&[provider("idp", &idp, "/token", ""), account("work", "idp", &own), listen].join("\n"));
    let (code, _, said) = world.cli(&["config", "check"]);
    assert!(code == 2 && said.contains("uses https at a port of `listen.tcp`"), "{said}");
}
