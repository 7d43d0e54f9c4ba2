//! Attacks that every route must withstand. The routes come from the daemon's own table, so a new route is attacked
//! without a change here.

use ringback::routes::{Access, ROUTES};

use crate::http::{Request, Wire};
use crate::idp::Idp;
use crate::report::Report;
use crate::world::World;

/// Name, method (empty: the route's own), headers, whether a valid key is sent, and accepted statuses.
type Attack = (&'static str, &'static str, &'static [(&'static str, &'static str)], bool, &'static [u16]);

#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    ("HEAD", "HEAD", &[], true, &[405]),
    ("TRACE", "TRACE", &[], true, &[405]),
    ("OPTIONS", "OPTIONS", &[], true, &[405]),
    ("PUT", "PUT", &[], true, &[405]),
    ("a preflight", "OPTIONS", &[("Origin", "http://evil.example"), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Private-Network", "true")], false, &[403]),
    ("a rebound name", "", &[("Host", "evil.example:{P}")], true, &[403]),
    ("a foreign Origin", "", &[("Origin", "http://evil.example")], true, &[403]),
    ("the Origin null", "", &[("Origin", "null")], true, &[403]),
    ("our address on another port", "", &[("Origin", "http://127.0.0.1:1")], true, &[403]),
    ("a request without a page, of another site", "", &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")], true, &[403]),
    ("two Hosts", "", &[("Host", "{A}"), ("Host", "{A}")], true, &[400]),
];

/// The statuses for a caller without key, cookie or ticket.
fn refused_statuses(access: Access) -> &'static [u16] {
    match access {
        Access::Public => &[200, 204],
        // The secret is in the path, and wrong.
        Access::Browser => &[404, 410],
        Access::Read | Access::Client | Access::Proxy | Access::Write => &[401],
        Access::Socket | Access::Owner => &[403],
        // On other listeners alone: none of these is in the table.
        Access::Gce | Access::ManagedIdentity => &[404],
        Access::Session | Access::Form | Access::OwnPage => &[400, 401, 403],
    }
}

#[test]
fn no_route_is_open_to_unauthenticated_callers_or_other_sites() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    let (authority, key) = (world.authority(), world.key());
    let port = authority.rsplit(':').next().unwrap();
    let filled = |text: &str| text.replace("{A}", &authority).replace("{P}", port);
    let good = world.ask_tcp(&Request::get("/token").header("Authorization", &format!("Bearer {key}")));
    assert_eq!(good.status, 200, "the control: {good:?}");
    let state = || {
        let view = world.account("work");
        let apps = world.get("/v1/apps").json()["apps"].as_array().unwrap().len();
        (view.state, view.generation, view.login_pending, apps)
    };
    let (before, asked) = (state(), idp.seen().len());
    let mut report = Report::default();
    for route in &ROUTES {
        let path = route
            .path
            .replace("{name}", "work")
            .replace("{id}", "guessed")
            .replace("{ticket}", "guessed")
            .replace("{*rest}", "x");
        let own = (route.method.as_str(), refused_statuses(route.access));
        let stranger = ("a stranger", "", &[][..], false, own.1);
        for (name, method, headers, with_key, statuses) in ATTACKS.iter().copied().chain([stranger]) {
            // The proxy has every method, and the account has no proxy.
            let statuses =
                if route.access == Access::Proxy && statuses == [405] && method != "TRACE" { &[400] } else { statuses };
            report.row();
            let mut request = Request::new(if method.is_empty() { own.0 } else { method }, &path);
            if with_key {
                request = request.header("Authorization", &format!("Bearer {key}"));
            }
            for (name, value) in headers {
                request = request.header(name, &filled(value));
            }
            let reply = Wire::tcp(&authority).ask(&request.bytes(&authority));
            let name = format!("{name} at {} {}", route.method.as_str(), route.path);
            report.expect(&name, statuses.contains(&reply.status), &reply);
            let readable = reply.headers.iter().any(|(n, _)| n.to_lowercase().starts_with("access-control"));
            report.expect(&name, !readable && !reply.body.contains("canary"), &reply);
            report.expect(&name, reply.header("x-frame-options") == Some("DENY"), &reply);
        }
        report.expect(route.path, state() == before, state());
    }
    assert_eq!(idp.seen().len(), asked, "the provider received a request");
    report.end();
}
