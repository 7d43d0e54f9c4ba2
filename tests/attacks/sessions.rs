//! Sessions of the status page against other sites, other sessions, forms and keys.
//! `tests/peers/journeys/status-page.mjs` tries the same with a page in a real browser.

use ringback::contract::AccountState;

use crate::http::{Reply, Request, Wire, parse};
use crate::idp::Idp;
use crate::report::Report;
use crate::world::{World, account, provider, until};

/// Name, head (see [`Stage::filled`]), body, and accepted statuses.
type Attack = (&'static str, &'static str, &'static str, &'static [u16]);

/// A form of the page as sent by a browser. Rows append lines to it.
const HEAD: &str =
    "POST /do/logout HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\n";
const BODY: &str = "form_token={F}&account=work&sure=yes";

/// Rows that begin with `+` append their lines to [`HEAD`]; those with `@` go to the socket.
#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    // where the form comes from
    ("a form without an Origin", "+Cookie: {C}", BODY, &[403]),
    ("a form of the Origin null without metadata", "+Cookie: {C}\nOrigin: null", BODY, &[403]),
    ("a form of the Origin null of another site", "+Cookie: {C}\nOrigin: null\nSec-Fetch-Site: cross-site", BODY, &[403]),
    ("a form of the Origin null of another port", "+Cookie: {C}\nOrigin: null\nSec-Fetch-Site: same-site", BODY, &[403]),
    ("a form of the Origin null with the fetch metadata of a navigation", "+Cookie: {C}\nOrigin: null\nSec-Fetch-Site: none", BODY, &[403]),
    ("a form of the Origin null with metadata twice", "+Cookie: {C}\nOrigin: null\nSec-Fetch-Site: same-origin\nSec-Fetch-Site: cross-site", BODY, &[403]),
    ("a form of a foreign Origin", "+Cookie: {C}\nOrigin: http://evil.example", BODY, &[403]),
    ("a form of our address on another port", "+Cookie: {C}\nOrigin: http://127.0.0.1:1", BODY, &[403]),
    ("a form of our other name", "+Cookie: {C}\nOrigin: http://localhost:{P}", BODY, &[403]),
    ("a form of our name with TLS", "+Cookie: {C}\nOrigin: https://{A}", BODY, &[403]),
    ("a form of our Origin and a foreign one", "+Cookie: {C}\nOrigin: http://{A}\nOrigin: http://evil.example", BODY, &[403]),
    ("a form of our Origin, by a foreign page's metadata", "+Cookie: {C}\nOrigin: http://{A}\nSec-Fetch-Site: cross-site", BODY, &[403]),
    ("a form under a rebound name", "POST /do/logout HTTP/1.1\nHost: evil.example:{P}\nOrigin: http://evil.example:{P}\nSec-Fetch-Site: same-origin\nCookie: {C}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\n", BODY, &[403]),
    // which session sends it
    ("a form without a cookie", "+Origin: http://{A}", BODY, &[401]),
    ("a form with the cookies of two sessions", "+Origin: http://{A}\nCookie: {C}; {C2}", BODY, &[401]),
    ("a form with the cookies of two sessions in two lines", "+Origin: http://{A}\nCookie: {C}\nCookie: {C2}", BODY, &[401]),
    ("a form with the cookies of two sessions among junk", "+Origin: http://{A}\nCookie: ringback-session-{P}=x; {C}; ringback-session-{P}=; {C2}", BODY, &[401]),
    ("only junk cookies with the session's name", "+Origin: http://{A}\nCookie: ringback-session-{P}=x; ringback-session-{P}=x; ringback-session-{P}=x", BODY, &[401]),
    ("a cookie of an ended session beside junk", "+Origin: http://{A}\nCookie: ringback-session-{P}=x; {CE}", "form_token={FE}&account=work&sure=yes", &[401]),
    ("a form of the ended session, its cookie beside a good one", "+Origin: http://{A}\nCookie: {CE}; {C}", "form_token={FE}&account=work&sure=yes", &[403]),
    ("a cookie of a session that was ended", "+Origin: http://{A}\nCookie: {CE}", "form_token={FE}&account=work&sure=yes", &[401]),
    ("a cookie of another port's daemon", "+Origin: http://{A}\nCookie: ringback-session-1={CV}", BODY, &[401]),
    ("a cookie by another case of the name", "+Origin: http://{A}\nCookie: Ringback-Session-{P}={CV}", BODY, &[401]),
    ("a cookie with one letter less", "+Origin: http://{A}\nCookie: {C-}", BODY, &[401]),
    ("a cookie with one letter more", "+Origin: http://{A}\nCookie: {C}x", BODY, &[401]),
    ("the form's token for a cookie", "+Origin: http://{A}\nCookie: ringback-session-{P}={F}", BODY, &[401]),
    ("a ticket for a cookie", "+Origin: http://{A}\nCookie: ringback-session-{P}={T}", BODY, &[401]),
    ("a key for a cookie", "+Origin: http://{A}\nCookie: ringback-session-{P}={K}", BODY, &[401]),
    ("a key beside no cookie", "+Origin: http://{A}\nAuthorization: Bearer {K}", BODY, &[401]),
    // whose form it was
    ("a form without its token", "+Origin: http://{A}\nCookie: {C}", "account=work&sure=yes", &[403]),
    ("a form with an empty token", "+Origin: http://{A}\nCookie: {C}", "form_token=&account=work&sure=yes", &[403]),
    ("a form of another session", "+Origin: http://{A}\nCookie: {C}", "form_token={F2}&account=work&sure=yes", &[403]),
    ("a form of a session that was ended", "+Origin: http://{A}\nCookie: {C}", "form_token={FE}&account=work&sure=yes", &[403]),
    ("the cookie for a token", "+Origin: http://{A}\nCookie: {C}", "form_token={CV}&account=work&sure=yes", &[403]),
    ("a form with two tokens", "+Origin: http://{A}\nCookie: {C}", "form_token={F2}&form_token={F}&account=work&sure=yes", &[400]),
    ("a form with two accounts", "+Origin: http://{A}\nCookie: {C}", "form_token={F}&account=home&account=work&sure=yes", &[400]),
    ("a token in the query", "POST /do/logout?form_token={F} HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\nOrigin: http://{A}\nCookie: {C}\n", "account=work&sure=yes", &[400, 403]),
    ("a token in a header line", "+Origin: http://{A}\nCookie: {C}\nX-CSRF-Token: {F}", "account=work&sure=yes", &[403]),
    ("a consent answered by another session's form", "POST /do/consent HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\nOrigin: http://{A}\nCookie: {C}\n", "form_token={F2}&question={Q}&answer=allow", &[403]),
    ("a consent answered without a session", "POST /do/consent HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\nOrigin: http://{A}\n", "form_token={F}&question={Q}&answer=allow", &[401]),
    ("an app removed by another session's form", "POST /do/app-remove HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\nOrigin: http://{A}\nCookie: {C}\n", "form_token={F2}&app=editor&sure=yes", &[403]),
    ("a login by another session's form", "POST /do/login HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\nOrigin: http://{A}\nCookie: {C}\n", "form_token={F2}&account=home", &[403]),
    ("a session ended by another's form", "POST /do/end HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\nOrigin: http://{A}\nCookie: {C}\n", "form_token={F2}", &[403]),
    // form encodings
    ("a form as JSON", "POST /do/logout HTTP/1.1\nHost: {A}\nContent-Type: application/json\nContent-Length: {L}\nOrigin: http://{A}\nCookie: {C}\n", "{\"form_token\":\"{F}\",\"account\":\"work\",\"sure\":\"yes\"}", &[400]),
    ("a form as plain text", "POST /do/logout HTTP/1.1\nHost: {A}\nContent-Type: text/plain\nContent-Length: {L}\nOrigin: http://{A}\nCookie: {C}\n", BODY, &[400]),
    ("a form in parts", "POST /do/logout HTTP/1.1\nHost: {A}\nContent-Type: multipart/form-data; boundary=x\nContent-Length: {L}\nOrigin: http://{A}\nCookie: {C}\n", BODY, &[400]),
    ("a form of two types", "+Content-Type: application/json\nOrigin: http://{A}\nCookie: {C}", BODY, &[400]),
    ("a logout by GET", "GET /do/logout?form_token={F}&account=work&sure=yes HTTP/1.1\nHost: {A}\nCookie: {C}\n", "", &[405]),
    ("a logout by GET and a header line", "GET /do/logout HTTP/1.1\nHost: {A}\nX-HTTP-Method-Override: POST\nCookie: {C}\n", "", &[405]),
    ("a form without confirmation", "+Origin: http://{A}\nCookie: {C}", "form_token={F}&account=work&sure=YES", &[200]),
    // the page
    ("the page by HEAD", "HEAD / HTTP/1.1\nHost: {A}\nCookie: {C}\n", "", &[405]),
    ("the page in a frame", "GET / HTTP/1.1\nHost: {A}\nCookie: {C}\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: iframe\n", "", &[403]),
    ("the page read by another site", "GET / HTTP/1.1\nHost: {A}\nCookie: {C}\nOrigin: http://evil.example\n", "", &[403]),
    ("the page read by our other port", "GET / HTTP/1.1\nHost: {A}\nCookie: {C}\nSec-Fetch-Site: same-site\nSec-Fetch-Mode: cors\n", "", &[403]),
    ("the page under a rebound name", "GET / HTTP/1.1\nHost: evil.example:{P}\nCookie: {C}\n", "", &[403]),
    ("the page under no name", "GET / HTTP/1.1\nHost: 0.0.0.0:{P}\nCookie: {C}\n", "", &[403]),
    // a session does not replace a key
    ("a token by a session", "GET /token HTTP/1.1\nHost: {A}\nCookie: {C}\n", "", &[401]),
    ("a token by a cookie as a key", "GET /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {CV}\n", "", &[401]),
    ("a token by a form's token as a key", "GET /token HTTP/1.1\nHost: {A}\nAuthorization: Bearer {F}\n", "", &[401]),
    ("the apps by a session", "GET /v1/apps HTTP/1.1\nHost: {A}\nCookie: {C}\n", "", &[403]),
    ("the page's events without a session", "GET /do/events HTTP/1.1\nHost: {A}\n", "", &[401]),
    ("the page's events by an ended session", "GET /do/events HTTP/1.1\nHost: {A}\nCookie: {CE}\n", "", &[401]),
    ("the page's events by a key for everything", "GET /do/events HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n", "", &[401]),
    ("the page's events heard by another site", "GET /do/events HTTP/1.1\nHost: {A}\nCookie: {C}\nOrigin: http://evil.example\n", "", &[403]),
    ("the page's events heard by our other port", "GET /do/events HTTP/1.1\nHost: {A}\nCookie: {C}\nSec-Fetch-Site: same-site\nSec-Fetch-Mode: cors\n", "", &[403]),
    ("the page's events under a rebound name", "GET /do/events HTTP/1.1\nHost: evil.example:{P}\nCookie: {C}\n", "", &[403]),
    ("the page's events on the socket", "@GET /do/events HTTP/1.1\nHost: localhost\nCookie: {C}\n", "", &[401]),
    ("the events by a session", "GET /v1/events HTTP/1.1\nHost: {A}\nCookie: {C}\n", "", &[401]),
    ("a logout over the API by a session", "DELETE /v1/accounts/work/token HTTP/1.1\nHost: {A}\nOrigin: http://{A}\nCookie: {C}\n", "", &[401]),
    ("another session by a session", "POST /v1/sessions HTTP/1.1\nHost: {A}\nOrigin: http://{A}\nCookie: {C}\n", "", &[403]),
    // tickets
    ("a ticket by HEAD", "HEAD /open/{T} HTTP/1.1\nHost: {A}\n", "", &[405]),
    ("a ticket by POST", "POST /open/{T} HTTP/1.1\nHost: {A}\nContent-Length: 0\n", "", &[405]),
    ("a ticket fetched in advance", "GET /open/{T} HTTP/1.1\nHost: {A}\nSec-Purpose: prefetch;prerender\n", "", &[403]),
    ("a ticket in a frame", "GET /open/{T} HTTP/1.1\nHost: {A}\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: iframe\n", "", &[403]),
    ("a ticket as an image", "GET /open/{T} HTTP/1.1\nHost: {A}\nSec-Fetch-Mode: no-cors\nSec-Fetch-Dest: image\n", "", &[403]),
    ("a ticket under a rebound name", "GET /open/{T} HTTP/1.1\nHost: evil.example:{P}\n", "", &[403]),
    ("a ticket of another site's script", "GET /open/{T} HTTP/1.1\nHost: {A}\nOrigin: http://evil.example\n", "", &[403]),
    ("half a ticket", "GET /open/{T-} HTTP/1.1\nHost: {A}\n", "", &[410]),
    ("a ticket and more", "GET /open/{T}x HTTP/1.1\nHost: {A}\n", "", &[410]),
    ("a ticket with a slash behind", "GET /open/{T}/ HTTP/1.1\nHost: {A}\n", "", &[404]),
    ("an empty ticket", "GET /open/ HTTP/1.1\nHost: {A}\n", "", &[404]),
    ("a ticket for a login", "GET /login/start/{T} HTTP/1.1\nHost: {A}\n", "", &[410]),
    ("a ticket that was used", "GET /open/{TU} HTTP/1.1\nHost: {A}\n", "", &[410]),
    // consent answers and app management
    ("a consent given over TCP by a key for everything", "POST /v1/consents/{Q} HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Type: application/json\nContent-Length: {L}\n", "{\"answer\":\"allow\"}", &[403]),
    ("a consent given over TCP by who asks", "POST /v1/consents/{Q} HTTP/1.1\nHost: {A}\nAuthorization: Bearer {R}\nContent-Type: application/json\nContent-Length: {L}\n", "{\"answer\":\"allow\"}", &[403]),
    ("the questions over TCP", "GET /v1/consents HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n", "", &[403]),
    ("an answer forgotten over TCP", "DELETE /v1/consents/{Q} HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n", "", &[403]),
    ("a consent given on the socket by who asks", "@POST /v1/consents/{Q} HTTP/1.1\nHost: localhost\nAuthorization: Bearer {R}\nContent-Type: application/json\nContent-Length: {L}\n", "{\"answer\":\"allow\"}", &[403]),
    ("a session on the socket by an app", "@POST /v1/sessions HTTP/1.1\nHost: localhost\nAuthorization: Bearer {R}\n", "", &[403]),
    ("a session's cookie on the socket", "@GET / HTTP/1.1\nHost: localhost\nCookie: {C}\n", "", &[401]),
    ("a session's form on the socket", "@POST /do/logout HTTP/1.1\nHost: localhost\nOrigin: http://localhost\nCookie: {C}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\n", BODY, &[401, 403]),
];

/// A browser with a session.
pub(crate) struct Session {
    pub(crate) cookie: String,
    pub(crate) form_token: String,
    /// The ticket that started the session.
    spent: String,
}

pub(crate) fn ticket(world: &World) -> String {
    let (code, url, said) = world.cli(&["open", "--print"]);
    assert_eq!(code, 0, "{said}");
    url.trim().rsplit('/').next().unwrap().to_owned()
}

impl Session {
    pub(crate) fn begin(world: &World) -> Self {
        let spent = ticket(world);
        let opened = world.ask_tcp(&Request::get(&format!("/open/{spent}")));
        let cookie = opened.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let page = world.ask_tcp(&Request::get("/").header("Cookie", &cookie));
        let form_token = page.form_token();
        Self { cookie, form_token: form_token.to_owned(), spent }
    }

    fn value(&self) -> &str {
        self.cookie.split_once('=').unwrap().1
    }

    fn press(&self, world: &World, path: &str, fields: &str) -> Reply {
        let origin = format!("http://{}", world.authority());
        let request = Request::new("POST", path).header("Cookie", &self.cookie).header("Origin", &origin);
        let mut request = request.header("Content-Type", "application/x-www-form-urlencoded");
        request.body = Some(format!("form_token={}&{fields}", self.form_token));
        world.ask_tcp(&request)
    }
}

/// Two sessions and an ended one, a valid ticket, and an app that waits for consent.
struct Stage {
    idp: Idp,
    world: World,
    one: Session,
    two: Session,
    ended: Session,
    ticket: String,
    /// The key of the app that waits for consent.
    reader: String,
    question: String,
}

impl Stage {
    fn set() -> Self {
        let idp = Idp::start();
        let config = [
            "default_account = \"work\"\n".to_owned(),
            provider("idp", &idp, "/token", ""),
            account("work", "idp", ""),
            account("home", "idp", ""),
            account("asks", "idp", "consent = \"ask\""),
        ];
        let mut world = World::with_config(&config.concat());
        world.run();
        world.log_in("work");
        world.log_in("asks");
        let reader = world.add_app(&["editor", "--account", "asks"]);
        let ask = Request::get("/v1/accounts/asks/token?wait=0").header("Authorization", &format!("Bearer {reader}"));
        assert_eq!(world.ask_tcp(&ask).status, 403, "the app needs consent");
        let pending = until("a question waits", || world.get("/v1/consents").json()["pending"].get(0).cloned());
        let question = pending["id"].as_str().unwrap().to_owned();
        let (one, two, ended) = (Session::begin(&world), Session::begin(&world), Session::begin(&world));
        assert_eq!(ended.press(&world, "/do/end", "").status, 200);
        let ticket = ticket(&world);
        Self { idp, world, one, two, ended, ticket, reader, question }
    }

    /// Fills in a template: `{A}` our authority, `{P}` its port, `{C}` the cookie (`{CV}` its value), `{F}` the
    /// form's token (suffix `2`: of the other session, `E`: of the ended one), `{T}` a valid ticket, `{TU}` a used
    /// one, `{K}` a key with all rights, `{R}` the key of the app that waits, `{Q}` the consent question.
    fn filled(&self, text: &str) -> String {
        let authority = self.world.authority();
        let port = authority.rsplit(':').next().unwrap();
        let (cookie, ticket) = (&self.one.cookie, &self.ticket);
        let key = self.world.key();
        let words: [(&str, &str); 16] = [
            ("{A}", &authority),
            ("{P}", port),
            ("{C}", cookie),
            ("{C-}", &cookie[..cookie.len() - 1]),
            ("{CV}", self.one.value()),
            ("{C2}", &self.two.cookie),
            ("{CE}", &self.ended.cookie),
            ("{F}", &self.one.form_token),
            ("{F2}", &self.two.form_token),
            ("{FE}", &self.ended.form_token),
            ("{T}", ticket),
            ("{T-}", &ticket[..ticket.len() / 2]),
            ("{TU}", &self.one.spent),
            ("{K}", &key),
            ("{R}", &self.reader),
            ("{Q}", &self.question),
        ];
        words.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    fn send(&self, head: &str, body: &str) -> Reply {
        let wire = if head.starts_with('@') { self.world.wire() } else { Wire::tcp(&self.world.authority()) };
        let head = head.trim_start_matches('@');
        let head = head.strip_prefix('+').map_or_else(|| head.to_owned(), |more| format!("{HEAD}{more}"));
        let body = self.filled(body);
        let head = self.filled(&head).replace("{L}", &body.len().to_string());
        let text = format!("{}\nConnection: close\n\n", head.trim_end()).replace('\n', "\r\n") + &body;
        let mut wire = wire;
        wire.send(text.as_bytes());
        parse(&wire.rest())
    }

    fn seen(&self) -> String {
        let of = |name| self.world.account(name);
        let (work, home) = (of("work"), of("home"));
        let apps = self.world.get("/v1/apps").json()["apps"].as_array().unwrap().len();
        let consents = self.world.get("/v1/consents").json();
        let (pending, known) = (consents["pending"].to_string(), consents["remembered"].to_string());
        let page = |session: &Session| self.world.ask_tcp(&Request::get("/").header("Cookie", &session.cookie)).status;
        let sessions = (page(&self.one), page(&self.two), page(&self.ended));
        let asked = self.idp.seen().len();
        format!(
            "{:?} {} {:?} {apps} {pending} {known} {sessions:?} {asked}",
            work.state, work.generation, home.login_pending
        )
    }
}

/// Cookies that any web server on 127.0.0.1 can set beside the session's, since cookies ignore ports. They must not end
/// the session. Name, and header lines.
const BESIDE: &[(&str, &str)] = &[
    ("junk before it", "Cookie: ringback-session-{P}=x; {C}"),
    ("junk behind it", "Cookie: {C}; ringback-session-{P}=x"),
    ("junk in a line of its own", "Cookie: ringback-session-{P}=x\nCookie: {C}"),
    ("junk of no length", "Cookie: ringback-session-{P}=; {C}"),
    ("junk of the length of a cookie", "Cookie: ringback-session-{P}={F}; {C}"),
    ("more junk than anybody counts", "Cookie: {MANY}{C}"),
    ("a name without a value", "Cookie: ringback-session-{P}; {C}"),
    ("a byte that is no ASCII", "Cookie: theme=\u{e4}; {C}"),
    ("a byte that is no ASCII in our name", "Cookie: ringback-session-{P}=\u{e4}; {C}"),
    ("the cookie of a session that was ended", "Cookie: {CE}; {C}"),
    ("the cookie of another port's daemon", "Cookie: ringback-session-1={CV}; {C}"),
    ("the cookie again", "Cookie: {C}; {C}"),
];

#[test]
fn cookies_of_other_servers_on_this_host_end_no_session() {
    let stage = Stage::set();
    let mut report = Report::default();
    for (name, lines) in BESIDE {
        report.row();
        let lines = lines.replace("{MANY}", &"ringback-session-{P}=x; ".repeat(100));
        let page = stage.send(&format!("GET / HTTP/1.1\nHost: {{A}}\n{lines}"), "");
        report.expect(name, page.status == 200 && page.body.contains(&stage.one.form_token), &page);
        // The form is accepted as this session's: without `sure` the page asks for confirmation.
        let form = stage.send(&format!("+Origin: http://{{A}}\n{lines}"), "form_token={F}&account=work");
        report.expect(name, form.status == 200, &form);
    }
    report.end();
}

#[test]
fn no_attack_gets_into_a_session_and_a_session_yields_no_token() {
    let stage = Stage::set();
    let world = &stage.world;
    let token = world.token("work");
    let before = stage.seen();
    let mut report = Report::default();
    for (name, head, body, statuses) in ATTACKS {
        report.row();
        let reply = stage.send(head, body);
        report.expect(name, statuses.contains(&reply.status), &reply);
        report.expect(name, reply.header("set-cookie").is_none(), &reply);
        report.expect(name, !format!("{reply:?}").contains(&token), &reply);
        let after = stage.seen();
        report.expect(name, after == before, &after);
    }
    report.end();
    // The controls: ticket, question and form still work, once.
    assert_eq!(world.ask_tcp(&Request::get(&format!("/open/{}", stage.ticket))).status, 303, "the ticket was valid");
    assert_eq!(stage.send("GET /open/{T} HTTP/1.1\nHost: {A}\n", "").status, 410, "once");
    let answer = format!("question={}&answer=allow", stage.question);
    assert_eq!(stage.one.press(world, "/do/consent", &answer).status, 303);
    assert_eq!(world.get("/v1/consents").json()["remembered"][0]["allowed"], true, "the question was valid");
    assert_eq!(stage.one.press(world, "/do/logout", "account=work&sure=yes").status, 303);
    world.until_state("work", AccountState::SignedOut);
    let written = [world.log(), std::fs::read_to_string(world.state().join("audit.jsonl")).unwrap()].concat();
    for secret in [stage.one.value(), &stage.one.form_token, &stage.ticket, &stage.reader, &world.key()] {
        assert!(!written.contains(secret), "a secret is in the log");
    }
}
