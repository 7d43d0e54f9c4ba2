use super::*;
use crate::clock::{Boot, Wall};
use crate::oauth::authorize::ResponseType;
use crate::oauth::dialect::tests::dialect;
use crate::oauth::dialect::{Dialect, IssPolicy, NoncePolicy};
use crate::oauth::exchange::ClientKey;
use crate::oauth::exchange::{Credentials, Target, Trade};
use crate::secret::PrivateKey;

const REDIRECT: &str = "http://127.0.0.1:7464/callback/p";

struct Bench {
    attempts: Attempts,
    now: Moment,
    rng: rand::rngs::ThreadRng,
}

impl Bench {
    fn new() -> Self {
        let now = Moment { wall: Wall(1_700_000_000_000), boot: Boot(Duration::from_secs(9)) };
        Self { attempts: Attempts::default(), now, rng: rand::rng() }
    }

    fn start(&mut self, account: &str) -> Started {
        self.begin(plan(account)).unwrap()
    }

    fn begin(&mut self, plan: LoginPlan) -> Option<Started> {
        self.attempts.start(plan, Duration::from_secs(600), self.now, &mut self.rng)
    }

    fn ticket(&mut self, id: &str) -> String {
        self.attempts.ticket(id, self.now, &mut self.rng).unwrap().expose().to_owned()
    }

    fn redirect(&mut self, ticket: &str) -> Result<ProviderRedirect, Rejected> {
        self.attempts.redirect(ticket, self.now, &mut self.rng)
    }

    /// A browser that has opened the start URL.
    fn browser(&mut self, account: &str) -> Browser {
        self.browser_of(plan(account))
    }

    fn browser_of(&mut self, plan: LoginPlan) -> Browser {
        let id = self.begin(plan).unwrap().id;
        let ticket = self.ticket(&id);
        Browser::of(&self.redirect(&ticket).unwrap())
    }

    fn accept(&mut self, query: &str, browser: &Browser) -> String {
        self.arrive_at(REDIRECT, query, Some(&browser.cookies))
    }

    fn arrive_at(&mut self, uri: &str, query: &str, cookies: Option<&[(String, String)]>) -> String {
        self.take(uri, query, false, cookies)
    }

    fn take(&mut self, uri: &str, answer: &str, in_fragment: bool, cookies: Option<&[(String, String)]>) -> String {
        let parameters: Vec<_> = url::form_urlencoded::parse(answer.as_bytes()).into_owned().collect();
        let callback = Callback { arrived_on: uri, parameters: &parameters, in_fragment, cookies, only: None };
        match self.attempts.accept(&callback, self.now) {
            Ok(Accepted {
                next: Next::Exchange { trade: Trade::AuthorizationCode { code, verifier, .. }, nonce },
                ..
            }) => {
                let kept = if verifier.is_some() { "with verifier" } else { "bare" };
                format!("exchange {} {kept}{}", code.expose(), if nonce.is_some() { " and nonce" } else { "" })
            }
            Ok(Accepted { next: Next::Granted(grant), .. }) => {
                format!("granted {}", grant.access_token.unwrap().expose())
            }
            Ok(Accepted { next: Next::WrongNonce(_, wrong), .. }) => format!("nonce: {wrong:?}"),
            Ok(Accepted { next, .. }) => format!("{next:?}"),
            Err(turned) => format!("{turned:?}"),
        }
    }
}

fn plan(account: &str) -> LoginPlan {
    LoginPlan {
        account: account.into(),
        dialect: Arc::new(dialect()),
        credentials: Credentials {
            client_id: "c".into(),
            client_secret: None,
            client_key: None,
            dpop_key: None,
            origin: String::new(),
        },
        target: Target::default(),
        response_type: ResponseType::Code,
        redirect_uri: REDIRECT.into(),
    }
}

struct Browser {
    state: String,
    cookies: Vec<(String, String)>,
}

impl Browser {
    fn of(redirect: &ProviderRedirect) -> Self {
        let state = redirect.parameters.iter().find(|(name, _)| name == "state").unwrap().1.clone();
        Self {
            state,
            cookies: vec![
                ("other".into(), "x".into()),
                (redirect.cookie_name.clone(), redirect.cookie.expose().into()),
            ],
        }
    }
}

#[test]
fn callers_join_the_pending_login_and_each_ticket_works_once() {
    let mut b = Bench::new();
    let first = b.start("work");
    let second = b.start("work");
    assert_eq!((first.joined, second.joined, first.id == second.id), (false, true, true));
    assert_ne!(b.start("home").id, first.id);
    let (one, two) = (b.ticket(&first.id), b.ticket(&first.id));
    assert!(b.redirect(&one).is_ok());
    assert_eq!(b.redirect(&one).unwrap_err(), Rejected::BadTicket, "used");
    b.now = b.now.plus(Duration::from_secs(61));
    assert_eq!(b.redirect(&two).unwrap_err(), Rejected::BadTicket, "too old");
    assert_eq!(b.redirect("").unwrap_err(), Rejected::BadTicket);
}

#[test]
fn a_callback_needs_the_right_state_and_cookie_and_a_wrong_one_changes_nothing() {
    let mut b = Bench::new();
    let browser = b.browser("work");
    let id = b.attempts.pending().next().unwrap().0.to_owned();
    let stranger = Browser { state: browser.state.clone(), cookies: vec![] };
    let good = format!("code=c&state={}", browser.state);
    let other_browser = format!("OtherBrowser({id:?})");
    for (query, who, expected) in [
        ("code=c&state=wrong", &browser, "UnknownState"),
        ("error=access_denied&state=wrong", &browser, "UnknownState"),
        ("error=access_denied", &browser, "NoState"),
        ("code=c", &browser, "NoState"),
        ("code=c&state=", &browser, "NoState"),
        ("", &browser, "NoState"),
        (&format!("{good}&state=other"), &browser, "NoState"),
        (&good, &stranger, &other_browser),
        (&format!("{good}&error=e"), &stranger, &other_browser),
    ] {
        assert_eq!(b.accept(query, who), expected, "{query}");
    }
    assert_eq!(b.accept(&good, &browser), "exchange c with verifier", "still accepted after the rejected ones");
    assert_eq!(b.accept(&good, &browser), format!("Over({id:?})"), "a code is taken once");
    assert_eq!(b.accept(&good, &stranger), "UnknownState", "only the browser that has the cookie learns the outcome");
}

#[test]
fn an_unusable_callback_ends_its_login_with_the_reason() {
    let with = |more: &str| format!("code=c&state=STATE{more}");
    for (address, query, expected) in [
        (REDIRECT, with("&state=STATE"), "Malformed(Repeated(\"state\"))"),
        (REDIRECT, with("&code=d"), "Malformed(Repeated(\"code\"))"),
        (REDIRECT, with("&access_token=t"), "Malformed(Token)"),
        (REDIRECT, with("&error=e"), "Malformed(Both)"),
        (REDIRECT, "state=STATE".into(), "Malformed(NoCode)"),
        ("http://localhost:7464/callback/p", with(""), "Malformed(Address)"),
        ("http://127.0.0.1:7464/callback/q", with(""), "Malformed(Address)"),
        ("http://127.0.0.1:7464/callback/p/", with(""), "Malformed(Address)"),
    ] {
        let mut b = Bench::new();
        let browser = b.browser("work");
        let query = query.replace("STATE", &browser.state);
        // Pasting a malformed URL ends nothing: the user can paste again.
        assert_eq!(b.arrive_at(address, &query, None), expected, "{query}");
        assert_eq!(b.attempts.awaiting().count(), 1, "{query}");
        assert_eq!(b.arrive_at(address, &query, Some(&browser.cookies)), expected, "{query}");
        assert_eq!(b.attempts.awaiting().count(), 0, "{query}");
    }
}

#[test]
fn a_late_or_repeated_callback_is_recognized_for_as_long_as_the_outcome_is_kept() {
    let mut b = Bench::new();
    let browser = b.browser("work");
    let id = b.attempts.pending().next().unwrap().0.to_owned();
    let late = format!("code=c&state={}", browser.state);
    b.now = b.now.plus(Duration::from_secs(600));
    assert_eq!(b.accept(&late, &browser), format!("Over({id:?})"), "it expired");
    b.start("work");
    assert_eq!(b.accept(&late, &browser), format!("Over({id:?})"), "also while another is pending");
    b.now = b.now.plus(REMEMBERED_AFTER);
    assert_eq!(b.accept(&late, &browser), "UnknownState", "forgotten");
}

#[test]
fn evicting_a_flow_does_not_end_its_login() {
    let mut b = Bench::new();
    let first = b.browser("work");
    for _ in 0..MOST_FLOWS {
        b.browser("work");
    }
    assert_eq!(b.accept(&format!("code=c&state={}", first.state), &first), "UnknownState");
    for _ in 0..2 * MOST_PAST_REDIRECTS {
        b.browser("work");
    }
    assert_eq!(b.attempts.past_redirects.len(), MOST_PAST_REDIRECTS);
}

#[test]
fn concurrent_logins_do_not_mix() {
    let mut b = Bench::new();
    let (work, home) = (b.browser("work"), b.browser("home"));
    let crossed = Browser { state: work.state.clone(), cookies: home.cookies.clone() };
    assert!(b.accept(&format!("code=c&state={}", work.state), &crossed).starts_with("OtherBrowser("));
    assert_eq!(b.accept(&format!("code=h&state={}", home.state), &home), "exchange h with verifier");
    assert_eq!(b.accept(&format!("code=w&state={}", work.state), &work), "exchange w with verifier");
}

#[test]
fn access_denied_ends_the_login_and_a_wrong_issuer_is_rejected() {
    let mut b = Bench::new();
    let browser = b.browser("work");
    let denied = format!("error=access_denied&error_description=no+way&state={}", browser.state);
    assert_eq!(b.accept(&denied, &browser), r#"Refused { error: "access_denied", description: "no way" }"#);

    let mut dialect = dialect();
    dialect.issuer = Some("https://id.example".into());
    let browser = b.browser_of(LoginPlan { dialect: Arc::new(dialect), ..plan("x") });
    let mixed = format!("code=c&iss=https%3A%2F%2Fevil.example&state={}", browser.state);
    assert_eq!(b.accept(&mixed, &browser), "WrongIssuer");
}

#[test]
fn a_callback_without_a_required_issuer_is_rejected_and_its_error_kept() {
    let denied = r#"NoIssuer { said: Some(("access_denied", "no way")) }"#;
    for (policy, answer, expected) in [
        (IssPolicy::Required, "code=c", "NoIssuer { said: None }"),
        (IssPolicy::Required, "error=access_denied&error_description=no+way", denied),
        (
            IssPolicy::Optional,
            "error=access_denied&error_description=no+way",
            r#"Refused { error: "access_denied", description: "no way" }"#,
        ),
        (IssPolicy::Optional, "code=c", "exchange c with verifier"),
    ] {
        let mut b = Bench::new();
        let dialect = Dialect { issuer: Some("https://id.example".into()), iss: policy, ..dialect() };
        let browser = b.browser_of(LoginPlan { dialect: Arc::new(dialect), ..plan("work") });
        assert_eq!(b.accept(&format!("{answer}&state={}", browser.state), &browser), expected, "{policy:?} {answer}");
    }
}

#[test]
fn a_pasted_callback_needs_no_cookie_and_must_not_come_from_a_browser() {
    let mut b = Bench::new();
    let id = b.start("work").id;
    let redirect = b.attempts.redirect_by_hand(&id, b.now, &mut b.rng).unwrap();
    let browser = Browser::of(&redirect);
    let good = format!("code=c&state={}", browser.state);
    assert_eq!(b.accept(&good, &browser), "NotPasted");
    assert_eq!(b.arrive_at(REDIRECT, &good, None), "exchange c with verifier");
}

#[test]
fn abandoned_logins_expire_and_their_number_is_limited() {
    let mut b = Bench::new();
    let browser = b.browser("work");
    assert_eq!(b.attempts.pending().map(|(_, plan)| plan.account.as_str()).collect::<Vec<_>>(), ["work"]);
    assert_eq!(b.now.boot.until(b.attempts.next_end().unwrap()), Duration::from_secs(600));
    b.now = b.now.plus(Duration::from_secs(600));
    assert!(b.accept(&format!("code=c&state={}", browser.state), &browser).starts_with("Over("), "expired");
    assert_eq!(b.attempts.pending().count(), 0);
    for n in 0..MOST_LOGINS {
        b.start(&format!("a{n}"));
    }
    assert!(b.begin(plan("more")).is_none());
}

#[test]
fn a_login_with_an_outdated_config_is_replaced() {
    let mut b = Bench::new();
    let old = b.start("work");
    let mut plan = plan("work");
    plan.credentials.client_id = "corrected".into();
    let new = b.begin(plan).unwrap();
    assert_eq!((new.joined, new.replaced.as_deref()), (false, Some(old.id.as_str())));
    assert!(b.attempts.ticket(&old.id, b.now, &mut b.rng).is_none());
}

#[test]
fn a_login_with_an_old_client_key_is_replaced_and_one_with_the_same_key_joined() {
    let with = |pem: &str, id: &str| {
        let key = ClientKey { pem: PrivateKey::new(pem), id: Some(id.into()) };
        LoginPlan { credentials: Credentials { client_key: Some(key), ..plan("work").credentials }, ..plan("work") }
    };
    for (then, now, joined) in [
        (with("old", "1"), with("old", "1"), true),
        (with("old", "1"), with("new", "1"), false),
        (with("old", "1"), with("old", "2"), false),
        (with("old", "1"), plan("work"), false),
        (plan("work"), with("new", "1"), false),
    ] {
        let mut b = Bench::new();
        b.begin(then).unwrap();
        assert_eq!(b.begin(now).unwrap().joined, joined);
    }
}

#[test]
fn a_code_and_a_token_each_complete_only_a_login_that_asked_for_them() {
    let (code, token, error) = ("code=c", "access_token=t&token_type=bearer", "error=access_denied");
    let denied = r#"Refused { error: "access_denied", description: "" }"#;
    let id_token = format!("{token}&id_token=e30.e30.e30");
    let for_a_code = "Malformed(Kind(\"a `code` in the URL's query\"))";
    let for_a_token = "Malformed(Kind(\"an `access_token` in the URL's fragment\"))";
    for (response_type, scope, answer, in_fragment, expected) in [
        (ResponseType::Code, "", code, false, "exchange c with verifier"),
        (ResponseType::Code, "", error, false, denied),
        (ResponseType::Code, "", token, true, for_a_code),
        (ResponseType::Code, "", error, true, for_a_code),
        (ResponseType::Code, "", code, true, "Malformed(Code)"),
        (ResponseType::Token, "", token, true, "granted t"),
        (ResponseType::Token, "", error, true, denied),
        (ResponseType::Token, "", error, false, denied),
        (ResponseType::Token, "", code, false, for_a_token),
        (ResponseType::Token, "", token, false, "Malformed(Token)"),
        (ResponseType::Code, "openid", code, false, "exchange c with verifier and nonce"),
        (ResponseType::Token, "openid", token, true, "nonce: NoToken"),
        (ResponseType::Token, "openid", &id_token, true, "nonce: Missing"),
    ] {
        let mut b = Bench::new();
        let scope = scope.split_whitespace().map(str::to_owned).collect();
        let target = Target { scope, ..Target::default() };
        let browser = b.browser_of(LoginPlan { target, response_type, ..plan("work") });
        let answer = format!("{answer}&state={}", browser.state);
        assert_eq!(b.take(REDIRECT, &answer, in_fragment, Some(&browser.cookies)), expected, "{answer}");
        assert_eq!(b.attempts.awaiting().count(), 0, "{answer}");
    }
}

#[test]
fn without_a_nonce_in_the_request_none_is_checked() {
    for (response_type, answer, expected) in [
        (ResponseType::Code, "code=c", "exchange c with verifier"),
        (ResponseType::Token, "access_token=t&id_token=e30.e30.e30", "granted t"),
    ] {
        let mut b = Bench::new();
        let dialect = Arc::new(Dialect { nonce: NoncePolicy::Off, ..dialect() });
        let target = Target { scope: vec!["openid".into()], ..Target::default() };
        let browser = b.browser_of(LoginPlan { dialect, target, response_type, ..plan("work") });
        let answer = format!("{answer}&state={}", browser.state);
        let in_fragment = response_type == ResponseType::Token;
        assert_eq!(b.take(REDIRECT, &answer, in_fragment, Some(&browser.cookies)), expected);
    }
}

#[test]
fn setting_the_wall_clock_changes_no_deadline() {
    const DAY_MS: i64 = 86_400_000;
    for jump in [DAY_MS, -DAY_MS] {
        let mut b = Bench::new();
        let login = b.start("work");
        let (ticket, late) = (b.ticket(&login.id), b.ticket(&login.id));
        b.now.wall.0 += jump;
        let redirect = b.redirect(&ticket).unwrap();
        assert_eq!(redirect.cookie_life, Duration::from_secs(1200), "{jump}");
        b.now.boot.0 += Duration::from_secs(60);
        assert_eq!(b.redirect(&late).unwrap_err(), Rejected::BadTicket, "{jump}: a minute is over");
        let browser = Browser::of(&redirect);
        let answer = format!("code=c&state={}", browser.state);
        assert_eq!(b.accept(&answer, &browser), "exchange c with verifier", "{jump}");
        let mut abandoned = b.browser("home");
        b.now.wall.0 -= jump;
        b.now.boot.0 += Duration::from_secs(599);
        assert!(b.attempts.expire(b.now).is_empty(), "{jump}");
        b.now.boot.0 += Duration::from_secs(1);
        let answer = format!("code=c&state={}", std::mem::take(&mut abandoned.state));
        assert!(b.accept(&answer, &abandoned).starts_with("Over("), "{jump}: ten minutes are over");
    }
}
