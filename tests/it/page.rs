//! The status page, for browsers and for other clients.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use ringback::contract::AccountState;

use crate::http::{Reply, Request};
use crate::idp::{Act, Idp, granted, plain};
use crate::world::World;

/// A browser with a session: its cookie, and the token of its forms.
pub(crate) struct Session<'a> {
    world: &'a World,
    cookie: String,
}

/// The path of the one-time URL.
fn ticket(world: &World) -> String {
    let (code, url, said) = world.cli(&["open", "--print"]);
    assert_eq!(code, 0, "{said}");
    let path = url.trim().strip_prefix(&format!("http://{}", world.authority())).unwrap().to_owned();
    assert!(path.starts_with("/open/") && path.len() == 49, "{path}");
    path
}

impl<'a> Session<'a> {
    pub(crate) fn begin(world: &'a World) -> Self {
        let opened = world.ask_tcp(&Request::get(&ticket(world)));
        assert_eq!((opened.status, opened.header("location")), (303, Some("/")));
        let cookie = opened.header("set-cookie").unwrap();
        for wanted in ["ringback-session-", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
            assert!(cookie.contains(wanted), "{cookie}");
        }
        Self { world, cookie: cookie.split(';').next().unwrap().to_owned() }
    }

    pub(crate) fn get(&self) -> Reply {
        self.world.ask_tcp(&Request::get("/").header("Cookie", &self.cookie))
    }

    /// The CSRF token of the page's forms.
    fn form_token(&self) -> String {
        self.get().form_token().to_owned()
    }

    /// Presses a button; `fields` are sent besides the token.
    pub(crate) fn press(&self, path: &str, fields: &str) -> Reply {
        self.post(path, &format!("form_token={}&{fields}", self.form_token()))
    }

    fn post(&self, path: &str, body: &str) -> Reply {
        let origin = format!("http://{}", self.world.authority());
        let request = Request::new("POST", path).header("Cookie", &self.cookie).header("Origin", &origin);
        let mut request = request.header("Content-Type", "application/x-www-form-urlencoded");
        request.body = Some(body.to_owned());
        self.world.ask_tcp(&request)
    }
}

#[test]
fn the_page_shows_the_state_of_every_account_and_its_buttons_work() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let session = Session::begin(&world);
    assert!(session.get().body.contains("nobody has logged in"));
    let leaving = session.press("/do/login", "account=work");
    let to = leaving.header("refresh").unwrap().strip_prefix("0;url=").unwrap().to_owned();
    assert!(to.starts_with("/login/start/") && !leaving.body.contains(&to), "{leaving:?}");
    crate::http::Browser::default().go(&format!("http://{}{to}", world.authority()));
    world.until_state("work", AccountState::Active);
    let page = session.get();
    for wanted in
        ["has a valid token", "one two", "Refresh now", "Log out", "default", "reads and changes every account"]
    {
        assert!(page.body.contains(wanted), "{wanted}: {}", page.body);
    }
    assert_eq!(session.press("/do/refresh", "account=work").header("location"), Some("/"));
    assert_eq!(idp.refreshes(), 1);
    assert!(session.get().body.contains("<code>work</code> has a new token."), "the notice is shown");
    assert!(!session.get().body.contains("<code>work</code> has a new token."), "the notice is shown once");
    let sure = session.press("/do/logout", "account=work");
    assert!(sure.body.contains("Log out of work?") && world.account("work").state == AccountState::Active);
    assert_eq!(session.press("/do/logout", "account=work&sure=yes").status, 303);
    world.until_state("work", AccountState::SignedOut);
    assert!(session.press("/do/app-remove", "app=default").body.contains("Remove the key of default?"));
    assert_eq!(session.press("/do/app-remove", "app=default&sure=yes").status, 303);
    assert!(!session.get().body.contains("reads and changes every account"));
    assert!(
        session.press("/do/refresh", "account=nobody").status == 303 && session.get().body.contains("did not work")
    );
    assert_eq!(session.press("/do/end", "").status, 200);
    assert_eq!(session.get().status, 401);
    let log = world.log();
    assert!(!log.contains(&session.cookie[20..]) && !log.contains(&to[13..]), "{log}");
}

#[test]
fn an_open_page_is_told_that_something_changed_and_not_what() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    let session = Session::begin(&world);
    let policy = session.get().header("content-security-policy").unwrap().to_owned();
    assert!(policy.contains("script-src 'self'; connect-src 'self'"), "{policy}");
    let stream = TcpStream::connect(world.authority()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut stream = BufReader::new(stream);
    let (host, cookie) = (world.authority(), &session.cookie);
    write!(stream.get_mut(), "GET /do/events HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n").unwrap();
    let mut told = String::new();
    while !told.contains("content-type: text/event-stream") {
        assert!(stream.read_line(&mut told).unwrap() > 0, "{told}");
    }
    assert_eq!(world.cli(&["refresh", "work"]).0, 0);
    while !told.contains("event: changed\ndata: {\"version\":1}\n") {
        assert!(stream.read_line(&mut told).unwrap() > 0, "{told}");
    }
    assert_eq!(session.press("/do/end", "").status, 200);
    assert_eq!(world.cli(&["refresh", "work"]).0, 0);
    stream.read_to_string(&mut told).unwrap();
    assert!(told.ends_with("0\r\n\r\n") && !told.contains("work"), "it ends with its session: {told}");
}

#[test]
fn a_login_as_another_person_is_shown_and_confirmed_on_the_page() {
    let idp = Idp::start();
    let world = World::start(&idp);
    for (login, answer, told, token) in [
        ("ann", "", "", "AT~canary-ann"),
        ("eve", "keep", "The tokens were kept", "AT~canary-ann"),
        ("eve", "replace", "The tokens were replaced", "AT~canary-eve"),
    ] {
        idp.next(granted(login));
        let started = world.start_login("work", "caller_browser");
        crate::http::Browser::default().go(started.start_url.as_deref().unwrap());
        let session = Session::begin(&world);
        let (page, id) = (session.get().body, started.login_id);
        assert_eq!(page.contains("is logged in as <strong>email ann@example.org"), !answer.is_empty(), "{page}");
        if !answer.is_empty() {
            assert!(page.contains("email eve@example.org") && page.contains("waits for an answer"), "{page}");
            let fields = format!("account=work&login={id}&answer={answer}");
            assert_eq!(session.press("/do/login-answer", &fields).status, 303);
            assert!(session.get().body.contains(told), "{}", session.get().body);
            session.press("/do/login-answer", &fields);
            assert!(session.get().body.contains("does not need an answer"), "an answer works once");
        }
        assert_eq!(world.token("work"), token);
    }
}

#[test]
fn the_page_needs_a_session_and_rejects_cross_site_requests() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    let no_cookie = world.ask_tcp(&Request::get("/"));
    assert!(no_cookie.status == 401 && no_cookie.body.contains("ringback open"), "{no_cookie:?}");
    let key = format!("Bearer {}", world.key());
    assert_eq!(
        world.ask_tcp(&Request::get("/").header("Authorization", &key)).status,
        401,
        "a key does not replace a session"
    );
    let ticket = ticket(&world);
    assert_eq!(world.ask_tcp(&Request::new("HEAD", &ticket)).status, 405);
    assert_eq!(world.ask_tcp(&Request::get(&ticket).header("Sec-Purpose", "prefetch")).status, 403);
    assert_eq!(world.ask_tcp(&Request::get(&ticket)).status, 303, "the ticket is still valid");
    assert_eq!(world.ask_tcp(&Request::get(&ticket)).status, 410, "the ticket is used");
    assert_eq!(world.ask_tcp(&Request::new("POST", "/v1/sessions").header("Authorization", &key)).status, 403);
    let (one, two) = (Session::begin(&world), Session::begin(&world));
    let other = two.form_token();
    for (body, status) in [
        (String::new(), 403),
        ("account=work&sure=yes".to_owned(), 403),
        (format!("form_token={other}&account=work&sure=yes"), 403),
        (format!("form_token=&account=work&sure=yes&form_token={other}"), 400),
        (format!("form_token={}&account=work&sure=yes&x={}", one.form_token(), "x".repeat(5000)), 413),
    ] {
        assert_eq!(one.post("/do/logout", &body).status, status, "{body:.60}");
    }
    assert_eq!(world.account("work").state, AccountState::Active, "none of these logged out");
    assert_eq!(
        world.ask_tcp(&Request::get("/token").header("Cookie", &one.cookie)).status,
        401,
        "a session does not replace a key"
    );
}

#[test]
fn the_page_shows_no_secret_and_escapes_provider_text() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let body = format!(
        r#"{{"access_token":"AT~canary-x","refresh_token":"RT~canary-x","token_type":"bearer","expires_in":3600,
            "scope":"<script>alert(1)</script> {}"}}"#,
        "y".repeat(10_000)
    );
    idp.next(Act::Raw(plain(200, "application/json", &body)));
    world.log_in("work");
    let (_, key, _) = world.cli(&["app", "add", "editor"]);
    idp.next(Act::Raw(plain(
        400,
        "application/json",
        r#"{"error":"invalid_grant","error_description":"<img src=x> AT~canary-x"}"#,
    )));
    assert_ne!(world.cli(&["refresh"]).0, 0);
    let page = Session::begin(&world).get();
    assert!(page.body.contains("needs a login") && page.body.contains("&#60;script&#62;"), "{}", page.body);
    for never in ["<script>", "<img", "canary", key.trim(), &"y".repeat(400), "onload", "javascript:"] {
        assert!(!page.body.contains(never), "{never}");
    }
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("frame-ancestors 'none'")
            && policy.contains("default-src 'none'")
            && policy.contains("script-src 'self'; connect-src 'self'; form-action 'self'")
            && !policy.contains("unsafe")
    );
}
