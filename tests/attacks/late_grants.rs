//! A login whose account is removed or changed while the user is at the provider: no code and no secret is sent for it,
//! and a grant that still arrives is revoked.

use std::io::Read as _;
use std::time::Duration;

use ringback::contract::LoginStatus;
use rustix::process::Signal;

use crate::http::{Browser, free_port};
use crate::idp::{Act, Idp, plain};
use crate::report::Report;
use crate::world::{SECRET, World, account, provider, until};

const REMOVED: &str = "the account is no longer in the config";
const CHANGED: &str = "the config changed while the login was pending";
const LATE: &str = "a login brought a grant that is not stored";

fn revokes(idp: &Idp) -> String {
    format!("revoke_url = \"{}\"", idp.url("/revoke"))
}

/// Name, the config after the reload, and the reason why the login ends.
type Reload = (&'static str, fn(&Idp, u16) -> String, &'static str);

fn config(idp: &Idp, id: &str, path: &str, more: &str, port: u16) -> String {
    let account = account("work", "idp", &format!("redirect_uri = \"http://127.0.0.1:{port}/cb\"\n{more}"));
    provider("idp", idp, path, &revokes(idp)) + &account.replace("the client", id)
}

#[rustfmt::skip]
const RELOADS: &[Reload] = &[
    ("the account is gone", |idp, _| provider("idp", idp, "/token", ""), REMOVED),
    ("another client", |idp, port| config(idp, "another", "/token", "", port), CHANGED),
    ("another token endpoint", |idp, port| config(idp, "the client", "/other", "", port), CHANGED),
    ("another grant", |idp, port| config(idp, "the client", "/token", "grant = \"implicit\"", port), CHANGED),
    ("another redirect URI", |idp, _| config(idp, "the client", "/token", "", free_port()), CHANGED),
];

#[test]
fn no_code_or_secret_is_sent_after_the_account_is_gone() {
    let mut report = Report::default();
    for (name, reload, why) in RELOADS {
        report.row();
        let (idp, port) = (Idp::start(), free_port());
        let mut world = World::with_config(&config(&idp, "the client", "/token", "", port));
        world.run();
        let mut waiting = world.command(&["login", "work", "--no-browser", "--timeout", "15"]).spawn().unwrap();
        let id = until("the login is pending", || world.account("work").login_pending);
        let started = world.start_login("work", "caller_browser");
        let mut browser = Browser::default();
        let (answer, _) = browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path() == "/cb");
        world.configure(&reload(&idp, port));
        world.signal(Signal::HUP);
        let end = world.login_end(&id);
        let told = end.failure.map(|failure| failure.error_description).unwrap_or_default();
        report.expect(name, end.status == LoginStatus::Failed && told.contains(why), &told);
        let status = waiting.wait().unwrap();
        let mut said = String::new();
        waiting.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        report.expect(name, status.code() == Some(6) && said.contains(why), &said);
        // The login's listener stays open for the outcome page and redirects a late callback to it.
        let page = browser.go(answer.as_str());
        report.expect(name, page.status == 200 && page.body.contains("Not logged in to <code>work</code>"), &page);
        let sent = idp.seen().iter().filter(|seen| seen.method == "POST").count();
        report.expect(name, sent == 0, idp.seen());
        world.stop();
    }
    report.end();
}

/// Name, the event during the code exchange, the reason why the login ends, and how the grant is revoked.
type Late = (&'static str, fn(&World, &Idp), &'static str, Revoked);

#[derive(Clone, Copy, PartialEq)]
enum Revoked {
    ByPost,
    ByDelete,
    NoWay,
}

fn remove(world: &World, idp: &Idp) {
    world.configure(&provider("idp", idp, "/token", ""));
    world.signal(Signal::HUP);
}

fn change(world: &World, idp: &Idp) {
    let account = account("work", "idp", "").replace("the client", "another");
    world.configure(&(provider("idp", idp, "/token", &revokes(idp)) + &account));
    world.signal(Signal::HUP);
}

fn log_out(world: &World, _: &Idp) {
    assert_eq!(world.cli(&["logout", "work"]).0, 0);
}

#[rustfmt::skip]
const LATE_GRANTS: &[Late] = &[
    ("the account is gone", remove, REMOVED, Revoked::ByPost),
    ("the account is gone, at a provider like Phone.com", remove, REMOVED, Revoked::ByDelete),
    ("the account is gone, at a provider that revokes nothing", remove, REMOVED, Revoked::NoWay),
    ("the client is another", change, CHANGED, Revoked::ByPost),
    ("the account is logged out", log_out, "the account was logged out meanwhile", Revoked::ByPost),
];

#[test]
fn late_grants_are_revoked_and_logged() {
    let mut report = Report::default();
    for (name, act, why, by) in LATE_GRANTS {
        report.row();
        let idp = Idp::start();
        let more = match by {
            Revoked::ByPost => revokes(&idp),
            Revoked::ByDelete => "revoke = \"delete-bearer\"".to_owned(),
            Revoked::NoWay => String::new(),
        };
        let mut world = World::start_with(&idp, "", &more, "");
        idp.next(Act::WorkAndHold);
        for _ in ["refresh token", "access token"] {
            idp.next_at("/revoke", Act::Raw(plain(200, "text/plain", "")));
        }
        let started = world.start_login("work", "caller_browser");
        let url = started.start_url.clone().unwrap();
        let browser = std::thread::spawn(move || Browser::default().go(&url));
        idp.until_holding();
        act(&world, &idp);
        let end = world.login_end(&started.login_id);
        let told = end.failure.map(|failure| failure.error_description).unwrap_or_default();
        report.expect(name, told.contains(why), &told);
        idp.release();
        let page = browser.join().unwrap();
        report.expect(name, page.body.contains(why), &page.body);
        world.until_logged(LATE);
        let kept = world.account_files();
        report.expect(name, kept.is_empty(), &kept);
        let given_back: Vec<_> = idp
            .seen()
            .into_iter()
            .filter(|seen| seen.method == "DELETE" || seen.path() == "/revoke")
            .map(|seen| format!("{} {} {:?} {}", seen.method, seen.path(), seen.header("authorization"), seen.body))
            .collect();
        let right = match (by, given_back.as_slice()) {
            (Revoked::ByPost, [refresh, access]) => {
                let posted = |line: &str, token: &str| line.contains("POST /revoke") && line.contains(token);
                posted(refresh, "token=RT%7Ecanary") && posted(access, "token=AT%7Ecanary")
            }
            (Revoked::ByDelete, [one]) => one.contains("DELETE /token") && one.contains("Bearer AT~canary"),
            (Revoked::NoWay, []) => world.log().contains("the provider has no revocation endpoint"),
            _ => false,
        };
        report.expect(name, right, &given_back);
        let log = world.log();
        report.expect(name, !log.contains("~canary") && !log.contains(SECRET), "a secret in the log");
        world.stop();
    }
    report.end();
}

#[test]
fn a_stop_does_not_wait_for_a_hanging_revocation() {
    let idp = Idp::start();
    let mut world = World::start_patient(&World::config_of(&idp, "", &revokes(&idp), ""));
    idp.next(Act::WorkAndHold);
    idp.next_at("/revoke", Act::Stall(Vec::new(), Duration::from_secs(60)));
    let url = world.start_login("work", "caller_browser").start_url.unwrap();
    let browser = std::thread::spawn(move || Browser::default().go(&url));
    idp.until_holding();
    log_out(&world, &idp);
    idp.release();
    browser.join().unwrap();
    until("it is being revoked", || (!idp.seen_at("/revoke").is_empty()).then_some(()));
    world.stop();
    world.until_logged(LATE);
}
