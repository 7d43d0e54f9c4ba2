//! Logins, from the start URL to the token, over the API and on the command line.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;

use ringback::contract::{AccountState, LoginStatus};
use url::Url;

use crate::http::{Browser, Request, free_port};
use crate::idp::{Idp, Manner, Page, Seen};
use crate::world::{SECRET, World, account, provider, until};

fn last(idp: &Idp, path: &str) -> Seen {
    idp.seen_at(path).pop().expect("a request")
}

#[test]
fn one_click_completes_a_login_and_the_page_shows_the_real_outcome() {
    let idp = Idp::start();
    let world = World::start(&idp);
    assert_eq!(world.account("work").state, AccountState::SignedOut);
    let (page, end) = world.try_log_in("work");
    // The callback has no row in the route table, but is logged by name.
    world.until_logged(r#"method="GET" route="callback""#);
    assert_eq!((page.status, end.status), (200, LoginStatus::Succeeded), "{page:?}");
    assert!(page.body.contains("work") && page.body.contains("one two"), "{}", page.body);
    assert!(!page.body.contains("canary"), "a page shows no secret: {}", page.body);
    assert_eq!((end.scope.as_deref(), end.refreshable), (Some("one two"), Some(true)));
    let reply = world.get("/v1/accounts/work/token").json();
    assert_eq!(reply["access_token"], "AT~canary-2");
    assert_eq!(reply["extra"]["shard"], "eu-1");
    assert!((3590..=3600).contains(&reply["expires_in"].as_u64().unwrap()), "{reply}");
    assert!(reply.get("refresh_token").is_none());
}

#[test]
fn the_command_line_prints_the_url_waits_for_the_browser_and_prints_the_outcome() {
    let idp = Idp::start();
    let world = World::start(&idp);
    for (page, code, told) in [
        (Page::Consent, 0, "Logged in to `work`"),
        (
            Page::Answer("error=access_denied&error_description=Not+today"),
            6,
            "access was denied at the provider (Not today)",
        ),
    ] {
        idp.next_page(page);
        let mut child = world.command(&["login", "--no-browser", "--timeout", "15"]).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut url = String::new();
        while !url.starts_with("http://") {
            url.clear();
            assert_ne!(lines.read_line(&mut url).unwrap(), 0, "no URL was printed");
        }
        Browser::default().go(url.trim());
        let status = child.wait().unwrap();
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert_eq!(status.code(), Some(code), "{rest}");
        assert!(rest.contains(told), "{rest}");
    }
}

#[test]
fn the_command_line_reports_a_rejected_callback_once_and_that_the_earlier_login_is_valid() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    let mut child = world.command(&["login", "--no-browser", "--timeout", "15"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line_with = |wanted: &str| {
        let mut line = String::new();
        while !line.contains(wanted) {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "{wanted} was not printed");
        }
        line
    };
    let url = line_with("http://");
    let mut browser = Browser::default();
    let (good, _) = browser.go_until(url.trim(), |url| url.path().starts_with("/callback"));
    for rejected in ["code=c&state=guessed", "code=c&state=another"] {
        let page = browser.go(&format!("http://{}{}?{rejected}", world.authority(), good.path()));
        assert!(page.status == 400 && page.body.contains("belongs to another login"), "{page:?}");
    }
    let told = line_with("note: ");
    assert!(told.contains("`state` of another login") && told.contains("login is still open"), "{told}");
    let mut denied = good.clone();
    let state = good.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    denied.query_pairs_mut().clear().extend_pairs([("error", "access_denied"), ("state", &state)]);
    let page = browser.go(denied.as_str());
    for wanted in ["No new login to <code>work</code>", "The earlier login is still valid"] {
        assert!(page.body.contains(wanted), "{wanted}: {page:?}");
    }
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6), "{rest}");
    assert!(rest.contains("The earlier login to `work` is still valid"), "{rest}");
    assert!(!rest.contains("note: "), "once: {rest}");
    assert!(idp.honours(&world.token("work")));
}

#[test]
fn after_a_restart_a_late_callback_gets_a_page_also_on_its_own_port() {
    let idp = Idp::start();
    let port = free_port();
    let own = format!("redirect_uri = \"http://localhost:{port}/own\"");
    let mut world = World::with_config(&(provider("idp", &idp, "/token", "") + &account("work", "idp", &own)));
    world.run();
    let started = world.start_login("work", "caller_browser");
    let mut browser = Browser::default();
    let (answer, _) = browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path() == "/own");
    browser.go(answer.as_str());
    assert_eq!(world.login_end(&started.login_id).status, LoginStatus::Succeeded);
    let again = browser.go(answer.as_str());
    assert!(again.status == 200 && again.body.contains("has already succeeded"), "{again:?}");
    let elsewhere = Browser::default().go(answer.as_str());
    assert!(elsewhere.status == 404 && elsewhere.body.contains("No login is waiting"), "{elsewhere:?}");
    world.stop();
    world.run();
    let page = world.ask_tcp(&Request::get("/own?code=c&state=s"));
    assert!(page.status == 404 && page.body.contains("No login is waiting"), "{page:?}");
}

#[test]
fn a_redirect_url_pasted_from_another_machine_ends_the_login() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let mut command = world.command(&["login", "--paste"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut url = String::new();
    while !url.starts_with("http://") {
        url.clear();
        assert_ne!(lines.read_line(&mut url).unwrap(), 0, "no URL was printed");
    }
    assert!(url.starts_with(&idp.url("/authorize?")), "the other machine can't reach a start URL: {url}");
    let (pasted, _) = Browser::default().go_until(url.trim(), |next| next.path().starts_with("/callback"));
    let mut stdin = child.stdin.take().unwrap();
    // A mistake first, which must have no effect.
    writeln!(stdin, "http://127.0.0.1/callback/idp?code=x&state=y\n{pasted}").unwrap();
    drop(stdin);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
    assert!(rest.contains("does not belong to this login") && rest.contains("Logged in"), "{rest}");
    assert!(idp.honours(&world.token("work")));
}

#[test]
fn callers_join_the_pending_login_and_each_gets_its_own_url() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let first = world.start_login("work", "caller_browser");
    let second = world.start_login("default", "caller_browser");
    assert_eq!((first.joined, second.joined), (false, true));
    assert_eq!(first.login_id, second.login_id);
    assert_ne!(first.start_url, second.start_url);
    assert_eq!(world.account("work").login_pending.as_deref(), Some(first.login_id.as_str()));
    Browser::default().go(second.start_url.as_deref().unwrap());
    assert_eq!(world.login_end(&first.login_id).status, LoginStatus::Succeeded);
    assert_eq!(world.account("work").login_pending, None);
    assert!(!world.start_login("work", "caller_browser").joined);
}

#[test]
fn a_start_url_works_once_and_the_login_stays_pending() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let started = world.start_login("work", "caller_browser");
    let mut browser = Browser::default();
    let (callback, _) =
        browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
    let again = Browser::default().go(started.start_url.as_deref().unwrap());
    assert_eq!(again.status, 410, "{again:?}");
    assert!(again.body.contains("used") && again.header("set-cookie").is_none());
    assert_eq!(world.login_status(&started.login_id), LoginStatus::Pending);
    browser.go(callback.as_str());
    assert_eq!(world.login_end(&started.login_id).status, LoginStatus::Succeeded);
}

#[test]
fn an_unfinished_login_times_out() {
    let idp = Idp::start();
    let world = World::start_with(&idp, "[serve]\nlogin_timeout = \"1s\"", "", "");
    let started = world.start_login("work", "caller_browser");
    let mut browser = Browser::default();
    let (callback, _) =
        browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
    let end = world.login_end(&started.login_id);
    let failure = end.failure.expect("a failure");
    assert!(failure.error_description.contains("nobody finished it in time"), "{failure:?}");
    assert_eq!(world.account("work").login_pending, None);
    let late = browser.go(callback.as_str());
    assert!(
        late.body.contains("Not logged in to <code>work</code>") && late.body.contains("nobody finished it in time"),
        "{late:?}"
    );
    assert!(idp.seen_at("/token").is_empty());
    let (code, _, err) = world.cli(&["login", "--no-browser"]);
    assert_eq!(code, 6, "{err}");
}

#[test]
fn a_providers_error_instead_of_a_code_is_reported() {
    let idp = Idp::start();
    let world = World::start(&idp);
    for (answer, told, code) in [
        ("error=access_denied", "access was denied at the provider", "access_denied"),
        (
            "error=invalid_scope&error_description=no+%3Cb%3Esuch%3C%2Fb%3E+scope",
            "no <b>such</b> scope",
            "invalid_scope",
        ),
        ("error=server_error%0aX", "server_error X", "server_error X"),
    ] {
        idp.next_page(Page::Answer(answer));
        let (page, end) = world.try_log_in("work");
        let failure = end.failure.expect("a failure");
        assert_eq!((end.status, failure.error.row().name), (LoginStatus::Failed, "login_failed"));
        assert!(failure.error_description.contains(told), "{failure:?}");
        assert_eq!(failure.provider_error.as_deref(), Some(code));
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("<b>such") && page.body.contains(code), "{}", page.body);
    }
    assert!(idp.seen_at("/token").is_empty(), "no exchange without a code");
    world.log_in("work");
}

/// One login configuration, and a check of its two requests.
struct Shape {
    what: &'static str,
    of_provider: &'static str,
    of_account: String,
    pkce: bool,
    check: fn(&Seen, &Url),
}

fn form_basic(token: &Seen, _: &Url) {
    assert_eq!(token.header("content-type"), Some("application/x-www-form-urlencoded"));
    // base64("the+client:SECRET%7Ecanary")
    assert_eq!(token.header("authorization"), Some("Basic dGhlK2NsaWVudDpTRUNSRVQlN0VjYW5hcnk="));
    assert!(!token.body.contains("client_secret") && !token.body.contains("client_id"), "{}", token.body);
}

fn form_post(token: &Seen, _: &Url) {
    assert_eq!((token.header("authorization"), token.parameters()["client_secret"].as_str()), (None, SECRET));
}

fn phonecom(token: &Seen, _: &Url) {
    let of = token.parameters();
    assert_eq!(token.header("content-type"), Some("application/json"));
    assert_eq!(token.header("authorization"), None);
    let exact = format!(
        "{{\"grant_type\":\"authorization_code\",\"code\":\"{}\",\"redirect_uri\":\"{}\",\"code_verifier\":\"{}\",\
         \"client_id\":\"the client\",\"client_secret\":\"{SECRET}\"}}",
        of["code"], of["redirect_uri"], of["code_verifier"],
    );
    assert_eq!(token.body, exact);
}

fn no_verifier(token: &Seen, authorize: &Url) {
    assert!(!token.body.contains("verifier"), "{}", token.body);
    assert!(!authorize.as_str().contains("challenge"), "{authorize}");
}

#[test]
fn both_requests_of_a_login_match_each_provider_exactly() {
    let own = free_port();
    let redirect = |uri: &str| format!("redirect_uri = \"{uri}\"");
    let form = |what, of_account| Shape { what, of_provider: "", of_account, pkce: true, check: form_basic };
    let shapes = [
        form("the default redirect URI", String::new()),
        form("a literal one on the daemon's own port", redirect(&format!("http://127.0.0.1:{own}/oauth/here"))),
        form("one with a port of its own", redirect(&format!("http://127.0.0.1:{}/cb", free_port()))),
        form("the root of a port of its own", redirect(&format!("http://localhost:{}/", free_port()))),
        form("one on localhost", redirect(&format!("http://localhost:{}/cb", free_port()))),
        Shape { of_provider: "client_auth = \"post\"", check: form_post, ..form("post", String::new()) },
        Shape { of_provider: "pkce = \"off\"", pkce: false, check: no_verifier, ..form("no PKCE", String::new()) },
        Shape { of_provider: "preset = \"phonecom\"", check: phonecom, ..form("Phone.com", String::new()) },
    ];
    for shape in shapes {
        let idp = Idp::with(Manner { status: 201, ..Manner::default() });
        let mut section = provider("idp", &idp, "/token", shape.of_provider);
        if shape.of_provider.contains("preset") {
            section = section.replace("preset = \"generic\"\n", "");
        }
        let listen = format!("[listen]\ntcp = [\"127.0.0.1:{own}\"]\n");
        let mut world = World::with_config(&[section, account("work", "idp", &shape.of_account), listen].concat());
        world.run();
        let what = shape.what;
        let started = world.start_login("work", "caller_browser");
        let mut browser = Browser::default();
        let page = browser.go(started.start_url.as_deref().unwrap());
        assert_eq!(world.login_end(&started.login_id).status, LoginStatus::Succeeded, "{what}: {page:?}");
        let authorize = browser.visited.iter().find(|url| url.path() == "/authorize").cloned().unwrap();
        let asked = last(&idp, "/authorize").query();
        let literal =
            shape.of_account.split('"').nth(1).map_or(format!("http://127.0.0.1:{own}/callback/idp"), str::to_owned);
        assert_eq!(asked["redirect_uri"], literal, "{what}");
        // Compared byte for byte, before decoding.
        let encoded: String = url::form_urlencoded::byte_serialize(literal.as_bytes()).collect();
        assert!(authorize.as_str().contains(&format!("redirect_uri={encoded}&")), "{what}: {authorize}");
        assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", "the client"), "{what}");
        assert!(
            authorize.as_str().contains("client_id=the%20client&") && authorize.as_str().contains("scope=one%20two&")
        );
        assert!(asked["state"].len() >= 43, "{what}: the request has a state");
        assert_eq!(asked.get("code_challenge_method").map(String::as_str), shape.pkce.then_some("S256"), "{what}");
        assert!(!authorize.as_str().contains(SECRET) && !authorize.as_str().contains("verifier"), "{what}");
        // A GET at the same path asks for the token's details.
        let token = idp.seen_at("/token").into_iter().rfind(|seen| seen.method == "POST").unwrap();
        assert_eq!(token.parameters()["redirect_uri"], literal, "{what}");
        assert_eq!(token.parameters()["grant_type"], "authorization_code", "{what}");
        (shape.check)(&token, &authorize);
    }
}

#[test]
fn a_callback_listener_opens_for_the_login_and_serves_nothing_else() {
    let idp = Idp::start();
    let port = free_port();
    let world = World::start_with(&idp, "", "", &format!("redirect_uri = \"http://127.0.0.1:{port}/cb\""));
    let authority = format!("127.0.0.1:{port}");
    assert!(std::net::TcpStream::connect(&authority).is_err(), "closed before the login");
    let started = world.start_login("work", "caller_browser");
    assert!(
        started.start_url.as_deref().unwrap().starts_with(&format!("http://{authority}/login/start/")),
        "{:?}",
        started.start_url
    );
    let ask = |request: Request| crate::http::Wire::tcp(&authority).ask(&request.bytes(&authority));
    let key = format!("Bearer {}", world.key());
    for target in ["/token", "/v1/accounts", "/v1/accounts/work/token", "/v1/accounts/work/info", "/healthz"] {
        let reply = ask(Request::get(target).header("Authorization", &key));
        assert!((400..500).contains(&reply.status), "{target}: {reply:?}");
    }
    for target in ["/static/style.css", "/static/fragment.js"] {
        assert_eq!(ask(Request::get(target)).status, 200, "{target}");
    }
    let page = Browser::default().go(started.start_url.as_deref().unwrap());
    assert_eq!(page.status, 200, "the outcome page is on that listener, too: {page:?}");
    assert_eq!(world.login_end(&started.login_id).status, LoginStatus::Succeeded);
}

#[test]
fn a_callback_port_in_use_is_reported_and_not_shared() {
    let idp = Idp::start();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let world = World::start_with(&idp, "", "", &format!("redirect_uri = \"http://127.0.0.1:{port}/cb\""));
    let request = Request::new("POST", "/v1/accounts/work/login").json("{\"via\":\"caller_browser\"}");
    let reply = world.ask(&request);
    assert_eq!((reply.status, reply.code().as_str()), (504, "login_failed"), "{reply:?}");
    assert!(reply.body.contains(&port.to_string()), "{reply:?}");
    drop(holder);
    world.log_in("work");
}

#[test]
fn a_second_login_renews_the_account_while_the_old_token_is_served() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    let old = world.token("work");
    let started = world.start_login("work", "caller_browser");
    let (callback, _) =
        Browser::default().go_until(started.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
    assert_eq!(world.token("work"), old, "a pending login does not affect the old token: {callback}");
    world.log_in("work");
    assert_ne!(world.token("work"), old);
    assert_eq!(world.account("work").generation, 2);
}

#[test]
fn a_waiting_caller_gets_the_token_as_soon_as_a_login_succeeds() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let mut waiting = world.wire();
    waiting.send(&Request::get("/v1/accounts/work/token?wait=15").bytes("localhost"));
    let started = world.start_login("work", "caller_browser");
    Browser::default().go(started.start_url.as_deref().unwrap());
    let reply = crate::http::parse(&waiting.rest());
    assert_eq!(reply.status, 200, "{reply:?}");
    until("the login is over", || (world.login_status(&started.login_id) == LoginStatus::Succeeded).then_some(()));
}

#[test]
fn a_logout_deletes_locally_and_says_whether_the_provider_revoked() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let log_out = || world.ask(&Request::new("DELETE", "/v1/accounts/work/token")).json();
    assert_eq!(log_out()["outcome"], "nothing_stored");
    world.log_in("work");
    assert_eq!(world.account_files(), ["work.sealed"]);
    assert_eq!(log_out()["outcome"], "deleted_here_only");
    assert!(world.account_files().is_empty());
    assert_eq!(world.get("/v1/accounts/work/token").status, 428);
    assert_eq!(world.cli(&["logout"]).0, 0);
}
