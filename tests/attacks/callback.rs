//! Bad callbacks: without the state and the cookie of the pending login they change nothing; with them, but unusable,
//! they end the login with the reason.

use ringback::contract::LoginStatus;
use url::Url;

use crate::http::{Browser, Reply, Request, Wire};
use crate::idp::Idp;
use crate::world::World;

/// A callback from an attacker, a broken provider or a curious program.
struct Bad {
    what: &'static str,
    status: u16,
    /// Changes the URL of the good request.
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
    Bad { what: "two states", url: |url| replace(url, "state", &["=", "other"]), ..PLAIN },
    Bad { what: "an empty state", url: |url| replace(url, "state", &[""]), ..PLAIN },
    Bad { what: "no state", url: |url| replace(url, "state", &[]), ..PLAIN },
    Bad { what: "an error without state", url: |url| url.set_query(Some("error=access_denied")), ..PLAIN },
    Bad { what: "an error with a wrong state", url: |url| url.set_query(Some("error=access_denied&state=x")), ..PLAIN },
    Bad { what: "nothing at all", url: |url| url.set_query(None), ..PLAIN },
    Bad { what: "no cookie", cookie: Cookie::Missing, ..PLAIN },
    Bad { what: "another's cookie", cookie: Cookie::WrongValue, ..PLAIN },
    Bad { what: "HEAD", method: "HEAD", status: 405, ..PLAIN },
    Bad { what: "POST", method: "POST", status: 404, ..PLAIN },
    Bad { what: "a form of our own page, for a grant without fragment", status: 404, ..FORM },
    Bad { what: "a form of another site", headers: &[("Origin", "https://evil.example"), FORM_TYPE], ..FORM },
    Bad { what: "a form without Origin", headers: &[FORM_TYPE], status: 404, ..FORM },
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

/// Unusable callbacks with the right state and cookie, and the reason given by the page and the API.
const UNUSABLE: &[(Bad, &str)] = &[
    (Bad { what: "the state twice", url: |url| replace(url, "state", &["=", "="]), ..PLAIN }, "`state` more than once"),
    (Bad { what: "two codes", url: |url| replace(url, "code", &["=", "other"]), ..PLAIN }, "`code` more than once"),
    (Bad { what: "no code", url: |url| replace(url, "code", &[]), ..PLAIN }, "neither a `code` nor an `error`"),
    (Bad { what: "an empty code", url: |url| replace(url, "code", &[""]), ..PLAIN }, "neither a `code` nor an `error`"),
    (Bad { what: "an error beside the code", url: |url| add(url, "error", "x"), ..PLAIN }, "both an `error`"),
    (
        Bad { what: "a token in the URL", url: |url| add(url, "access_token", "x"), ..PLAIN },
        "has a token where none is allowed",
    ),
];

/// Name, and the function that adds it.
type Beside = (&'static str, fn(&mut Url));

/// Additions to a good callback that are ignored, or count as omitted (RFC 6749 §3.1).
const BESIDE_THE_CODE: &[Beside] = &[
    ("a long session_state", |url| add(url, "session_state", &"x".repeat(9000))),
    ("a long id_token", |url| add(url, "id_token", &"x".repeat(9000))),
    ("a long description", |url| add(url, "error_description", &"x".repeat(9000))),
    ("an unknown parameter twice", |url| ["1", "2"].into_iter().for_each(|value| add(url, "x", value))),
    ("an empty error", |url| add(url, "error", "")),
    ("an empty issuer and an empty code", |url| ["iss", "code"].into_iter().for_each(|name| add(url, name, ""))),
    ("a token without a value", |url| add(url, "access_token", "")),
];

fn add(url: &mut Url, name: &str, value: &str) {
    url.query_pairs_mut().append_pair(name, value);
}

fn begun(world: &World) -> (ringback::contract::LoginStarted, Browser, Url) {
    let started = world.start_login("work", "caller_browser");
    let mut browser = Browser::default();
    let (good, _) = browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
    (started, browser, good)
}

#[test]
fn an_unusable_callback_ends_its_login_with_the_same_reason_on_the_page_and_in_the_api() {
    let idp = Idp::start();
    let world = World::start(&idp);
    for (bad, why) in UNUSABLE {
        let (started, mut browser, good) = begun(&world);
        let reply = send(bad, &good, &browser);
        assert_eq!(reply.status, 303, "{}: {reply:?}", bad.what);
        let failure = world.login_end(&started.login_id).failure.expect(bad.what);
        assert!(failure.error_description.contains(why), "{}: {failure:?}", bad.what);
        let page = browser.go(good.join(reply.header("location").unwrap()).unwrap().as_str());
        let shown = why.split('`').next().unwrap();
        assert!(
            page.body.contains("Not logged in to <code>work</code>") && page.body.contains(shown),
            "{}: {page:?}",
            bad.what
        );
    }
    assert!(idp.seen_at("/token").is_empty(), "no code was exchanged");
}

#[test]
fn ignored_parameters_do_not_disturb_a_login() {
    let idp = Idp::start();
    let world = World::start(&idp);
    for (what, more) in BESIDE_THE_CODE {
        let (started, mut browser, mut good) = begun(&world);
        more(&mut good);
        let page = browser.go(good.as_str());
        assert_eq!(world.login_end(&started.login_id).status, LoginStatus::Succeeded, "{what}: {page:?}");
    }
}

#[test]
fn a_code_of_twenty_four_kibibytes_reaches_the_provider_whole() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let (started, browser, good) = begun(&world);
    let long = "x".repeat(24 * 1024);
    let mut answer = good.clone();
    replace(&mut answer, "code", &[&long]);
    let reply = send(&PLAIN, &answer, &browser);
    assert_eq!(reply.status, 303, "{reply:?}");
    let failure = world.login_end(&started.login_id).failure.expect("the provider does not know this code");
    assert!(failure.error_description.contains("refused the code"), "{failure:?}");
    assert!(idp.seen_at("/token").pop().unwrap().body.contains(&long));
}

#[test]
fn too_many_cookies_are_refused_with_a_page_a_log_line_and_a_notice_to_the_caller() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let (started, browser, good) = begun(&world);
    let (.., name, value) = browser.cookies.first().expect("the flow's cookie");
    let with = |kib: usize| {
        let crowd = format!("a={}; {name}={value}", "x".repeat(kib * 1024));
        let target = &good[url::Position::BeforePath..url::Position::AfterQuery];
        world.ask_tcp(&Request::get(target).header("Cookie", &crowd))
    };
    let refused = with(40);
    assert_eq!((refused.status, refused.header("content-type")), (431, Some("text/html; charset=utf-8")));
    assert!(refused.body.contains("Delete the cookies of this site"), "{refused:?}");
    world.until_logged("the cookies of the request have more than 32 KiB");
    let told = world.get(&format!("/v1/logins/{}", started.login_id)).parse::<ringback::contract::LoginReply>();
    assert!(told.notice.is_some_and(|notice| notice.contains("cookies")) && told.status == LoginStatus::Pending);
    assert_eq!(with(30).status, 303, "fewer cookies are accepted");
    assert_eq!(world.login_end(&started.login_id).status, LoginStatus::Succeeded);
}

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
fn only_the_right_callback_changes_a_pending_login_and_completes_it() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let started = world.start_login("work", "caller_browser");
    let mut browser = Browser::default();
    let (good, _) = browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
    for bad in TABLE {
        let reply = send(bad, &good, &browser);
        assert_eq!(reply.status, bad.status, "{}: {reply:?}", bad.what);
        assert!(!reply.body.contains("canary"), "{}: echoes the request", bad.what);
        assert_eq!(world.login_status(&started.login_id), LoginStatus::Pending, "{}", bad.what);
    }
    assert!(idp.seen_at("/token").is_empty(), "no code was exchanged");
    let page = browser.go(good.as_str());
    assert_eq!((page.status, world.login_end(&started.login_id).status), (200, LoginStatus::Succeeded), "{page:?}");
    // The same callback again: its state is used up, and the page shows the outcome.
    let again = browser.go(good.as_str());
    assert!(again.status == 200 && again.body.contains("has already succeeded"), "{again:?}");
    let stranger = send(&Bad { cookie: Cookie::Missing, ..PLAIN }, &good, &browser);
    assert_eq!(stranger.status, 404, "only the browser that logged in sees the outcome");
    assert_eq!(idp.seen_at("/token").len(), 1);
    assert!(idp.honours(&world.token("work")));
}

/// Cookies that any web server on 127.0.0.1 can set besides the flow's, which is `{N}={V}`.
const BESIDE: &[&str] = &[
    "{N}=x; {N}={V}",
    "{N}={V}; {N}=x",
    "{N}=; {N}; {N}={V}",
    "{N}=\u{e4}; {N}={V}",
    "theme=\u{e4}; {N}={V}",
    "ringback_flow_00000000=x; {N}={V}",
];

#[test]
fn cookies_of_other_servers_on_this_host_end_no_login() {
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
fn a_repeated_callback_leads_to_its_own_login_while_another_is_pending() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let (first, mut browser, old) = begun(&world);
    browser.go(old.as_str());
    let second = world.start_login("work", "caller_browser");
    let reply = send(&PLAIN, &old, &browser);
    assert_eq!(
        reply.header("location"),
        Some(format!("/login/outcome/{}?again", first.login_id).as_str()),
        "{reply:?}"
    );
    assert_eq!(world.login_status(&second.login_id), LoginStatus::Pending);
    assert_eq!(idp.seen_at("/token").len(), 1, "a code is exchanged once");
}

#[test]
fn a_late_callback_shows_that_its_login_timed_out_while_a_newer_one_is_pending() {
    let idp = Idp::start();
    let world = World::start_with(&idp, "[serve]\nlogin_timeout = \"1s\"", "", "");
    let (first, mut browser, old) = begun(&world);
    assert_eq!(world.login_end(&first.login_id).status, LoginStatus::Failed);
    let second = world.start_login("work", "caller_browser");
    let page = browser.go(old.as_str());
    assert!(page.body.contains("nobody finished it in time"), "{page:?}");
    assert_eq!(world.login_status(&second.login_id), LoginStatus::Pending);
    assert!(idp.seen_at("/token").is_empty());
    let page = Browser::default().go(second.start_url.as_deref().unwrap());
    assert_eq!(world.login_end(&second.login_id).status, LoginStatus::Succeeded, "{page:?}");
}

#[test]
fn without_a_pending_login_every_callback_is_a_page_that_says_so() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let shape = |target: &str| {
        let reply = world.ask_tcp(&Request::get(target));
        (reply.status, reply.body)
    };
    let page = shape("/callback/idp?code=canary&state=s");
    assert!(page.0 == 404 && page.1.contains("No login is waiting") && !page.1.contains("canary"), "{page:?}");
    assert_eq!(shape("/callback/idp?error=access_denied"), page);
    assert_eq!(shape("/callback/idp"), page);
    world.until_logged("no login is waiting for an answer there");
    let unknown = shape("/no/such/path");
    assert!(unknown.0 == 404 && unknown.1.contains("not_found"), "programs get JSON: {unknown:?}");
}

#[test]
fn a_callback_with_the_wrong_issuer_fails_the_login_and_exchanges_no_code() {
    let idp = Idp::start();
    let world = World::start_with(&idp, "", "issuer = \"https://right.example\"", "");
    let started = world.start_login("work", "caller_browser");
    let mut browser = Browser::default();
    let (mut good, _) =
        browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
    good.query_pairs_mut().append_pair("iss", "https://wrong.example");
    browser.go(good.as_str());
    let failure = world.login_end(&started.login_id).failure.expect("a failure");
    assert!(failure.error_description.contains("a different provider"), "{failure:?}");
    assert!(idp.seen_at("/token").is_empty());
}
