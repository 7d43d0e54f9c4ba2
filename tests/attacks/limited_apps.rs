//! What apps with limited rights may do on every route that needs a key: one limited to another account (with and
//! without `write`), one limited to scopes, one that only reads. Also, no app can take all slots for waiting requests
//! or event streams.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;

use ringback::routes::{Access, ROUTES};
use serde_json::{Value, json};

use crate::http::{Reply, Request, Wire, parse};
use crate::idp::{Act, Idp, plain};
use crate::report::Report;
use crate::world::{World, account, provider, until};

/// The apps: name, and the arguments of `ringback app add`.
const APPS: [(&str, &[&str]); 4] = [
    ("writer-of-home", &["--account", "home", "--write"]),
    ("reader-of-home", &["--account", "home"]),
    ("writer-of-scopes", &["--all-accounts", "--scope", "one", "--write"]),
    ("reader-of-all", &["--all-accounts"]),
];

/// A route, and its reply to each of [`APPS`] for account `work`: `.` success, `x` 403, `n` not found.
/// A route without a row fails the test.
#[rustfmt::skip]
const ROWS: &[(&str, &str)] = &[
    ("GET /token", "xx.."),
    ("GET /v1/accounts", "...."),
    ("GET /v1/api-urls", "...."),
    ("GET /v1/accounts/{name}", "xx.."),
    ("GET /v1/accounts/{name}/info", "xx.."),
    ("POST /v1/accounts/{name}/import", "xx.x"),
    ("GET /v1/accounts/{name}/token", "xx.."),
    ("GET /v1/accounts/{name}/id-token", "xxx."),
    ("DELETE /v1/accounts/{name}/token", "xx.x"),
    ("POST /v1/accounts/{name}/login", "xx.x"),
    ("POST /v1/accounts/{name}/refresh", "xx.x"),
    ("POST /v1/accounts/{name}/rejected", "xx.."),
    ("GET /v1/logins/{id}", "nn.."),
    ("POST /v1/logins/{id}/paste", "nx.x"),
    ("POST /v1/logins/{id}/answer", "nx.x"),
    ("POST /v1/providers/{name}/accept", "xx.x"),
    ("ANY /proxy/{name}", "xx.."),
    ("ANY /proxy/{name}/", "xx.."),
    ("ANY /proxy/{name}/{*rest}", "xx.."),
    ("GET /v1/events", "...."),
    ("GET /metrics", "...."),
    ("GET /v1/apps", "xxxx"),
    ("POST /v1/apps", "xxxx"),
    ("DELETE /v1/apps/{name}", "xxxx"),
    ("POST /v1/apps/{name}/rotate", "xxxx"),
    ("POST /v1/temporary-apps", "xxxx"),
    ("POST /v1/lock", "xx.x"),
    ("POST /v1/unlock", "xx.x"),
    ("GET /v1/consents", "xxxx"),
    ("POST /v1/consents/{id}", "xxxx"),
    ("DELETE /v1/consents/{id}", "xxxx"),
    ("POST /v1/sessions", "xxxx"),
];

fn world(idp: &Idp) -> World {
    let config = [
        "default_account = \"work\"\n".to_owned(),
        provider("idp", idp, "/token", "narrow = \"scope\""),
        account("work", "idp", ""),
        account("home", "idp", ""),
        account("idle", "idp", ""),
    ];
    let mut world = World::with_config(&config.concat());
    world.run();
    world.log_in("work");
    world.log_in("home");
    world
}

fn key(world: &World, name: &str, arguments: &[&str]) -> String {
    format!("Bearer {}", world.add_app(&[&[name], arguments].concat()))
}

#[test]
fn every_route_enforces_the_rights_of_an_app() {
    let idp = Idp::start();
    let world = world(&idp);
    let keys = APPS.map(|(name, arguments)| (name, key(&world, name, arguments)));
    let login = world.start_login("idle", "caller_browser").login_id;
    let seen = || {
        let of = |name: &str| {
            let view = world.account(name);
            // Not the generation: an app that may fetch a token may cause a refresh.
            (view.state, view.login_pending)
        };
        let apps = world.get("/v1/apps").json()["apps"].as_array().unwrap().len();
        let store = world.get("/v1/accounts").json()["store"].to_string();
        (of("work"), of("home"), of("idle"), apps, store, world.login_status(&login))
    };
    let before = seen();
    let mut report = Report::default();
    for route in ROUTES.iter().filter(|route| route.access.needs_proof() && route.access != Access::Client) {
        let title = format!("{} {}", route.method.as_str(), route.path);
        let Some((_, row)) = ROWS.iter().find(|(known, _)| *known == title) else {
            report.expect(&title, false, "has no row");
            continue;
        };
        let name = if route.path.contains("/providers/") { "idp" } else { "work" };
        let path = route.path.replace("{name}", name).replace("{id}", &login);
        for ((app, key), says) in keys.iter().zip(row.chars()) {
            let name = format!("{app} at {title}");
            let asked = Request::new(route.method.as_str(), &path).header("Authorization", key);
            if says == '.' {
                // The gate's own tests try the routes that change something.
                if route.method.as_str() == "GET" && route.path != "/v1/events" {
                    report.row();
                    let reply = world.ask(&asked);
                    let beyond = reply.body.contains("may read only") || reply.body.contains("this app was");
                    report.expect(&name, ![401, 404].contains(&reply.status) && !beyond, &reply);
                }
                continue;
            }
            report.row();
            let refused = |reply: &Reply| reply.status == if says == 'x' { 403 } else { 404 };
            let bodies =
                [None, Some("{}"), Some(r#"{"name":"new","passphrase":"p","answer":"allow","access_token":"t"}"#)];
            for body in bodies.into_iter().take(if route.method.as_str() == "POST" { 3 } else { 1 }) {
                let mut asked = Request::new(route.method.as_str(), &path).header("Authorization", key);
                if let Some(body) = body {
                    asked = asked.json(body);
                }
                for reply in [world.ask(&asked), world.ask_tcp(&asked)] {
                    let on_socket_only = route.access.on_socket_only() && reply.status == 403;
                    report.expect(&name, refused(&reply) || on_socket_only, (body, &reply));
                }
            }
        }
        let after = seen();
        report.expect(&title, after == before, &after);
    }
    for (title, _) in ROWS {
        let there = ROUTES.iter().any(|route| format!("{} {}", route.method.as_str(), route.path) == *title);
        report.expect(title, there, "is no route");
    }
    let shown = |key: &str| {
        let reply = world.ask(&Request::get("/v1/accounts").header("Authorization", key)).json();
        let names = reply["accounts"].as_array().unwrap().iter().map(|account| account["account"].to_string());
        (names.collect::<Vec<_>>().join(" "), reply.get("default_account").is_some())
    };
    let all = ("\"home\" \"idle\" \"work\"".to_owned(), true);
    let home = ("\"home\"".to_owned(), false);
    let listed: Vec<_> = keys.iter().map(|(_, key)| shown(key)).collect();
    assert_eq!(listed, [home.clone(), home, all.clone(), all]);
    // The controls: with the right permissions the same requests succeed.
    let writer = key(&world, "writer", &["--all-accounts", "--write"]);
    let locked = world.ask_tcp(&Request::new("POST", "/v1/lock").header("Authorization", &writer));
    assert_eq!(locked.status, 200, "{locked:?}");
    until("it is locked", || (world.get("/v1/accounts").json()["store"] != "unlocked").then_some(()));
    report.end();
}

/// What each of [`APPS`] gets as an OAuth client at a token URL: the account whose token it is, or the error.
#[rustfmt::skip]
const TOKEN_URLS: &[(&str, [&str; 4])] = &[
    ("/oauth2/token", ["home", "home", "invalid_request", "invalid_request"]),
    ("/v4/oauth/access-token", ["home", "home", "invalid_request", "invalid_request"]),
    ("/oauth/access-token", ["home", "home", "invalid_request", "invalid_request"]),
    ("/oauth2/work/token", ["unauthorized_client", "unauthorized_client", "narrow", "work"]),
    ("/oauth2/default/token", ["unauthorized_client", "unauthorized_client", "narrow", "work"]),
    ("/oauth2/nowhere/token", ["unauthorized_client", "unauthorized_client", "invalid_request", "invalid_request"]),
];

#[test]
fn every_token_url_enforces_the_rights_of_an_app() {
    let idp = Idp::start();
    let world = world(&idp);
    let keys = APPS.map(|(name, arguments)| (name, world.add_app(&[&[name], arguments].concat())));
    let narrow = r#"{"access_token":"narrow","token_type":"bearer","expires_in":3600,"scope":"one"}"#;
    idp.next(Act::Raw(plain(200, "application/json", narrow)));
    let tokens = [("work", world.token("work")), ("home", world.token("home"))];
    let mut report = Report::default();
    for (url, expected) in TOKEN_URLS {
        for ((app, key), expected) in keys.iter().zip(expected) {
            let proof = json!({"grant_type": "client_credentials", "client_id": app, "client_secret": key});
            let other = json!({"grant_type": "client_credentials", "client_id": "default", "client_secret": key});
            report.row();
            let asked = |proof: &Value| world.ask_tcp(&Request::new("POST", url).json(&proof.to_string()));
            let reply = asked(&proof);
            let token = reply.json()["access_token"].as_str().map(str::to_owned);
            let whose = tokens.iter().find(|(_, known)| Some(known) == token.as_ref()).map(|(name, _)| *name);
            let got = whose.map(str::to_owned).or(token).unwrap_or_else(|| reply.code());
            report.expect(&format!("{app} at {url}"), got == *expected, &reply);
            let impostor = asked(&other);
            report.expect(&format!("{app} as the default app at {url}"), impostor.status == 401, &impostor);
            let right = asked(&proof).status;
            report.expect(&format!("{app} at {url}, again"), right == reply.status, right);
        }
    }
    report.end();
}

/// Opens an event stream; returns the status, and the stream to keep it open.
fn listen(world: &World, key: Option<&str>, over_tcp: bool) -> (u16, Box<dyn std::any::Any>) {
    let key = key.map(|key| format!("Authorization: {key}\r\n")).unwrap_or_default();
    let status = |line: String| line.split(' ').nth(1).unwrap().parse().unwrap();
    let mut line = String::new();
    if over_tcp {
        let mut stream = std::net::TcpStream::connect(world.authority()).unwrap();
        write!(stream, "GET /v1/events HTTP/1.1\r\nHost: {}\r\n{key}\r\n", world.authority()).unwrap();
        let mut stream = BufReader::new(stream);
        stream.read_line(&mut line).unwrap();
        return (status(line), Box::new(stream));
    }
    let mut stream = UnixStream::connect(world.runtime().join("ringback.sock")).unwrap();
    write!(stream, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n{key}\r\n").unwrap();
    let mut stream = BufReader::new(stream);
    stream.read_line(&mut line).unwrap();
    (status(line), Box::new(stream))
}

#[test]
fn one_app_cannot_take_all_event_streams() {
    let idp = Idp::start();
    let world = world(&idp);
    let greedy = key(&world, "greedy", &[]);
    for (over_tcp, most) in [(true, 16), (false, 32)] {
        let mut held = Vec::new();
        for _ in 0..most {
            let (status, stream) = listen(&world, Some(&greedy), over_tcp);
            if status != 200 {
                assert_eq!(status, 400);
                break;
            }
            held.push(stream);
        }
        assert!(held.len() <= most / 2 && !held.is_empty(), "the app has {} of {most}", held.len());
        let next = key(&world, if over_tcp { "next" } else { "next-on-socket" }, &[]);
        assert_eq!(listen(&world, Some(&next), over_tcp).0, 200);
        assert_eq!(listen(&world, None, false).0, 200, "the owner can use the socket");
        drop(held);
        // The daemon notices a closed stream at the next keep-alive.
        if over_tcp {
            until("its places are free again", || (listen(&world, Some(&greedy), true).0 == 200).then_some(()));
        }
    }
}

#[test]
fn one_app_cannot_take_all_waiting_slots() {
    let idp = Idp::start();
    let config = [
        "default_account = \"idle\"\n".to_owned(),
        provider("idp", &idp, "/token", ""),
        account("idle", "idp", ""),
        // Of 30 connections, a third may be waiting requests on each transport.
        "[listen]\ntcp = [\"127.0.0.1:0\"]\nmax_connections = 30\n".to_owned(),
    ];
    let mut world = World::with_config(&config.concat());
    world.run();
    let _pending = world.start_login("idle", "caller_browser");
    let (greedy, next) = (key(&world, "greedy", &[]), key(&world, "next", &[]));
    let wait = |key: &str, seconds: u32| {
        Request::get(&format!("/v1/accounts/idle/token?wait={seconds}")).header("Authorization", key)
    };
    let waiting: Vec<Wire> = (0..6)
        .map(|_| {
            let mut wire = Wire::tcp(&world.authority());
            wire.send(&wait(&greedy, 600).bytes(&world.authority()));
            wire
        })
        .collect();
    // The app's share is five of the ten slots: its sixth request is answered at once.
    world.until_logged("answered status=428");
    // The next app can still wait: it gets the token of a login that follows.
    let mut patient = Wire::tcp(&world.authority());
    patient.send(&wait(&next, 600).bytes(&world.authority()));
    assert_eq!(world.ask_tcp(&wait(&greedy, 600)).status, 428, "the greedy app can't wait");
    world.log_in("idle");
    assert_eq!(parse(&patient.rest()).status, 200);
    drop(waiting);
}
