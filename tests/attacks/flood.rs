//! Floods of refused requests: they push nothing out of the audit log or the daemon's log, and are counted in both.

use serde_json::Value;

use crate::http::{Request, Wire};
use crate::idp::Idp;
use crate::report::Report;
use crate::world::{World, account, provider, until};

/// Requests of one kind: far more than get their own line, even if they take a few minutes.
const FLOOD: usize = 300;

/// Where refused requests are counted.
#[derive(Clone, Copy, PartialEq)]
enum Noted {
    /// In the audit log, among unauthenticated callers, with this reason.
    Stranger(&'static str),
    /// In the audit log, with this app.
    App(&'static str),
    /// In the daemon's log only.
    Nowhere,
}

/// Name, method (`@`: on the socket), target, headers, status, and where it is counted. `{L}`: the key of an app that
/// is limited to another account.
type Attack = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], u16, Noted);

const LIMITED: (&str, &str) = ("Authorization", "Bearer {L}");

#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    ("an image of another site", "GET", "/token", &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")], 403, Noted::Stranger("requests of other web sites are refused")),
    ("no key", "GET", "/v1/accounts/work/token", &[], 401, Noted::Stranger("no key")),
    ("what is for the socket alone", "POST", "/v1/apps", &[], 403, Noted::Stranger("this is accepted over the unix socket only, whatever the key")),
    ("a guessed session", "GET", "/", &[("Cookie", "ringback-session-1=x")], 401, Noted::Nowhere),
    ("a guessed ticket", "GET", "/open/guessed", &[], 410, Noted::Nowhere),
    ("a guessed start URL", "GET", "/login/start/guessed", &[], 410, Noted::Nowhere),
    ("an answer of no login", "GET", "/callback/idp?state=x&code=y", &[], 404, Noted::Nowhere),
    ("a malformed request", "GET", "/token?wait=1&wait=1", &[], 400, Noted::Nowhere),
    ("a method that is none", "FETCH", "/token", &[], 405, Noted::Nowhere),
    ("another name", "GET", "/healthz", &[("Host", "evil.example")], 403, Noted::Nowhere),
    ("an app for another account", "GET", "/v1/accounts/work/token", &[LIMITED], 403, Noted::App("limited")),
    ("an app for what it may not", "DELETE", "/v1/accounts/home/token", &[LIMITED], 403, Noted::App("limited")),
    ("an app without a login", "GET", "/v1/accounts/home/token?wait=0", &[LIMITED], 428, Noted::App("limited")),
    ("an app on the socket", "@DELETE", "/v1/apps/default", &[LIMITED], 403, Noted::App("limited")),
];

fn world(idp: &Idp) -> World {
    let config = [
        "default_account = \"work\"\n".to_owned(),
        provider("idp", idp, "/token", ""),
        account("work", "idp", ""),
        account("home", "idp", ""),
        // A megabyte: a row's flood would fill it if each request had its own line.
        "[audit]\nmax_mib = 1\nkeep = 1\n".to_owned(),
    ];
    let mut world = World::with_config(&config.concat());
    world.run();
    world.log_in("work");
    world
}

fn audit(world: &World) -> Vec<Value> {
    let (code, out, said) = world.cli(&["audit", "--json"]);
    assert_eq!(code, 0, "{said}");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How many refusals the lines count, and in how many lines.
fn counted(lines: &[Value], noted: Noted) -> (usize, usize) {
    let of = |line: &&Value| match noted {
        Noted::Stranger(why) => line["reason"].as_str().is_some_and(|reason| reason.starts_with(why)),
        Noted::App(name) => line["app"] == name && line["result"] != "ok",
        Noted::Nowhere => false,
    };
    let counts: Vec<usize> = lines
        .iter()
        .filter(of)
        .map(|line| line["more"].as_u64().map_or(1, |more| usize::try_from(more).unwrap()))
        .collect();
    (counts.iter().sum(), counts.len())
}

/// The same for the daemon's log.
fn logged(log: &str, status: u16) -> (usize, usize) {
    let status = format!("status={status}");
    let lines = log.lines().filter(|line| line.split([' ', ':']).any(|word| word == status));
    let counts: Vec<usize> = lines
        .filter(|line| line.contains("answered"))
        .map(|line| line.split("more=").nth(1).map_or(1, |more| more.split(' ').next().unwrap().parse().unwrap()))
        .collect();
    (counts.iter().sum(), counts.len())
}

#[test]
fn a_flood_of_refused_requests_pushes_nothing_out_of_a_log_and_is_counted() {
    let idp = Idp::start();
    let mut report = Report::default();
    for (name, method, target, headers, status, noted) in ATTACKS {
        report.row();
        let mut world = world(&idp);
        let key = world.add_app(&["limited", "--account", "home"]);
        world.token("work");
        until("the token's line", || audit(&world).iter().any(|line| line["event"] == "token").then_some(()));
        let size = |world: &World| std::fs::metadata(world.state().join("audit.jsonl")).unwrap().len();
        let (before, (answered, _)) = (size(&world), logged(&world.log(), *status));
        let mut request = Request::new(method.trim_start_matches('@'), target);
        for (name, value) in *headers {
            request = request.header(name, &value.replace("{L}", &key));
        }
        let bytes = request.bytes(if method.starts_with('@') { "localhost" } else { "" });
        let bytes = if method.starts_with('@') { bytes } else { request.bytes(&world.authority()) };
        for _ in 0..FLOOD {
            let wire = if method.starts_with('@') { world.wire() } else { Wire::tcp(&world.authority()) };
            let reply = wire.ask(&bytes);
            report.expect(name, reply.status == *status, &reply);
        }
        let grown = size(&world) - before;
        match noted {
            Noted::App(_) => report.expect(name, grown < 100 * 1024, grown),
            Noted::Stranger(_) | Noted::Nowhere => report.expect(name, grown == 0, grown),
        }
        // Omitted lines are counted at the latest when the daemon stops.
        world.stop();
        let lines = audit(&world);
        report.expect(name, lines.iter().any(|line| line["event"] == "token" && line["result"] == "ok"), &lines);
        let (refusals, written) = counted(&lines, *noted);
        let expected = if *noted == Noted::Nowhere { 0 } else { FLOOD };
        report.expect(name, refusals == expected && written <= FLOOD / 2, (refusals, written));
        let (requests, lines) = logged(&world.log(), *status);
        report.expect(
            name,
            requests == answered + FLOOD && lines <= FLOOD / 2,
            (answered, requests, lines, world.log()),
        );
        report.expect(name, !world.log().contains(&key), "a key is in the log");
        if *noted != Noted::Nowhere {
            let (_, told, _) = world.cli(&["audit", "--denied"]);
            report.expect(name, told.contains(" more like this since 20"), &told);
        }
    }
    report.end();
}
