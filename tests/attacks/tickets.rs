//! Attacks on a pending login: its one-time URL, its callback, and another login's callback in its place (login CSRF).
//! For malformed callbacks see `callback.rs`.

use ringback::contract::{AccountState, LoginStatus};
use url::{Position, Url};

use crate::http::{Browser, Reply, Request, Wire};
use crate::idp::{Idp, Page};
use crate::report::Report;
use crate::world::{World, account, provider};

/// Two accounts of two providers, each with a pending login whose callback is ready to be sent.
struct Stage {
    idp: Idp,
    world: World,
    /// The victim's browser, with the cookie of `work`'s login.
    victim: Browser,
    /// The callback of `work`'s login.
    good: Url,
    /// The attacker's browser and callback, for the login to `home`.
    attacker: Browser,
    other: Url,
    /// An unused start URL of `work`'s login.
    ticket: Url,
    logins: [String; 2],
}

impl Stage {
    fn set() -> Self {
        let idp = Idp::start();
        let config = [
            provider("idp", &idp, "/token", ""),
            provider("other", &idp, "/token", ""),
            account("work", "idp", ""),
            account("home", "other", ""),
        ];
        let mut world = World::with_config(&config.concat());
        world.run();
        let begin = |account: &str| {
            let started = world.start_login(account, "caller_browser");
            let mut browser = Browser::default();
            let stop = |url: &Url| url.path().starts_with("/callback");
            let (answer, _) = browser.go_until(started.start_url.as_deref().unwrap(), stop);
            (browser, answer, started.login_id)
        };
        let ((victim, good, first), (attacker, other, second)) = (begin("work"), begin("home"));
        let ticket = world.start_login("work", "caller_browser").start_url.unwrap().parse().unwrap();
        Self { idp, world, victim, good, attacker, other, ticket, logins: [first, second] }
    }

    fn ask(&self, method: &str, url: &Url, headers: &[(&str, &str)]) -> Reply {
        let authority = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let mut request = Request::new(method, &url[Position::BeforePath..Position::AfterQuery]);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        Wire::tcp(&self.world.authority()).ask(&request.bytes(&authority))
    }

    /// Opens `url` in the victim's browser, which sends its cookies by path.
    fn victim(&self, url: &Url) -> Reply {
        let (.., name, value) = self.victim.cookies.first().unwrap();
        self.ask("GET", url, &[("Cookie", &format!("{name}={value}"))])
    }

    fn cookie(browser: &Browser) -> (&str, &str) {
        let (.., name, value) = browser.cookies.first().unwrap();
        (name, value)
    }

    /// The good callback with one parameter changed.
    fn with(&self, name: &str, value: &str) -> Url {
        let mut url = self.good.clone();
        let pairs: Vec<_> =
            url.query_pairs().filter(|(n, _)| n != name).map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        url.query_pairs_mut().clear().extend_pairs(pairs).append_pair(name, value);
        url
    }

    fn state_of(url: &Url) -> String {
        url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned()
    }

    fn moved(&self, change: impl Fn(&mut Url)) -> Url {
        let mut url = self.good.clone();
        change(&mut url);
        url
    }

    fn over_api(&self, login: usize, key: Option<&str>, url: &Url) -> Reply {
        let mut request = Request::new("POST", &format!("/v1/logins/{}/paste", self.logins[login]));
        if let Some(key) = key {
            request = request.header("Authorization", &format!("Bearer {key}"));
        }
        self.world.ask_tcp(&request.json(&format!("{{\"redirect_url\":\"{url}\"}}")))
    }

    fn seen(&self) -> String {
        let of = |name| self.world.account(name);
        let logins = self.logins.each_ref().map(|id| self.world.login_status(id));
        format!("{:?} {:?} {logins:?} {}", of("work").state, of("home").state, self.idp.seen_at("/token").len())
    }
}

/// Name, attack, and expected status. Nothing may change: both logins stay pending, no account is logged in, and no
/// code is exchanged.
type Attack = (&'static str, fn(&Stage) -> Reply, u16);

#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    ("a start URL by HEAD", |s| s.ask("HEAD", &s.ticket, &[]), 405),
    ("a start URL by POST", |s| s.ask("POST", &s.ticket, &[]), 405),
    ("a start URL fetched in advance", |s| s.ask("GET", &s.ticket, &[("Sec-Purpose", "prefetch")]), 403),
    ("a start URL rendered in advance", |s| s.ask("GET", &s.ticket, &[("Sec-Purpose", "prefetch;prerender")]), 403),
    ("a start URL fetched in advance by an old browser", |s| s.ask("GET", &s.ticket, &[("Purpose", "prefetch")]), 403),
    ("a start URL as an image", |s| s.ask("GET", &s.ticket, &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")]), 403),
    ("a start URL in a frame", |s| s.ask("GET", &s.ticket, &[("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")]), 403),
    ("a start URL from a page that posts", |s| s.ask("GET", &s.ticket, &[("Origin", "http://evil.example")]), 403),
    ("a start URL with a query", |s| s.ask("GET", &Url::parse(&format!("{}?a=1&a=2", s.ticket)).unwrap(), &[]), 400),
    ("half a ticket", |s| s.ask("GET", &Url::parse(&s.ticket.as_str()[..s.ticket.as_str().len() - 20]).unwrap(), &[]), 410),
    ("the ticket as a login's id", |s| s.ask("GET", &Url::parse(&s.ticket.as_str().replace("/start/", "/outcome/")).unwrap(), &[]), 404),
    ("the victim led to the attacker's answer", |s| s.victim(&s.other), 400),
    ("the attacker's code in the victim's login, the state guessed", |s| s.victim(&s.with("state", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")), 400),
    ("the attacker's state on the victim's path", |s| s.victim(&s.with("state", &Stage::state_of(&s.other))), 400),
    ("the attacker's code without a state", |s| s.victim(&s.moved(|u| u.set_query(Some("code=stolen")))), 400),
    ("the victim's answer in the attacker's browser", |s| { let (n, v) = Stage::cookie(&s.attacker); s.ask("GET", &s.good, &[("Cookie", &format!("{n}={v}"))]) }, 400),
    ("the victim's cookie by name, the attacker's by value", |s| { let (n, _) = Stage::cookie(&s.victim); let (_, v) = Stage::cookie(&s.attacker); s.ask("GET", &s.good, &[("Cookie", &format!("{n}={v}"))]) }, 400),
    ("the state for a cookie", |s| { let (n, _) = Stage::cookie(&s.victim); s.ask("GET", &s.good, &[("Cookie", &format!("{n}={}", Stage::state_of(&s.good)))]) }, 400),
    ("the answer on a path of another case", |s| s.victim(&s.moved(|u| u.set_path("/Callback/idp"))), 404),
    ("the answer on a path with a slash behind", |s| s.victim(&s.moved(|u| u.set_path("/callback/idp/"))), 404),
    ("the answer on a path that is encoded", |s| s.victim(&s.moved(|u| u.set_path("/callback/%69dp"))), 404),
    ("an error that ends the login, the state guessed", |s| s.victim(&s.moved(|u| u.set_query(Some("error=access_denied&state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")))), 400),
    ("an error that ends the login, without the cookie", |s| s.ask("GET", &s.moved(|u| u.set_query(Some(&format!("error=access_denied&state={}", Stage::state_of(&s.good))))), &[]), 400),
    ("the answer handed in over TCP without a key", |s| s.over_api(0, None, &s.good), 401),
    ("the answer handed in to another login", |s| s.over_api(1, Some(&s.world.key()), &s.good), 400),
    ("a guess handed in over the API", |s| s.over_api(0, Some(&s.world.key()), &s.with("state", "guessed")), 400),
];

#[test]
fn no_attack_gets_into_a_login_or_replaces_its_callback() {
    let mut stage = Stage::set();
    let before = stage.seen();
    let mut report = Report::default();
    for (name, attack, status) in ATTACKS {
        report.row();
        let reply = attack(&stage);
        report.expect(name, reply.status == *status, &reply);
        let quiet = reply.header("set-cookie").is_none() && reply.header("location").is_none();
        report.expect(name, quiet && !reply.body.contains("canary"), &reply);
        report.expect(name, stage.seen() == before, stage.seen());
    }
    for number in 0..20 {
        let reply = stage.victim(&stage.with("state", &format!("guess-{number}")));
        report.expect("twenty guesses of the state", reply.status == 400, &reply);
    }
    report.row();
    report.expect("twenty guesses of the state", stage.seen() == before, stage.seen());
    // The controls: ticket and callback still work, once.
    assert_eq!(stage.ask("GET", &stage.ticket, &[]).status, 303, "the ticket is valid");
    report.row();
    report.expect("a start URL again", stage.ask("GET", &stage.ticket, &[]).status == 410, ());
    let good = stage.good.clone();
    stage.victim.go(good.as_str());
    assert_eq!(stage.world.login_end(&stage.logins[0]).status, LoginStatus::Succeeded, "the callback is valid");
    report.row();
    report.expect("the answer again", stage.victim(&stage.good).status == 303, ());
    assert_eq!(stage.idp.seen_at("/token").len(), 1);
    assert_eq!(stage.world.account("home").state, AccountState::SignedOut);
    report.end();
}

/// Name, attack, and the reason given.
type Ending = (&'static str, fn(&Stage) -> Reply, &'static str);

/// Unusable callbacks with the right state and cookie. No other callback will come, so that login ends. The other login
/// continues, no account is logged in, and no code is exchanged.
#[rustfmt::skip]
const ENDING: &[Ending] = &[
    ("the answer on another account's path", |s| s.victim(&s.moved(|u| u.set_path("/callback/other"))), "`redirect_uri`"),
    ("the answer under another name of ours", |s| s.victim(&s.moved(|u| u.set_host(Some("localhost")).unwrap())), "`redirect_uri`"),
    ("the answer under the IPv6 name of ours", |s| s.victim(&s.moved(|u| u.set_host(Some("[::1]")).unwrap())), "`redirect_uri`"),
    ("an issuer twice", |s| s.victim(&Url::parse(&format!("{}&iss=https://a&iss=https://b", s.good)).unwrap()), "`iss`"),
    ("a token instead of the code", |s| s.victim(&s.moved(|u| u.set_query(Some(&format!("access_token=AT~evil&token_type=bearer&state={}", Stage::state_of(&s.good)))))), "a token"),
];

#[test]
fn an_unusable_callback_ends_only_its_own_login() {
    for (name, attack, why) in ENDING {
        let stage = Stage::set();
        let reply = attack(&stage);
        let outcome = format!("/login/outcome/{}", stage.logins[0]);
        assert_eq!((reply.status, reply.header("location")), (303, Some(outcome.as_str())), "{name}: {reply:?}");
        let failure = stage.world.login_end(&stage.logins[0]).failure.expect(name);
        assert!(failure.error_description.contains(why), "{name}: {failure:?}");
        assert_eq!(stage.world.login_status(&stage.logins[1]), LoginStatus::Pending, "{name}");
        assert_eq!(stage.world.account("work").state, AccountState::SignedOut, "{name}");
        assert!(stage.idp.seen_at("/token").is_empty(), "{name}");
    }
}

/// A provider's error texts, which end up on a page, in a terminal and in the log.
#[rustfmt::skip]
const WORDS: &[(&str, &str)] = &[
    ("a script", "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E"),
    ("a script as the code", "error=%3Cscript%3Ealert(1)%3C/script%3E"),
    ("an image with a handler", "error=x&error_description=%3Cimg+src=x+onerror=alert(1)%3E"),
    ("the end of an attribute", "error=x&error_description=%22%27%3E%3Csvg/onload=alert(1)%3E"),
    ("a script's URL", "error=x&error_description=y&error_uri=javascript:alert(1)"),
    ("an escape that clears the screen", "error=x&error_description=%1B%5B2J%1B%5B31mhello"),
    ("an escape of eight bits", "error=x&error_description=%C2%9B2Jhello"),
    ("an escape that sets the title", "error=x&error_description=%1B%5D0;pwned%07"),
    ("a line that looks like the log's", "error=x&error_description=a%0A2026-01-01T00:00:00Z++INFO+logged+in"),
    ("text that runs from right to left", "error=x&error_description=%E2%80%AEevil"),
    ("a template", "error=x&error_description=%7B%7B7*7%7D%7D%24%7B7*7%7D"),
    ("four kilobytes", "error=x&error_description=LOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUD"),
];

#[test]
fn a_providers_text_is_escaped_on_pages_in_terminals_and_in_the_log() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let mut report = Report::default();
    for (name, words) in WORDS {
        report.row();
        idp.next_page(Page::Answer(words));
        let (page, end) = world.try_log_in("work");
        report.expect(name, end.status == LoginStatus::Failed && page.status == 200, &end);
        for tag in ["<script", "<img", "<svg", "href=\"javascript:", "49"] {
            report.expect(name, !page.body.contains(tag), &page);
        }
        let (_, out, err) = world.cli(&["status"]);
        let json = world.get(&format!("/v1/logins/{}", end.login_id)).body;
        let told = [page.body, out, err, json, format!("{:?}", end.failure.map(|f| f.error_description))].concat();
        let harmless =
            |c: char| (!c.is_control() || c == '\n') && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        report.expect(name, told.chars().all(harmless), &told);
        report.expect(name, !told.contains(&"LOUD".repeat(64)), &told);
    }
    let log = world.log();
    let odd = log.lines().find(|line| line.chars().any(char::is_control));
    report.expect("the log", odd.is_none(), odd);
    // Inside one of our lines it can't be mistaken for a line of its own.
    report.expect("the log", log.lines().all(|line| !line.starts_with("2026-01-01")), &log);
    world.log_in("work");
    report.end();
}
