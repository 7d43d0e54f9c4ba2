//! What holds for every route there is, read off the table that the daemon itself is built from: each row here is
//! tried on each of them, so a route that is added is attacked without a word.

use ringback::routes::{Access, ROUTES};

use crate::http::{Request, Wire};
use crate::idp::Idp;
use crate::siege::Siege;
use crate::world::World;

/// Name, the method (empty: the route's own), headers, whether a good key is shown, and the statuses that will do.
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

/// What a stranger without key, cookie or ticket gets from a route.
fn turned_away(access: Access) -> &'static [u16] {
    match access {
        Access::Public => &[200, 204],
        // The secret is in the path, and it is wrong.
        Access::Browser => &[404, 410],
        Access::Read | Access::Write => &[401],
        Access::Socket | Access::Owner => &[403],
        Access::Session | Access::Form | Access::OwnPage => &[400, 401, 403],
    }
}

#[test]
fn no_route_is_open_to_strangers_or_to_pages_of_other_sites() {
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
    let mut siege = Siege::default();
    for route in &ROUTES {
        let path = route.path.replace("{name}", "work").replace("{id}", "guessed").replace("{ticket}", "guessed");
        let own = (route.method.as_str(), turned_away(route.access));
        let stranger = ("a stranger", "", &[][..], false, own.1);
        for (name, method, headers, with_key, statuses) in ATTACKS.iter().copied().chain([stranger]) {
            siege.row();
            let mut request = Request::new(if method.is_empty() { own.0 } else { method }, &path);
            if with_key {
                request = request.header("Authorization", &format!("Bearer {key}"));
            }
            for (name, value) in headers {
                request = request.header(name, &filled(value));
            }
            let reply = Wire::tcp(&authority).ask(&request.bytes(&authority));
            let name = format!("{name} at {} {}", route.method.as_str(), route.path);
            siege.expect(&name, statuses.contains(&reply.status), &reply);
            let readable = reply.headers.iter().any(|(n, _)| n.to_lowercase().starts_with("access-control"));
            siege.expect(&name, !readable && !reply.body.contains("canary"), &reply);
            siege.expect(&name, reply.header("x-frame-options") == Some("DENY"), &reply);
        }
        siege.expect(route.path, state() == before, state());
    }
    assert_eq!(idp.seen().len(), asked, "the provider was asked something");
    siege.end();
}
