//! The connection to the provider: trusted certificates and proxies.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use ringback::contract::LoginStatus;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::idp::Idp;
use crate::world::{World, account};

/// A certificate authority that no system trusts.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// A server with a certificate for these names and years.
    fn server(&self, names: &[&str], years: Range<i32>) -> Server {
        let key = KeyPair::generate().unwrap();
        let certificate = params(names, years).signed_by(&key, &self.issuer).unwrap();
        Server::with(&certificate, &key)
    }
}

fn params(names: &[&str], years: Range<i32>) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
    params
}

/// A server with a self-signed certificate, and the certificate. `ca`: whether it is a CA certificate.
fn self_signed(ca: IsCa) -> (Server, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = params(&["localhost"], GOOD);
    params.is_ca = ca;
    let certificate = params.self_signed(&key).unwrap();
    (Server::with(&certificate, &key), certificate.pem())
}

const GOOD: Range<i32> = 2020..4000;
const EXPIRED: Range<i32> = 2020..2021;
const NOT_YET: Range<i32> = 3990..4000;

/// A token endpoint with TLS that counts complete requests.
struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn with(certificate: &Certificate, key: &KeyPair) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        Self::start(Arc::new(config))
    }

    fn start(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, requests) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, counted) = (Arc::clone(&config), Arc::clone(&counted));
                std::thread::spawn(move || {
                    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream.unwrap());
                    answer(&mut stream, &counted)
                });
            }
        });
        Self { port, requests }
    }
}

/// Replies with a token; `None` without a request, for example after a refused handshake.
fn answer(stream: &mut StreamOwned<ServerConnection, TcpStream>, counted: &AtomicUsize) -> Option<()> {
    let mut seen = [0; 8192];
    if stream.read(&mut seen).ok()? == 0 {
        return None;
    }
    counted.fetch_add(1, Ordering::SeqCst);
    let body = r#"{"access_token":"tls","token_type":"bearer","expires_in":3600,"scope":"one two"}"#;
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").ok()?;
    stream.flush().ok()
}

/// A world whose token endpoint is at `host` and `port` with TLS.
fn world(idp: &Idp, host: &str, port: u16, more: &str) -> World {
    let provider = format!(
        "[providers.idp]\npreset = \"generic\"\nauthorize_url = \"{}\"\ntoken_url = \"https://{host}:{port}/token\"\n{more}\n",
        idp.url("/authorize")
    );
    World::with_config(&[provider, account("work", "idp", "")].join("\n"))
}

#[test]
fn a_certificate_is_trusted_for_its_host_and_period_and_only_where_configured() {
    let idp = Idp::start();
    let (known, stranger) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &known.pem).unwrap();
    let ca = format!("ca_file = \"{}\"", file.display());
    let pinned = format!("{ca}\nroots = \"none\"");
    let bundled = "roots = \"bundled\"".to_owned();
    std::fs::write(folder.path().join("empty.pem"), "nothing").unwrap();
    let empty = format!("ca_file = \"{}\"", folder.path().join("empty.pem").display());
    let local: &[&str] = &["localhost"];
    let in_file = |name: &str, pem: &str| {
        std::fs::write(folder.path().join(name), pem).unwrap();
        format!("ca_file = \"{}\"", folder.path().join(name).display())
    };
    let (own, own_pem) = self_signed(IsCa::ExplicitNoCa);
    let (marked, marked_pem) = self_signed(IsCa::Ca(BasicConstraints::Unconstrained));
    let behind_bom = in_file("bom.pem", &format!("\u{feff}{}", known.pem));
    let (of_own, of_marked) = (in_file("own.pem", &own_pem), in_file("marked.pem", &marked_pem));
    let start = |authority: &Authority, names: &[&str], years| authority.server(names, years);
    for (what, server, host, more, good, says) in [
        ("an unknown authority", start(&known, local, GOOD), "localhost", "", false, "with `ca_file`"),
        ("an authority in ca_file", start(&known, local, GOOD), "localhost", ca.as_str(), true, ""),
        ("an authority in ca_file, without other roots", start(&known, local, GOOD), "localhost", &pinned, true, ""),
        (
            "another authority's",
            start(&stranger, local, GOOD),
            "localhost",
            &ca,
            false,
            "ca.pem: add the authority there",
        ),
        (
            "another authority's, without other roots",
            start(&stranger, local, GOOD),
            "localhost",
            &pinned,
            false,
            "`roots = \"none\"`",
        ),
        (
            "an authority that is not bundled",
            start(&known, local, GOOD),
            "localhost",
            &bundled,
            false,
            "`roots = \"system\"`",
        ),
        (
            "a certificate for another host",
            start(&known, &["other.example"], GOOD),
            "localhost",
            &ca,
            false,
            "is for other.example",
        ),
        (
            "a certificate for another address",
            start(&known, local, GOOD),
            "127.0.0.1",
            &ca,
            false,
            "and not for 127.0.0.1",
        ),
        (
            "an expired certificate",
            start(&known, local, EXPIRED),
            "localhost",
            &ca,
            false,
            "ended at 2021-01-01t00:00:00z",
        ),
        (
            "a certificate that is not valid yet",
            start(&known, local, NOT_YET),
            "localhost",
            &ca,
            false,
            "set the clock",
        ),
        ("a self-signed certificate", own, "localhost", &of_own, true, ""),
        ("a self-signed CA certificate", marked, "localhost", &of_marked, false, "ca:true"),
        ("a ca_file with a byte order mark", start(&known, local, GOOD), "localhost", &behind_bom, true, ""),
        ("a file without certificates", start(&known, local, GOOD), "localhost", &empty, false, "empty.pem"),
    ] {
        let mut world = world(&idp, host, server.port, more);
        world.run();
        let (_, end) = world.try_log_in("work");
        let expected = if good { LoginStatus::Succeeded } else { LoginStatus::Failed };
        assert_eq!(end.status, expected, "{what}: {end:?}");
        let told = end.failure.map(|failure| failure.error_description).unwrap_or_default().to_lowercase();
        assert!(told.contains(says), "{what}: {told}");
        // An untrusted server received no request.
        assert_eq!(server.requests.load(Ordering::SeqCst), usize::from(good), "{what}");
    }
}

#[test]
fn a_renewed_ca_file_is_read_at_a_reload() {
    let idp = Idp::start();
    let (before, after) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &before.pem).unwrap();
    let server = after.server(&["localhost"], GOOD);
    let mut world = world(&idp, "localhost", server.port, &format!("ca_file = \"{}\"", file.display()));
    world.run();
    assert_eq!(world.try_log_in("work").1.status, LoginStatus::Failed);
    std::fs::write(&file, &after.pem).unwrap();
    world.signal(rustix::process::Signal::HUP);
    world.until_logged("the config was reloaded");
    assert_eq!(world.try_log_in("work").1.status, LoginStatus::Succeeded);
}

#[test]
fn a_port_without_tls_is_reported_as_such() {
    let idp = Idp::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        }
    });
    let mut world = world(&idp, "localhost", port, "");
    world.run();
    let told = world.try_log_in("work").1.failure.unwrap().error_description;
    assert!(told.contains("there is no TLS on this port"), "{told}");
}

/// A proxy that records its requests.
fn proxy() -> (u16, Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut seen = [0; 4096];
            let count = stream.read(&mut seen).unwrap_or(0);
            noted
                .lock()
                .unwrap()
                .push(String::from_utf8_lossy(&seen[..count]).lines().next().unwrap_or_default().to_owned());
            let _ = stream.write_all(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (port, asked)
}

#[test]
fn a_proxy_is_used_where_configured_and_never_for_loopback() {
    let idp = Idp::start();
    let (port, asked) = proxy();
    let at = format!("proxy = \"http://127.0.0.1:{port}\"");
    // `.invalid` never resolves (RFC 6761 §6.4): without a proxy no request is possible.
    let unused = "; HTTPS_PROXY is set but not used: to use it, set `proxy = \"environment\"` for the provider";
    for (what, host, more, expected, is_unused) in [
        ("only environment variables", "idp.invalid", "", 0, true),
        ("none", "idp.invalid", "proxy = \"none\"", 0, true),
        ("environment variables, as configured", "idp.invalid", "proxy = \"environment\"", 1, false),
        ("a configured proxy", "idp.invalid", &at, 1, false),
        ("a configured proxy, for loopback", "localhost", &at, 0, false),
    ] {
        asked.lock().unwrap().clear();
        let mut world = world(&idp, host, 9, more);
        world.through = [
            "/usr/bin/env".to_owned(),
            format!("HTTPS_PROXY=http://127.0.0.1:{port}"),
            format!("ALL_PROXY=http://127.0.0.1:{port}"),
        ]
        .into();
        world.run();
        let (_, end) = world.try_log_in("work");
        assert_eq!(end.status, LoginStatus::Failed, "{what}");
        let told = end.failure.unwrap().error_description;
        assert_eq!(told.contains(unused), is_unused, "{what}: {told}");
        let seen = asked.lock().unwrap().clone();
        assert_eq!(seen.len(), expected, "{what}: {seen:?}");
        // The proxy learns the destination only: the request is encrypted.
        assert!(seen.iter().all(|line| line == "CONNECT idp.invalid:9 HTTP/1.1"), "{what}: {seen:?}");
    }
}

#[test]
fn mistakes_in_proxy_and_ca_file_are_reported_by_position() {
    let idp = Idp::start();
    for (more, says) in [
        ("proxy = \"http://user:canary@proxy.example\"", "user name or password"),
        ("proxy = \"socks\"", "`none`, `environment` or a URL"),
        ("proxy = \"ftp://proxy.example\"", "not an http or https URL"),
        ("ca_file = \"ca.pem\"", "not an absolute path"),
        ("roots = \"any\"", "`\"bundled\"` or `\"none\"`"),
    ] {
        let world = world(&idp, "idp.example", 443, more);
        let (code, _, said) = world.cli(&["config", "check"]);
        assert!(code == 2 && said.contains(says) && !said.contains("canary"), "{more}: {said}");
    }
}
