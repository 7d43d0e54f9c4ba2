//! The local API and the command line, as callers see them.

use ringback::contract::AccountsReply;

use crate::http::{Reply, Request, Wire};
use crate::idp::{Act, Idp, plain};
use crate::world::{World, account, provider, until};

const TOKEN: &str = "/v1/accounts/work/token";

/// One request over TCP. `KEY` in a header is replaced by the right key, `HOST` by the right host name.
struct Case {
    what: &'static str,
    method: &'static str,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: Option<&'static str>,
    status: u16,
    code: &'static str,
    says: &'static str,
}

const AUTH: (&str, &str) = ("Authorization", "Bearer KEY");
const GET: Case =
    Case { what: "", method: "GET", target: TOKEN, headers: &[AUTH], body: None, status: 400, code: "usage", says: "" };
const POST: Case = Case { method: "POST", target: "/v1/accounts/work/login", ..GET };
const FOREIGN: Case = Case { status: 403, code: "not_permitted", ..GET };
const NO_KEY: Case = Case { status: 401, code: "not_permitted", ..GET };
const NONE: Case = Case { status: 404, code: "not_found", ..GET };

const TABLE: &[Case] = &[
    Case {
        what: "an unknown account",
        target: "/v1/accounts/worq/token",
        status: 404,
        code: "unknown_account",
        says: "`work`",
        ..GET
    },
    Case {
        what: "an unknown account's state",
        target: "/v1/accounts/zzzz",
        status: 404,
        code: "unknown_account",
        ..GET
    },
    Case {
        what: "no login yet",
        target: "/v1/accounts/home/token",
        status: 428,
        code: "login_required",
        says: "/v1/accounts/home/login",
        ..GET
    },
    Case { what: "no key", headers: &[], ..NO_KEY },
    Case { what: "a wrong key", headers: &[("Authorization", "Bearer xKEY")], ..NO_KEY },
    Case { what: "half a key", headers: &[("Authorization", "Bearer ")], ..NO_KEY },
    Case { what: "another scheme", headers: &[("Authorization", "Basic KEY")], ..NO_KEY },
    Case { what: "two keys", headers: &[AUTH, AUTH], ..GET },
    Case { what: "a key in the query", target: "/v1/accounts/work/token?key=x", says: "never in a URL", ..GET },
    Case { what: "a token in the query", target: "/token?access_token=x", says: "never in a URL", ..GET },
    Case { what: "another site's name", headers: &[AUTH, ("Host", "evil.example")], ..FOREIGN },
    Case { what: "another port", headers: &[AUTH, ("Host", "127.0.0.1:1")], ..FOREIGN },
    Case { what: "a foreign origin", headers: &[AUTH, ("Origin", "https://evil.example")], ..FOREIGN },
    Case { what: "a null origin", headers: &[AUTH, ("Origin", "null")], ..FOREIGN },
    Case { what: "another site's page", headers: &[AUTH, ("Sec-Fetch-Site", "cross-site")], ..FOREIGN },
    Case { what: "another site's link", headers: &[AUTH, ("Referer", "https://evil.example/")], ..FOREIGN },
    Case { what: "two hosts", headers: &[AUTH, ("Host", "HOST"), ("Host", "HOST")], ..GET },
    Case { what: "a min_ttl that is none", target: "/token?min_ttl=soon", says: "`min_ttl`", ..GET },
    Case { what: "a min_ttl beyond a day", target: "/token?min_ttl=86401", says: "`min_ttl`", ..GET },
    Case { what: "a wait beyond ten minutes", target: "/token?wait=601", says: "`wait`", ..GET },
    Case { what: "an unknown parameter", target: "/token?ttl=5", says: "`min_ttl`", ..GET },
    Case { what: "a scope that is none", target: "/token?scope=a%22b", says: "`scope`", ..GET },
    Case { what: "an empty audience", target: "/token?audience=", says: "`audience`", ..GET },
    Case { what: "a relative resource", target: "/token?resource=api", says: "`resource`", ..GET },
    Case { what: "a resource with a fragment", target: "/token?resource=https://x/%23y", says: "`resource`", ..GET },
    Case { what: "two resources", target: "/token?resource=https://x&resource=https://y", says: "repeated", ..GET },
    Case { what: "a parameter of info", target: "/v1/accounts/work/info?wait=1", says: "has none", ..GET },
    Case { what: "a parameter twice", target: "/token?wait=1&wait=2", says: "repeated", ..GET },
    Case { what: "an ambiguous path", target: "/v1/accounts/%2e%2e/token", ..GET },
    Case { what: "a path with dots", target: "/v1/../token", ..GET },
    Case { what: "an unknown route", target: "/v2/token", ..NONE },
    Case { what: "an unknown login", target: "/v1/logins/guessed", ..NONE },
    Case { what: "another method", method: "PUT", status: 405, code: "method_not_allowed", ..GET },
    Case { what: "HEAD", method: "HEAD", status: 405, code: "-", ..GET },
    Case {
        what: "a GET of what only POST does",
        target: "/v1/accounts/work/refresh",
        status: 405,
        code: "method_not_allowed",
        ..GET
    },
    Case {
        what: "a form",
        headers: &[AUTH, ("Content-Type", "application/x-www-form-urlencoded")],
        body: Some("via=paste"),
        ..POST
    },
    Case {
        what: "a body that is no JSON",
        headers: &[AUTH, ("Content-Type", "application/json")],
        body: Some("{via"),
        ..POST
    },
    Case {
        what: "an import over TCP, with the key",
        target: "/v1/accounts/work/import",
        headers: &[AUTH, ("Content-Type", "application/json")],
        body: Some("{\"access_token\":\"canary\"}"),
        status: 403,
        code: "not_permitted",
        says: "unix socket only",
        ..POST
    },
    Case {
        what: "an import over TCP, without one",
        target: "/v1/accounts/work/import",
        headers: &[],
        status: 403,
        code: "not_permitted",
        ..POST
    },
    Case {
        what: "metadata of an unknown provider",
        target: "/v1/providers/nobody/accept",
        status: 404,
        code: "not_found",
        ..POST
    },
    Case {
        what: "an unknown member",
        headers: &[AUTH, ("Content-Type", "application/json")],
        body: Some("{\"vla\":\"paste\"}"),
        ..POST
    },
];

fn world(idp: &Idp) -> World {
    let sections = [account("home", "idp", ""), account("work", "idp", "")].concat();
    let top = "default_account = \"work\"\n";
    let mut world = World::with_config(&[top, &provider("idp", idp, "/token", ""), &sections].concat());
    world.run();
    world.log_in("work");
    world
}

fn send(world: &World, case: &Case) -> Reply {
    let (authority, key) = (world.authority(), world.key());
    let mut request = Request::new(case.method, case.target);
    request.body = case.body.map(str::to_owned);
    for (name, value) in case.headers {
        request = request.header(name, &value.replace("KEY", &key).replace("HOST", &authority));
    }
    Wire::tcp(&authority).ask(&request.bytes(&authority))
}

#[test]
fn every_bad_request_gets_its_documented_error_and_no_token() {
    let idp = Idp::start();
    let world = world(&idp);
    for case in TABLE {
        let reply = send(&world, case);
        assert_eq!(reply.status, case.status, "{}: {reply:?}", case.what);
        assert!(!format!("{reply:?}").contains("canary"), "{}: {reply:?}", case.what);
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{}", case.what);
        assert!(
            reply.headers.iter().all(|(name, _)| !name.to_lowercase().starts_with("access-control")),
            "{}",
            case.what
        );
        if case.method != "HEAD" {
            assert_eq!(reply.code(), case.code, "{}: {reply:?}", case.what);
            assert!(reply.body.contains(case.says), "{}: {reply:?}", case.what);
            assert!(reply.json()["hint"].as_str().is_some_and(|hint| hint.len() > 10), "{}: {reply:?}", case.what);
        }
    }
    assert_eq!(world.cli(&["token"]).0, 0, "the daemon still serves");
}

#[test]
fn an_import_takes_one_token_and_an_error_does_not_echo_it() {
    let world = world(&Idp::start());
    for body in [
        "",
        "{}",
        "{\"access_token\":\"\"}",
        "{\"access_token\":\"canary 1\"}",
        "{\"access_token\":\"canary\",\"refresh_token\":\"canary\"}",
        "{\"token\":\"canary\"}",
        "\"canary\"",
    ] {
        let reply = world.ask(&Request::new("POST", "/v1/accounts/work/import").json(body));
        assert_eq!((reply.status, reply.code().as_str()), (400, "usage"), "{body}: {reply:?}");
        assert!(!reply.body.contains("canary"), "{body}: {reply:?}");
    }
    assert!(!world.log().contains("canary"), "{}", world.log());
}

#[test]
fn connections_that_are_not_http_are_closed_and_disturb_no_one() {
    let world = world(&Idp::start());
    let authority = world.authority();
    for junk in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"hello\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut wire = Wire::tcp(&authority);
        wire.send(junk);
        let text = String::from_utf8_lossy(&wire.rest()).into_owned();
        assert!(
            text.is_empty() || text.starts_with("HTTP/1.1 4") || text.starts_with("HTTP/1.0 4"),
            "{junk:?}: {text}"
        );
    }
    assert_eq!(world.get(TOKEN).status, 200);
}

#[test]
fn the_token_is_served_over_tcp_and_the_socket_as_json_and_text_and_by_default_name() {
    let idp = Idp::start();
    let world = world(&idp);
    let token = world.token("work");
    let key = format!("Bearer {}", world.key());
    for target in [TOKEN, "/token", "/v1/accounts/default/token", "/token?min_ttl=0&wait=0", "/token?min_ttl=1800"] {
        let request = Request::get(target);
        let with_key = request.clone().header("Authorization", &key);
        for reply in [world.ask(&request), world.ask_tcp(&with_key)] {
            let json = reply.json();
            assert_eq!((reply.status, &json["access_token"]), (200, &token.as_str().into()), "{target}: {reply:?}");
            assert_eq!((&json["account"], &json["token_type"]), (&"work".into(), &"Bearer".into()), "{target}");
            assert_eq!(reply.header("cache-control"), Some("no-store"));
        }
        let bare = world.ask(&request.header("Accept", "text/plain"));
        assert_eq!((bare.status, bare.body.as_str()), (200, format!("{token}\n").as_str()), "{target}");
    }
    assert_eq!(idp.refreshes(), 0);
}

#[test]
fn a_min_ttl_beyond_the_tokens_expiry_causes_one_refresh() {
    let idp = Idp::living(8);
    let world = world(&idp);
    let old = world.token("work");
    let left = || world.get("/token").json()["expires_in"].as_u64().unwrap();
    until("less than half of its life is left", || (left() < 4).then_some(()));
    idp.set_lifetime(3600);
    let reply = world.get("/token?min_ttl=4").json();
    assert_ne!(reply["access_token"], old.as_str());
    assert_eq!(idp.refreshes(), 1);
}

#[test]
fn every_exit_code_of_the_command_line_is_as_documented() {
    let idp = Idp::start();
    let world = world(&idp);
    let token = world.token("work");
    assert_eq!(world.cli(&["token"]), (0, format!("{token}\n"), String::new()));
    assert_eq!(world.cli(&["token", "--header"]).1, format!("Authorization: Bearer {token}\n"));
    let json: serde_json::Value = serde_json::from_str(&world.cli(&["token", "--json"]).1).unwrap();
    assert_eq!(json["access_token"], token.as_str());
    for (arguments, code) in [
        (&["token", "--min-ttl", "soon"][..], 2),
        (&["token", "--wait", "601"], 2),
        (&["tokn"], 2),
        (&["token", "worq"], 4),
        (&["status", "worq"], 4),
        (&["token", "home"], 5),
        (&["refresh", "home"], 5),
        (&["login", "home", "--no-browser", "--timeout", "1"], 6),
        (&["status"], 5),
        (&["status", "--json"], 5),
        (&["status", "work"], 0),
        (&["refresh"], 0),
        (&["config", "check"], 0),
    ] {
        let (got, out, err) = world.cli(arguments);
        assert_eq!(got, code, "{arguments:?}: {out}{err}");
        assert!(code == 0 || out.is_empty() || arguments[0] == "status", "{arguments:?}: {out}");
        assert!(!format!("{out}{err}").contains("canary"), "{arguments:?}: {out}{err}");
    }
    let (_, _, err) = world.cli(&["token", "worq"]);
    assert!(err.contains("`work`"), "{err}");
}

#[test]
fn a_failed_refresh_exits_with_the_code_of_its_cause() {
    for (body, status, code) in
        [("oops", 500, 7), ("{\"error\":\"invalid_client\"}", 400, 8), ("{\"error\":\"invalid_grant\"}", 400, 5)]
    {
        let idp = Idp::start();
        let world = world(&idp);
        idp.next(Act::Raw(plain(status, "application/json", body)));
        let (got, _, err) = world.cli(&["refresh"]);
        assert_eq!(got, code, "{body}: {err}");
    }
}

#[test]
fn a_wrong_key_exits_with_10_and_environment_variables_select_the_daemon() {
    let world = world(&Idp::start());
    let wrong = world.state().join("wrong.key");
    let right = world.endpoint().key_file.unwrap();
    std::fs::copy(&right, &wrong).unwrap();
    let text = std::fs::read_to_string(&right).unwrap();
    let flipped: String = text
        .chars()
        .map(|c| {
            if c == 'a' {
                'b'
            } else if c == 'b' {
                'a'
            } else {
                c
            }
        })
        .collect();
    std::fs::write(&wrong, flipped).unwrap();
    for (key, code) in [(right.as_str(), 0), (wrong.to_str().unwrap(), 10)] {
        let mut command = world.command(&["token"]);
        command.env("RINGBACK_URL", format!("http://{}", world.authority())).env("RINGBACK_KEY_FILE", key);
        let (got, out, err) = crate::world::told(command.output().unwrap());
        assert_eq!((got, out.is_empty()), (code, code != 0), "{err}");
    }
}

#[test]
fn accounts_are_listed_without_secrets() {
    let idp = Idp::start();
    let world = world(&idp);
    let reply = world.get("/v1/accounts");
    assert!(!reply.body.contains("canary"), "{reply:?}");
    let all: AccountsReply = reply.parse();
    assert_eq!(all.default_account.as_deref(), Some("work"));
    let names: Vec<&str> = all.accounts.iter().map(|account| account.account.as_str()).collect();
    assert_eq!(names, ["home", "work"]);
    assert!(all.accounts[0].attention_needed && !all.accounts[1].attention_needed);
    assert!(all.accounts[1].next_refresh_at < all.accounts[1].expires_at);
    let health = world.ask_tcp(&Request::get("/healthz"));
    assert_eq!((health.status, health.body.as_str()), (200, "{\"status\":\"ok\"}"));
}

#[test]
fn exhausting_the_port_leaves_the_socket_available() {
    let idp = Idp::start();
    let listen = "[listen]\ntcp = [\"127.0.0.1:0\"]\nmax_connections = 8\n";
    let mut world =
        World::with_config(&[listen, &provider("idp", &idp, "/token", ""), &account("work", "idp", "")].concat());
    world.run();
    world.log_in("work");
    let authority = world.authority();
    let silent: Vec<Wire> = (0..40).map(|_| Wire::tcp(&authority)).collect();
    for _ in 0..20 {
        assert_eq!(world.get(TOKEN).status, 200);
    }
    drop(silent);
    assert_eq!(world.ask_tcp(&Request::get("/healthz")).status, 200, "the port recovers");
}
