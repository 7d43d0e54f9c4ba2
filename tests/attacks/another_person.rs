//! A login as another person that waits for a confirmation, and attempts to confirm it: with the page's form from
//! elsewhere, and over the API without permission.

use ringback::contract::{LoginReply, LoginStatus};

use url::Url;

use crate::http::{Browser, Reply, Request, Wire, parse};
use crate::idp::{Idp, granted};
use crate::report::Report;
use crate::world::{World, account, provider, until};

/// Name, head (see [`Stage::filled`]), body, and accepted statuses.
type Attack = (&'static str, &'static str, &'static str, &'static [u16]);

/// The form as sent by the browser that logged in. Rows append lines to it.
const HEAD: &str = "POST /login/outcome/{I} HTTP/1.1\nHost: {A}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\n";
const BODY: &str = "form_token={F}&answer=replace";
const GOOD: &str = "+Origin: http://{A}\nSec-Fetch-Site: same-origin\nCookie: {C}";
/// The same answer over the API.
const API: &str =
    "POST /v1/logins/{I}/answer HTTP/1.1\nHost: {A}\nContent-Type: application/json\nContent-Length: {L}\n";
const YES: &str = "{\"replace\":true}";

/// Rows that begin with `+` append their lines to [`HEAD`], those with `!` to [`API`].
#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    // where the form comes from
    ("a form without an Origin", "+Cookie: {C}", BODY, &[403]),
    ("a form of another site", "+Origin: http://evil.example\nCookie: {C}", BODY, &[403]),
    ("a form of another port of ours", "+Origin: http://127.0.0.1:1\nCookie: {C}", BODY, &[403]),
    ("a form of our other name", "+Origin: http://localhost:{P}\nCookie: {C}", BODY, &[403]),
    ("a form of the Origin null", "+Origin: null\nCookie: {C}", BODY, &[403]),
    ("a form of the Origin null of another site", "+Origin: null\nSec-Fetch-Site: cross-site\nCookie: {C}", BODY, &[403]),
    ("a form of the Origin null of another port", "+Origin: null\nSec-Fetch-Site: same-site\nCookie: {C}", BODY, &[403]),
    ("a form of our Origin, by a foreign page's metadata", "+Origin: http://{A}\nSec-Fetch-Site: cross-site\nCookie: {C}", BODY, &[403]),
    ("a form with the fetch metadata of a navigation", "+Origin: http://{A}\nSec-Fetch-Site: none\nCookie: {C}", BODY, &[403]),
    ("a form under a rebound name", "POST /login/outcome/{I} HTTP/1.1\nHost: evil.example:{P}\nOrigin: http://evil.example:{P}\nSec-Fetch-Site: same-origin\nCookie: {C}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\n", BODY, &[403]),
    // which browser sends it
    ("a form without the cookie", "+Origin: http://{A}\nSec-Fetch-Site: same-origin", BODY, &[403]),
    ("a form with another login's cookie", "+Origin: http://{A}\nSec-Fetch-Site: same-origin\nCookie: {C2}", BODY, &[403]),
    ("the form's token for a cookie", "+Origin: http://{A}\nSec-Fetch-Site: same-origin\nCookie: ringback_question={F}", BODY, &[403]),
    ("the login's id for a cookie", "+Origin: http://{A}\nSec-Fetch-Site: same-origin\nCookie: ringback_question={I}", BODY, &[403]),
    ("a key for a cookie", "+Origin: http://{A}\nSec-Fetch-Site: same-origin\nAuthorization: Bearer {K}", BODY, &[403]),
    // what it contains
    ("a form without its token", GOOD, "answer=replace", &[403]),
    ("a form with an empty token", GOOD, "form_token=&answer=replace", &[403]),
    ("a form with another login's token", GOOD, "form_token={F2}&answer=replace", &[403]),
    ("a form with both tokens", GOOD, "form_token={F2}&form_token={F}&answer=replace", &[400]),
    ("a form with both answers", GOOD, "form_token={F}&answer=keep&answer=replace", &[400]),
    ("a form without an answer", GOOD, "form_token={F}", &[400]),
    ("a form with an unknown answer", GOOD, "form_token={F}&answer=Replace", &[400]),
    ("the answer in the query", "POST /login/outcome/{I}?form_token={F}&answer=replace HTTP/1.1\nHost: {A}\nOrigin: http://{A}\nSec-Fetch-Site: same-origin\nCookie: {C}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\n", "", &[400]),
    ("a form as JSON", "POST /login/outcome/{I} HTTP/1.1\nHost: {A}\nOrigin: http://{A}\nSec-Fetch-Site: same-origin\nCookie: {C}\nContent-Type: application/json\nContent-Length: {L}\n", "{\"form_token\":\"{F}\",\"answer\":\"replace\"}", &[400]),
    ("a form as text", "POST /login/outcome/{I} HTTP/1.1\nHost: {A}\nOrigin: http://{A}\nSec-Fetch-Site: same-origin\nCookie: {C}\nContent-Type: text/plain\nContent-Length: {L}\n", BODY, &[400]),
    ("a form of 2 KiB", GOOD, "form_token={F}&answer=replace&x={X}", &[413]),
    // other methods and paths
    ("the answer by GET", "GET /login/outcome/{I}?form_token={F}&answer=replace HTTP/1.1\nHost: {A}\nCookie: {C}\n", "", &[200]),
    ("the answer by HEAD", "HEAD /login/outcome/{I}?form_token={F}&answer=replace HTTP/1.1\nHost: {A}\nCookie: {C}\n", "", &[405]),
    ("the answer by PUT", "PUT /login/outcome/{I} HTTP/1.1\nHost: {A}\nOrigin: http://{A}\nCookie: {C}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\n", BODY, &[405]),
    ("the form handed in at another login", "POST /login/outcome/{I2} HTTP/1.1\nHost: {A}\nOrigin: http://{A}\nSec-Fetch-Site: same-origin\nCookie: {C}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\n", BODY, &[403]),
    ("the form handed in at no login", "POST /login/outcome/guessed HTTP/1.1\nHost: {A}\nOrigin: http://{A}\nSec-Fetch-Site: same-origin\nCookie: {C}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\n", BODY, &[404]),
    ("the form on the status page's path", "POST /do/login-answer HTTP/1.1\nHost: {A}\nOrigin: http://{A}\nSec-Fetch-Site: same-origin\nCookie: {C}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {L}\n", "form_token={F}&account=work&login={I}&answer=replace", &[401]),
    // over the API
    ("over the API without a key", "!", YES, &[401]),
    ("over the API with the form's token", "!Authorization: Bearer {F}", YES, &[401]),
    ("over the API with the cookie", "!Cookie: {C}", YES, &[401]),
    ("over the API by another account's app", "!Authorization: Bearer {KS}", YES, &[404]),
    ("over the API by an app that only reads", "!Authorization: Bearer {KR}", YES, &[403]),
    ("over the API by a page of another site", "!Authorization: Bearer {K}\nOrigin: http://evil.example", YES, &[403]),
    ("over the API with another word", "!Authorization: Bearer {K}", "{\"replace\":true,\"sure\":true}", &[400]),
    ("over the API without a word", "!Authorization: Bearer {K}", "", &[400]),
    ("over the API by GET", "GET /v1/logins/{I}/answer?replace=true HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n", "", &[405]),
    ("over the API by HEAD", "HEAD /v1/logins/{I}/answer HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\n", "", &[405]),
    ("over the API for no login", "POST /v1/logins/guessed/answer HTTP/1.1\nHost: {A}\nAuthorization: Bearer {K}\nContent-Type: application/json\nContent-Length: {L}\n", YES, &[404]),
];

/// Two accounts, each with a login as another person that waits for a confirmation.
struct Stage {
    world: World,
    logins: [String; 2],
    cookies: [String; 2],
    form_tokens: [String; 2],
    /// For every account, for another account, and for reading only.
    keys: [String; 3],
}

impl Stage {
    fn set(idp: &Idp) -> Self {
        let config = [
            "default_account = \"work\"\n[serve]\nlogin_timeout = \"60s\"\n".to_owned(),
            provider("idp", idp, "/token", ""),
            provider("other", idp, "/token", ""),
            account("work", "idp", ""),
            account("home", "other", ""),
        ];
        let mut world = World::with_config(&config.concat());
        world.run();
        let made = ["work", "home"].map(|name| {
            idp.next(granted("ann"));
            world.log_in(name);
            idp.next(granted("eve"));
            let started = world.start_login(name, "caller_browser");
            let mut browser = Browser::default();
            let page = browser.go(started.start_url.as_deref().unwrap());
            let token = page.form_token();
            let path = format!("/login/outcome/{}", started.login_id);
            let (.., name, value) = browser.cookies.iter().find(|(_, of, ..)| *of == path).unwrap();
            (started.login_id, format!("{name}={value}"), token.to_owned())
        });
        let [first, second] = made;
        let keys = [
            world.key(),
            world.add_app(&["stranger", "--account", "home", "--write"]),
            world.add_app(&["reader", "--account", "work"]),
        ];
        Self {
            world,
            logins: [first.0, second.0],
            cookies: [first.1, second.1],
            form_tokens: [first.2, second.2],
            keys,
        }
    }

    fn filled(&self, text: &str) -> String {
        let (authority, long) = (self.world.authority(), "x".repeat(2048));
        let port = authority.rsplit(':').next().unwrap().to_owned();
        let all = [
            ("{A}", &authority),
            ("{P}", &port),
            ("{I}", &self.logins[0]),
            ("{I2}", &self.logins[1]),
            ("{C}", &self.cookies[0]),
            ("{C2}", &self.cookies[1]),
            ("{F}", &self.form_tokens[0]),
            ("{F2}", &self.form_tokens[1]),
            ("{K}", &self.keys[0]),
            ("{KS}", &self.keys[1]),
            ("{KR}", &self.keys[2]),
            ("{X}", &long),
        ];
        all.into_iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    fn send(&self, head: &str, body: &str) -> Reply {
        let head = match (head.strip_prefix('+'), head.strip_prefix('!')) {
            (Some(more), _) => format!("{HEAD}{more}\n"),
            (_, Some("")) => API.to_owned(),
            (_, Some(more)) => format!("{API}{more}\n"),
            _ => head.to_owned(),
        };
        let body = self.filled(body);
        let head = self.filled(&head).replace("{L}", &body.len().to_string()).replace('\n', "\r\n");
        let mut wire = Wire::tcp(&self.world.authority());
        wire.send(format!("{head}Connection: close\r\n\r\n{body}").as_bytes());
        parse(&wire.rest())
    }

    fn look(&self, login: usize) -> LoginReply {
        self.world.get(&format!("/v1/logins/{}", self.logins[login])).parse()
    }

    fn seen(&self) -> String {
        let logins = [0, 1].map(|login| (self.look(login).status, self.look(login).confirm.is_some()));
        format!("{logins:?} {} {}", self.world.token("work"), self.world.token("home"))
    }
}

#[test]
fn only_the_user_can_confirm_a_login_as_another_person() {
    let idp = Idp::start();
    let stage = Stage::set(&idp);
    let before = stage.seen();
    assert_eq!(before, "[(Pending, true), (Pending, true)] AT~canary-ann AT~canary-ann");
    let mut report = Report::default();
    for (name, head, body, statuses) in ATTACKS {
        report.row();
        let reply = stage.send(head, body);
        report.expect(name, statuses.contains(&reply.status), &reply);
        report.expect(name, !reply.body.contains("canary") && reply.header("set-cookie").is_none(), &reply);
        report.expect(name, stage.seen() == before, stage.seen());
    }
    // The controls: the form works once in its own browser, and the API with the right key.
    report.row();
    assert_eq!(
        stage.send("+Origin: null\nSec-Fetch-Site: same-origin\nCookie: ringback_question=junk; {C}", BODY).status,
        303,
        "the form works, whatever cookies other servers on 127.0.0.1 have set"
    );
    assert_eq!((stage.look(0).status, stage.world.token("work").as_str()), (LoginStatus::Succeeded, "AT~canary-eve"));
    for body in [BODY, "form_token={F}&answer=keep"] {
        report.row();
        let again = stage.send(GOOD, body);
        report.expect("the form again", again.status == 400, &again);
        report.expect("the form again", stage.world.token("work") == "AT~canary-eve", stage.seen());
    }
    report.row();
    let again = stage.send("!Authorization: Bearer {K}", "{\"replace\":false}");
    report.expect("the API after the form", again.status == 400, &again);
    assert_eq!(stage.world.token("home"), "AT~canary-ann", "the other login is another question");
    report.end();
}

#[test]
fn a_confirmation_after_the_timeout_is_ignored() {
    let idp = Idp::start();
    let world = World::start_with(&idp, "[serve]\nlogin_timeout = \"2s\"", "", "");
    idp.next(granted("ann"));
    world.log_in("work");
    idp.next(granted("eve"));
    let started = world.start_login("work", "caller_browser");
    let mut browser = Browser::default();
    let stop = |url: &Url| url.path().starts_with("/login/outcome/");
    let (url, _) = browser.go_until(started.start_url.as_deref().unwrap(), stop);
    let page = browser.visit(&url);
    let token = page.form_token();
    let look = || world.login_status(&started.login_id);
    until("the confirmation has timed out", || (look() == LoginStatus::Failed).then_some(()));
    let (.., name, value) = browser.cookies.iter().find(|(_, of, ..)| *of == url.path()).unwrap();
    let mut form = Request::new("POST", url.path())
        .header("Origin", &format!("http://{}", world.authority()))
        .header("Cookie", &format!("{name}={value}"))
        .header("Content-Type", "application/x-www-form-urlencoded");
    form.body = Some(format!("form_token={token}&answer=replace"));
    assert_eq!(world.ask_tcp(&form).status, 400);
    let api = Request::new("POST", &format!("/v1/logins/{}/answer", started.login_id)).json("{\"replace\":true}");
    assert_eq!(world.ask(&api).status, 400);
    assert_eq!((look(), world.token("work").as_str()), (LoginStatus::Failed, "AT~canary-ann"));
}
