//! Answers that are none: whatever arrives at the callback, the pending login goes on, and then completes.

use ringback::contract::LoginStatus;
use url::Url;

use crate::http::{Browser, Reply, Request, Wire};
use crate::idp::Idp;
use crate::world::World;

/// What a stranger, a broken provider or a curious program sends.
struct Bad {
    what: &'static str,
    status: u16,
    /// Changes the good request's URL.
    url: fn(&mut Url),
    method: &'static str,
    cookie: Cookie,
    headers: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, PartialEq)]
enum Cookie {
    Right,
    Missing,
    WrongValue,
}

const PLAIN: Bad = Bad { what: "", status: 400, url: |_| {}, method: "GET", cookie: Cookie::Right, headers: &[] };

const OURS: (&str, &str) = ("Origin", "http://AUTHORITY");
const FORM_TYPE: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const FORM: Bad = Bad { method: "POST", headers: &[OURS, FORM_TYPE], status: 403, ..PLAIN };

fn with_query(url: &mut Url, change: impl Fn(&str, &str) -> Vec<(String, String)>) {
    let pairs: Vec<(String, String)> = url.query_pairs().flat_map(|(n, v)| change(&n, &v)).collect();
    url.query_pairs_mut().clear().extend_pairs(pairs);
}

fn replace(url: &mut Url, name: &str, values: &[&str]) {
    with_query(url, |n, v| {
        if n == name {
            values.iter().map(|value| (n.to_owned(), value.replace('=', v))).collect()
        } else {
            vec![(n.to_owned(), v.to_owned())]
        }
    });
}

const TABLE: &[Bad] = &[
    Bad { what: "a wrong state", url: |url| replace(url, "state", &["guessed"]), ..PLAIN },
    Bad { what: "a state with one letter more", url: |url| replace(url, "state", &["=x"]), ..PLAIN },
    Bad { what: "an empty state", url: |url| replace(url, "state", &[""]), ..PLAIN },
    Bad { what: "no state", url: |url| replace(url, "state", &[]), ..PLAIN },
    Bad { what: "the state twice", url: |url| replace(url, "state", &["=", "="]), ..PLAIN },
    Bad { what: "two codes", url: |url| replace(url, "code", &["=", "other"]), ..PLAIN },
    Bad { what: "no code", url: |url| replace(url, "code", &[]), ..PLAIN },
    Bad { what: "an empty code", url: |url| replace(url, "code", &[""]), ..PLAIN },
    Bad { what: "an error without state", url: |url| url.set_query(Some("error=access_denied")), ..PLAIN },
    Bad { what: "an error with a wrong state", url: |url| url.set_query(Some("error=access_denied&state=x")), ..PLAIN },
    Bad { what: "an error beside the code", url: |url| _ = url.query_pairs_mut().append_pair("error", "x"), ..PLAIN },
    Bad { what: "a token in the URL", url: |url| _ = url.query_pairs_mut().append_pair("access_token", "x"), ..PLAIN },
    Bad { what: "nothing at all", url: |url| url.set_query(None), ..PLAIN },
    Bad { what: "a huge code", url: |url| replace(url, "code", &[&"x".repeat(5000)]), ..PLAIN },
    Bad { what: "no cookie", cookie: Cookie::Missing, ..PLAIN },
    Bad { what: "another's cookie", cookie: Cookie::WrongValue, ..PLAIN },
    Bad { what: "HEAD", method: "HEAD", status: 405, ..PLAIN },
    Bad { what: "POST", method: "POST", status: 404, ..PLAIN },
    Bad { what: "a form of our own page, where no answer comes in the fragment", status: 404, ..FORM },
    Bad { what: "a form of another site", headers: &[("Origin", "https://evil.example"), FORM_TYPE], ..FORM },
    Bad { what: "a form of nobody", headers: &[FORM_TYPE], status: 404, ..FORM },
    Bad { what: "JSON of our own page", headers: &[OURS, ("Content-Type", "application/json")], status: 400, ..FORM },
    Bad { what: "OPTIONS", method: "OPTIONS", status: 404, ..PLAIN },
    Bad { what: "another path", url: |url| url.set_path("/callback/other"), status: 404, ..PLAIN },
    Bad { what: "a path below", url: |url| url.set_path("/callback/idp/x"), status: 404, ..PLAIN },
    Bad { what: "a foreign name for us", headers: &[("Host", "evil.example")], status: 403, ..PLAIN },
    Bad { what: "an image of another site", headers: &[("Sec-Fetch-Dest", "image")], status: 403, ..PLAIN },
    Bad { what: "a frame of another site", headers: &[("Sec-Fetch-Dest", "iframe")], status: 403, ..PLAIN },
    Bad { what: "a script of another site", headers: &[("Sec-Fetch-Mode", "no-cors")], status: 403, ..PLAIN },
    Bad { what: "a page fetched in advance", headers: &[("Sec-Purpose", "prefetch")], status: 403, ..PLAIN },
    Bad { what: "a foreign origin", headers: &[("Origin", "https://evil.example")], status: 403, ..PLAIN },
];

fn send(bad: &Bad, good: &Url, browser: &Browser) -> Reply {
    let mut url = good.clone();
    (bad.url)(&mut url);
    let authority = format!("127.0.0.1:{}", url.port().unwrap());
    let mut request = Request::new(bad.method, &url[url::Position::BeforePath..url::Position::AfterQuery]);
    let (.., name, value) = browser.cookies.first().expect("the flow's cookie");
    match bad.cookie {
        Cookie::Right => request = request.header("Cookie", &format!("a=b; {name}={value}")),
        Cookie::WrongValue => request = request.header("Cookie", &format!("{name}=x{value}")),
        Cookie::Missing => {}
    }
    for (name, value) in bad.headers {
        request = request.header(name, &value.replace("AUTHORITY", &authority));
    }
    Wire::tcp(&authority).ask(&request.bytes(&authority))
}

#[test]
fn nothing_but_the_right_answer_changes_a_pending_login_and_the_right_one_completes_it() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let started = world.start_login("work", "caller_browser");
    let mut browser = Browser::default();
    let (good, _) = browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
    for bad in TABLE {
        let reply = send(bad, &good, &browser);
        assert_eq!(reply.status, bad.status, "{}: {reply:?}", bad.what);
        assert!(!reply.body.contains("canary"), "{}: repeats what was sent", bad.what);
        assert_eq!(world.login_status(&started.login_id), LoginStatus::Pending, "{}", bad.what);
    }
    assert!(idp.seen_at("/token").is_empty(), "none was exchanged");
    let page = browser.go(good.as_str());
    assert_eq!((page.status, world.login_end(&started.login_id).status), (200, LoginStatus::Succeeded), "{page:?}");
    // The same answer once more: its state is spent, and with it the path.
    assert_eq!(send(&PLAIN, &good, &browser).status, 404);
    assert_eq!(idp.seen_at("/token").len(), 1);
    assert!(idp.honours(&world.token("work")));
}

/// Cookies that any web server on 127.0.0.1 can set beside the flow's, which is `{N}={V}`.
const BESIDE: &[&str] = &[
    "{N}=x; {N}={V}",
    "{N}={V}; {N}=x",
    "{N}=; {N}; {N}={V}",
    "{N}=\u{e4}; {N}={V}",
    "theme=\u{e4}; {N}={V}",
    "ringback_flow_00000000=x; {N}={V}",
];

#[test]
fn what_other_servers_of_this_host_set_beside_the_flows_cookie_ends_no_login() {
    let idp = Idp::start();
    let world = World::start(&idp);
    for cookies in BESIDE {
        let started = world.start_login("work", "caller_browser");
        let mut browser = Browser::default();
        let (good, _) =
            browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
        let (.., name, value) = browser.cookies.first().expect("the flow's cookie");
        let cookies = cookies.replace("{N}", name).replace("{V}", value);
        let target = &good[url::Position::BeforePath..url::Position::AfterQuery];
        let reply = world.ask_tcp(&Request::get(target).header("Cookie", &cookies));
        assert_eq!(reply.status, 303, "{cookies}: {reply:?}");
        assert_eq!(world.login_end(&started.login_id).status, LoginStatus::Succeeded, "{cookies}");
    }
}

#[test]
fn a_used_answer_is_turned_away_while_another_login_is_pending() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let first = world.start_login("work", "caller_browser");
    let mut browser = Browser::default();
    let (old, _) = browser.go_until(first.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
    browser.go(old.as_str());
    let second = world.start_login("work", "caller_browser");
    assert_eq!(send(&PLAIN, &old, &browser).status, 400);
    assert_eq!(world.login_status(&second.login_id), LoginStatus::Pending);
    assert_eq!(idp.seen_at("/token").len(), 1, "a code is exchanged once");
}

#[test]
fn an_expired_state_is_turned_away_while_a_newer_login_is_pending() {
    let idp = Idp::start();
    let world = World::start_with(&idp, "[serve]\nlogin_timeout = \"1s\"", "", "");
    let first = world.start_login("work", "caller_browser");
    let mut browser = Browser::default();
    let (old, _) = browser.go_until(first.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
    assert_eq!(world.login_end(&first.login_id).status, LoginStatus::Failed);
    let second = world.start_login("work", "caller_browser");
    assert_eq!(send(&PLAIN, &old, &browser).status, 400);
    assert_eq!(world.login_status(&second.login_id), LoginStatus::Pending);
    assert!(idp.seen_at("/token").is_empty());
    let page = Browser::default().go(second.start_url.as_deref().unwrap());
    assert_eq!(world.login_end(&second.login_id).status, LoginStatus::Succeeded, "{page:?}");
}

#[test]
fn with_no_login_pending_the_callback_does_not_exist() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let shape = |target: &str| {
        let reply = world.ask_tcp(&Request::get(target));
        (reply.status, reply.body)
    };
    let unknown = shape("/no/such/path");
    assert_eq!(unknown.0, 404);
    assert_eq!(shape("/callback/idp?code=c&state=s"), unknown);
    assert_eq!(shape("/callback/idp?error=access_denied"), unknown);
}

#[test]
fn an_answer_with_the_wrong_issuer_fails_the_login_and_spends_no_code() {
    let idp = Idp::start();
    let world = World::start_with(&idp, "", "issuer = \"https://right.example\"", "");
    let started = world.start_login("work", "caller_browser");
    let mut browser = Browser::default();
    let (mut good, _) =
        browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
    good.query_pairs_mut().append_pair("iss", "https://wrong.example");
    browser.go(good.as_str());
    let failure = world.login_end(&started.login_id).failure.expect("a failure");
    assert!(failure.error_description.contains("another provider"), "{failure:?}");
    assert!(idp.seen_at("/token").is_empty());
}
