//! The gate in front of a router that answers on every route.

mod clients;
mod extra;
mod keys;
mod replies;
mod sessions;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, Version};
use axum::response::Response;
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use super::Gate;
use super::guarded::{Guarded, guard};
use crate::apps::{self, Apps};
use crate::audit::AuditLog;
use crate::clock::Clock;
use crate::http::listen::Answers as _;
use crate::http::peer::{BodyLimits, Connection, Peer, Scheme};
use crate::http::session::Sessions;
use crate::os::ports::PeerUser;
use crate::routes::{Access, ROUTES};

/// `k3y` is replaced by a key with all rights.
const KEY: &str = "Authorization: Bearer k3y";
/// `b4sic` is replaced by the name of its app and the key, as an OAuth client sends them.
const BASIC: &str = "Authorization: Basic b4sic";
static APPS: LazyLock<(Apps, String)> = LazyLock::new(apps::tests::fresh);
const HOST: &str = "Host: 127.0.0.1:7464";
const ORIGIN: &str = "Origin: http://127.0.0.1:7464";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn tcp() -> Peer {
    tcp_of(PeerUser::Uid(own_uid()))
}

fn tcp_of(user: PeerUser) -> Peer {
    Peer::Tcp { address: "127.0.0.1:50000".parse().unwrap(), port: 7464, user, scheme: Scheme::Http }
}

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn gate() -> Gate {
    Gate::new(APPS.0.clone(), AuditLog::default(), Sessions::default(), Clock::System)
}

/// Every route of the table with a handler that confirms that it was reached, and a fallback for callbacks.
fn guarded(gate: Gate) -> Guarded {
    let paths: BTreeSet<&str> = ROUTES.iter().map(|route| route.path).collect();
    let router = paths.into_iter().fold(Router::new(), |router, path| router.route(path, any(|| async { "reached" })));
    guard(router.fallback(|| async { "fallback" }), gate)
}

fn request(method: &str, target: &str, lines: &[&str], peer: Peer) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(target);
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        let basic = || STANDARD.encode(format!("default:{}", APPS.1));
        request = request.header(name, value.replace("k3y", &APPS.1).replace("b4sic", &basic()));
    }
    let body = BodyLimits { size: 1000, deadline: Duration::from_secs(1) };
    request.extension(Connection::new(peer, None, body)).body(Body::empty()).unwrap()
}

impl Guarded {
    /// The reply to a request that has its connection among its extensions.
    async fn send(self, request: Request<Body>) -> Response {
        let connection = request.extensions().get::<Connection>().unwrap().clone();
        self.answer(request, &connection).await
    }
}

async fn ask(method: &str, target: &str, lines: &[&str], peer: Peer) -> Response {
    guarded(gate()).send(request(method, target, lines, peer)).await
}

/// `(request line, header lines, status)`; Host and key are added unless the row sets its own.
#[rustfmt::skip]
const TABLE: [(&str, &[&str], u16); 128] = [
    ("GET /token", &[], 200),
    // Host
    ("GET /token", &["Host: localhost:7464"], 200),
    ("GET /token", &["Host: LocalHost:7464"], 200),
    ("GET /token", &["Host: [::1]:7464"], 200),
    ("GET /token", &["Host: 127.0.0.1"], 403),
    ("GET /token", &["Host: 127.0.0.1:7465"], 403),
    ("GET /token", &["Host: 127.0.0.1:07464"], 403),
    ("GET /token", &["Host: 127.0.0.1:"], 403),
    ("GET /token", &["Host: 0.0.0.0:7464"], 403),
    ("GET /token", &["Host: [::]:7464"], 403),
    ("GET /token", &["Host: 127.1:7464"], 403),
    ("GET /token", &["Host: 2130706433:7464"], 403),
    ("GET /token", &["Host: localhost.:7464"], 403),
    ("GET /token", &["Host: localhost.evil.example:7464"], 403),
    ("GET /token", &["Host: evil.example:7464"], 403),
    ("GET /token", &["Host: evil.example"], 403),
    ("GET /token", &["Host: 127.0.0.1:7464@evil.example"], 403),
    ("GET /token", &["Host: [::1]"], 403),
    ("GET /token", &["Host: ringback"], 403),
    ("GET /token", &["Host: "], 400),
    ("GET /token", &[HOST, HOST], 400),
    ("GET /healthz", &["Host: evil.example:7464"], 403),
    ("GET /callback/p?state=s", &["Host: evil.example:7464"], 403),
    ("GET /token", &["X-Forwarded-Host: 127.0.0.1:7464", "Host: evil.example"], 403),
    ("GET /token", &["X-Forwarded-Host: evil.example", "Forwarded: for=1.2.3.4"], 200),
    // targets
    ("GET http://127.0.0.1:7464/token", &[], 200),
    ("GET http://localhost:7464/token", &[], 400),
    ("GET http://evil.example/token", &[], 400),
    ("GET https://127.0.0.1:7464/token", &[], 400),
    ("GET http://u@127.0.0.1:7464/token", &[], 400),
    ("OPTIONS *", &[], 400),
    // Origin and Referer
    ("GET /token", &["Origin: http://127.0.0.1:7464"], 200),
    ("GET /token", &["Origin: http://localhost:7464"], 403),
    ("GET /token", &["Origin: https://127.0.0.1:7464"], 403),
    ("GET /token", &["Origin: http://evil.example"], 403),
    ("GET /token", &["Origin: http://127.0.0.1:3000"], 403),
    ("GET /token", &["Origin: null"], 403),
    ("GET /token", &["Origin: http://127.0.0.1:7464", "Origin: http://evil.example"], 403),
    ("OPTIONS /token", &["Origin: http://evil.example", "Access-Control-Request-Method: GET"], 403),
    ("GET /healthz", &["Origin: http://evil.example"], 403),
    ("GET /callback/p", &["Origin: http://evil.example"], 403),
    ("GET /token", &["Referer: https://evil.example/page"], 403),
    ("GET /token", &["Referer: http://127.0.0.1:7464/"], 200),
    ("GET /callback/p?code=c", &["Referer: https://provider.example/consent"], 200),
    // fetch metadata
    ("GET /token", &["Sec-Fetch-Site: none"], 200),
    ("GET /token", &["Sec-Fetch-Site: same-origin"], 200),
    ("GET /token", &["Sec-Fetch-Site: same-site"], 403),
    ("GET /token", &["Sec-Fetch-Site: cross-site"], 403),
    ("GET /token", &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"], 403),
    ("GET /token", &["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"], 403),
    ("POST /v1/accounts/a/login", &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403),
    ("GET /callback/p?code=c", &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"], 200),
    ("GET /callback/p?code=c", &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"], 403),
    ("GET /callback/p?code=c", &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"], 403),
    ("GET /login/start/t", &["Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"], 200),
    ("GET /login/start/t", &["Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Sec-Purpose: prefetch;prerender"], 403),
    ("GET /login/outcome/o", &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"], 200),
    ("GET /static/style.css", &["Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: style"], 200),
    ("GET /static/style.css", &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403),
    ("GET /healthz", &["Sec-Fetch-Site: cross-site"], 403),
    // methods
    ("HEAD /token", &[], 405),
    ("HEAD /callback/p?code=c", &[], 405),
    ("HEAD /login/start/t", &[], 405),
    ("OPTIONS /token", &[], 405),
    ("POST /token", &[], 405),
    ("PUT /v1/accounts/a/token", &[], 405),
    ("GET /v1/accounts/a/login", &[], 405),
    ("POST /callback/p", &[], 404),
    ("FOO /token", &[], 405),
    // queries
    ("GET /token?min_ttl=1&wait=2", &[], 200),
    ("GET /token?min_ttl=1&min_ttl=1", &[], 400),
    ("GET /token?min_ttl=1&min%5Fttl=2", &[], 400),
    ("GET /token?access_token=k3y", &[], 400),
    ("GET /token?KEY=k3y", &[], 400),
    ("GET /token?k%65y=k3y", &[], 400),
    // paths
    ("GET /v1/accounts/a%20b/token", &[], 200),
    ("GET /v1/accounts/a%2Fb/token", &[], 400),
    ("GET /v1/accounts/..%2f/token", &[], 400),
    ("GET /v1/accounts/a%5Cb/token", &[], 400),
    ("GET /v1/accounts/a%00/token", &[], 400),
    ("GET /v1/accounts/%2e%2e/token", &[], 400),
    ("GET /v1/accounts/../token", &[], 400),
    ("GET /v1/accounts/a%252Fb/token", &[], 400),
    ("GET /v1/accounts/a%zz/token", &[], 400),
    ("GET /v1//accounts", &[], 400),
    ("GET /token/", &["Authorization: none"], 200), // the fallback, which knows no such path
    ("GET /v1/accounts//token", &["Authorization: none"], 400),
    // the form that our own page posts: our Origin and the form's type, nothing else
    ("POST /callback/p", &[ORIGIN, FORM], 200),
    ("POST /callback/p", &["Origin: HTTP://127.0.0.1:7464", FORM], 403),
    ("POST /callback/p", &[ORIGIN, "Content-Type: application/x-www-form-urlencoded;charset=UTF-8", "Content-Length: 9"], 200),
    ("POST /callback/p", &[ORIGIN, FORM, "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"], 200),
    ("POST /callback/p", &["Host: localhost:7464", "Origin: http://localhost:7464", FORM], 200),
    ("POST /callback/p", &[FORM], 404),
    ("POST /callback/p", &["Origin: null", FORM], 403),
    ("POST /callback/p", &["Origin: https://provider.example", FORM], 403),
    ("POST /callback/p", &["Origin: http://localhost:7464", FORM], 403),
    ("POST /callback/p", &[ORIGIN, ORIGIN, FORM], 403),
    ("POST /callback/p", &[ORIGIN, FORM, "Sec-Fetch-Site: none"], 403),
    ("POST /callback/p", &[ORIGIN, FORM, "Sec-Fetch-Site: same-site"], 403),
    ("POST /callback/p", &[ORIGIN, FORM, "Sec-Fetch-Site: cross-site"], 403),
    ("POST /callback/p", &[ORIGIN], 400),
    ("POST /callback/p", &[ORIGIN, "Content-Type: application/json"], 400),
    ("POST /callback/p", &[ORIGIN, "Content-Type: text/plain"], 400),
    ("PUT /callback/p", &[ORIGIN, FORM], 404),
    ("POST /v1/accounts/a/login", &[ORIGIN, FORM, "Content-Length: 2"], 400),
    ("GET /static/fragment.js", &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"], 403),
    // OAuth clients
    ("POST /oauth2/token", &[BASIC], 200),
    ("POST /oauth2/work/token", &[BASIC, FORM, "Content-Length: 9"], 200),
    ("POST /v4/oauth/access-token", &[BASIC, "Content-Type: application/json", "Content-Length: 9"], 200),
    ("POST /oauth/access-token", &[BASIC], 200),
    ("POST /oauth2/token", &[], 401), // a bearer key is not how a client proves itself
    ("POST /oauth2/token", &[BASIC, BASIC], 400),
    ("POST /oauth2/token", &[BASIC, "Origin: http://evil.example"], 403),
    ("POST /oauth2/token", &[BASIC, "Origin: null", FORM], 403),
    ("POST /oauth2/token", &[BASIC, "Sec-Fetch-Site: cross-site"], 403),
    ("POST /oauth2/token", &[BASIC, "Referer: https://evil.example/"], 403),
    ("POST /oauth2/token", &[BASIC, "Host: evil.example:7464"], 403),
    ("POST /oauth2/token", &[BASIC, "Content-Type: text/plain", "Content-Length: 9"], 400),
    ("POST /oauth2/token", &[BASIC, "Content-Length: 9"], 400),
    ("POST /oauth2/token?client_secret=k3y", &[BASIC], 400),
    ("POST /oauth2/token?refresh_token=k3y", &[BASIC], 400),
    ("GET /oauth2/token", &[BASIC], 405),
    ("HEAD /oauth2/token", &[BASIC], 405),
    ("GET /token", &[BASIC], 401),
    ("GET /.well-known/oauth-authorization-server/oauth2", &["Authorization: none"], 200),
    ("GET /.well-known/oauth-protected-resource/proxy/work", &["Sec-Fetch-Mode: cors"], 404),
    ("GET /.well-known/oauth-authorization-server/oauth2", &["Sec-Fetch-Site: cross-site"], 403),
    // bodies
    ("POST /v1/accounts/a/login", &["Content-Length: 2", "Content-Type: text/plain"], 400),
];

#[tokio::test]
async fn the_gate_answers_every_request_as_the_table_says() {
    for (line, lines, status) in TABLE {
        let (method, target) = line.split_once(' ').unwrap();
        let has = |name: &str| lines.iter().any(|line| line.starts_with(name));
        let usual = [HOST, KEY].into_iter().filter(|line| !has(line.split(' ').next().unwrap()));
        let lines: Vec<&str> = usual.chain(lines.iter().copied()).collect();
        let reply = ask(method, target, &lines, tcp()).await;
        assert_eq!(reply.status().as_u16(), status, "{line} {lines:?}");
    }
}

/// Repeated parameters are looked for before the key is checked, so their number must be limited.
#[tokio::test]
async fn query_parameters_are_limited_in_number_and_not_repeated() {
    let query = |count: usize| (0..count).map(|n| format!("p{n}=")).collect::<Vec<_>>().join("&");
    for (query, said) in [
        (query(64), None),
        (query(65), Some("there are too many query parameters")),
        (query(1200), Some("there are too many query parameters")),
        (format!("{}&p0=", query(64)), Some("a query parameter is repeated")),
        ("a&a".into(), Some("a query parameter is repeated")),
        ("&".repeat(8000), None),
        ("x".repeat(8193), Some("the query is too long")),
    ] {
        let reply = ask("GET", &format!("/v1/accounts?{query}"), &[HOST], tcp()).await;
        // A well-formed query without a key gets 401.
        assert_eq!(reply.status(), if said.is_some() { 400 } else { 401 });
        let body = axum::body::to_bytes(reply.into_body(), 10_000).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains(said.unwrap_or("key")), "{said:?}");
    }
}

/// The peer's user, and whether the gate lets it in: by default, and with `[listen] other_users`.
#[tokio::test]
async fn another_user_needs_a_key_and_permission_and_never_reaches_a_browser_route() {
    let stranger = own_uid() + 1;
    for (user, usual, allowed) in [
        (PeerUser::Uid(own_uid()), true, true),
        (PeerUser::Uid(0), true, true),
        (PeerUser::Unsupported, true, true),
        (PeerUser::Uid(stranger), false, true),
        (PeerUser::Unmapped, false, true),
        (PeerUser::NotFound, false, true),
    ] {
        for route in &ROUTES {
            let path = route.path.replace("{name}", "work").replace("{id}", "x").replace("{ticket}", "x");
            let is_form = matches!(route.access, Access::Session | Access::Form);
            let form = is_form.then_some([ORIGIN, FORM, "Sec-Fetch-Site: same-origin"]).into_iter().flatten();
            let lines: Vec<&str> = [HOST, KEY].into_iter().chain(form).collect();
            for (gate, open) in [(gate(), usual), (gate().with_other_users(true), allowed)] {
                let request = request(route.method.as_str(), &path, &lines, tcp_of(user));
                let reply = guarded(gate).send(request).await;
                let own = matches!(user, PeerUser::Uid(uid) if uid != stranger) || user == PeerUser::Unsupported;
                let open = open && (own || route.access.is_open_to_other_users());
                let body = axum::body::to_bytes(reply.into_body(), 10_000).await.unwrap();
                let text = String::from_utf8_lossy(&body);
                let refused = text.contains("this connection belongs");
                assert_eq!(!refused, open, "{user:?} {} {path}: {text}", route.method.as_str());
            }
        }
        for (method, path, lines) in
            [("GET", "/callback/p?code=c", &[HOST][..]), ("POST", "/cb", &[HOST, ORIGIN, FORM])]
        {
            let own = matches!(user, PeerUser::Uid(uid) if uid != stranger) || user == PeerUser::Unsupported;
            for gate in [gate(), gate().with_other_users(true), gate().with_other_users(true).for_callback_listeners()]
            {
                let reply = guarded(gate).send(request(method, path, lines, tcp_of(user))).await;
                assert_eq!(reply.status() == 200, own, "{user:?} {method} {path}");
                assert_eq!(
                    reply.headers().get("connection").is_some(),
                    !own,
                    "the connection of another user is closed"
                );
            }
        }
    }
}

fn tcp_at(port: u16, scheme: Scheme) -> Peer {
    Peer::Tcp { address: "127.0.0.1:50000".parse().unwrap(), port, user: PeerUser::Uid(own_uid()), scheme }
}

#[tokio::test]
async fn on_the_usual_port_of_a_scheme_the_host_header_has_no_port() {
    for peer in [tcp_at(80, Scheme::Http), tcp_at(443, Scheme::Https)] {
        for (host, status) in [("Host: 127.0.0.1", 200), ("Host: localhost", 200), ("Host: [::1]", 200), (HOST, 403)] {
            assert_eq!(ask("GET", "/cb?code=c", &[host], peer).await.status(), status, "{host} {peer:?}");
        }
    }
    for peer in [tcp_at(443, Scheme::Http), tcp_at(80, Scheme::Https), tcp_at(443, Scheme::BeforeTls)] {
        assert_eq!(ask("GET", "/login/start/t", &["Host: localhost"], peer).await.status(), 403, "{peer:?}");
    }
}

#[tokio::test]
async fn over_tls_our_own_pages_are_those_of_https() {
    let (https, http) = ("Origin: https://127.0.0.1:7464", ORIGIN);
    for (origin, scheme, status) in
        [(https, Scheme::Https, 200), (http, Scheme::Https, 403), (https, Scheme::Http, 403), (http, Scheme::Http, 200)]
    {
        let reply = ask("POST", "/cb", &[HOST, origin, FORM], tcp_at(7464, scheme)).await;
        assert_eq!(reply.status(), status, "{origin} {scheme:?}");
    }
    for (target, scheme, status) in [
        ("https://127.0.0.1:7464/healthz", Scheme::Https, 200),
        ("http://127.0.0.1:7464/healthz", Scheme::Https, 400),
        ("https://127.0.0.1:7464/healthz", Scheme::Http, 400),
    ] {
        assert_eq!(ask("GET", target, &[HOST], tcp_at(7464, scheme)).await.status(), status, "{target} {scheme:?}");
    }
}

#[tokio::test]
async fn before_tls_only_the_page_that_explains_the_certificate_is_served() {
    for (request, status) in [
        ("GET /login/start/t", 200),
        ("GET /static/style.css", 200),
        ("GET /favicon.ico", 200),
        ("GET /login/outcome/x", 404),
        ("GET /healthz", 404),
        ("GET /token", 404),
        ("GET /v1/accounts", 404),
        ("GET /cb?code=c&state=s", 404),
        ("POST /cb", 404),
    ] {
        let (method, target) = request.split_once(' ').unwrap();
        let reply = ask(method, target, &[HOST, ORIGIN, FORM], tcp_at(7464, Scheme::BeforeTls)).await;
        assert_eq!(reply.status(), status, "{request}");
    }
}

#[tokio::test]
async fn http_1_0_and_a_missing_host_are_malformed() {
    assert_eq!(ask("GET", "/healthz", &[], tcp()).await.status(), 400);
    let mut old = request("GET", "/healthz", &[HOST], tcp());
    *old.version_mut() = Version::HTTP_10;
    assert_eq!(guarded(gate()).send(old).await.status(), 400);
}

#[tokio::test]
async fn bodies_of_state_changing_requests_are_json_or_empty() {
    for (lines, status) in [
        (&["Content-Length: 0"] as &[&str], 200),
        (&["Content-Length: 2", "Content-Type: application/json; charset=utf-8"], 200),
        (&["Transfer-Encoding: chunked", "Content-Type: application/x-www-form-urlencoded"], 400),
        (&["Content-Length: 2"], 400),
    ] {
        let lines: Vec<&str> = [HOST, KEY].into_iter().chain(lines.iter().copied()).collect();
        assert_eq!(ask("POST", "/v1/accounts/a/login", &lines, tcp()).await.status().as_u16(), status, "{lines:?}");
    }
}

#[tokio::test]
async fn every_route_is_closed_to_unauthenticated_callers_unless_its_row_opens_it() {
    for route in ROUTES.iter().filter(|route| !matches!(route.access, Access::Session | Access::Form)) {
        let path = route.path.replace("{name}", "work").replace("{id}", "i").replace("{ticket}", "t");
        let reply = ask(route.method.as_str(), &path, &[HOST], tcp()).await;
        let expected = match route.access {
            Access::Read | Access::Client | Access::Proxy | Access::Write => 401,
            Access::Socket | Access::Owner => 403,
            _ => 200,
        };
        assert_eq!(reply.status().as_u16(), expected, "{} {path}", route.method.as_str());
        let key = if route.access == Access::Client { BASIC } else { KEY };
        let stranger = Peer::Unix { uid: own_uid() + 1, pid: None };
        let reply = ask(route.method.as_str(), &path, &["Host: ringback", key], stranger).await;
        let expected = if route.access.needs_proof() { 403 } else { 200 };
        assert_eq!(reply.status().as_u16(), expected, "{} {path}", route.method.as_str());
        let own = Peer::Unix { uid: own_uid(), pid: None };
        let reply = ask(route.method.as_str(), &path, &["Host: ringback"], own).await;
        assert_eq!(reply.status(), StatusCode::OK, "{} {path}", route.method.as_str());
        let reply = ask(route.method.as_str(), &path, &[HOST, key], tcp()).await;
        let expected = if route.access.on_socket_only() { 403 } else { 200 };
        assert_eq!(reply.status().as_u16(), expected, "{} {path}", route.method.as_str());
    }
}

const NAVIGATES: &str = "Sec-Fetch-Mode: navigate";
