//! Arbitrary callbacks while a login is pending: only its own state and cookie may change anything.
#![no_main]

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use ringback::account::attempts::{Callback, Attempts, LoginPlan};
use ringback::clock::{Boot, Moment, Wall};
use ringback::config::{FilePrivacy, parse};
use ringback::oauth::authorize::ResponseType;
use ringback::oauth::dialect::Dialect;
use ringback::oauth::exchange::{Credentials, Target};

const REDIRECT: &str = "http://127.0.0.1:7464/callback/p";

static DIALECT: LazyLock<Arc<Dialect>> = LazyLock::new(|| {
    let text = "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"\n";
    let config = parse(text, Path::new("/c"), FilePrivacy::Private, None).unwrap();
    Arc::clone(&config.accounts["a"].dialect)
});

fuzz_target!(|data: &[u8]| {
    let now = Moment { wall: Wall(1_700_000_000_000), boot: Boot(Duration::from_secs(9)) };
    let (mut attempts, rng) = (Attempts::default(), &mut rand::rng());
    let plan = LoginPlan {
        account: "a".into(),
        dialect: Arc::clone(&DIALECT),
        credentials: Credentials {
            client_id: "i".into(),
            client_secret: None,
            client_key: None,
            dpop_key: None,
            origin: String::new(),
        },
        target: Target::default(),
        response_type: ResponseType::Code,
        redirect_uri: REDIRECT.into(),
    };
    let started = attempts.start(plan, Duration::from_secs(600), now, rng).unwrap();
    let ticket = attempts.ticket(&started.id, now, rng).unwrap();
    let redirect = attempts.redirect(ticket.expose(), now, rng).unwrap();
    let cookies = [(redirect.cookie_name.clone(), redirect.cookie.expose().to_owned())];
    // `STATE` is replaced by the right state, so that the code behind that check is reached, too.
    let state = redirect.parameters.iter().find(|(name, _)| *name == "state").map(|(_, value)| value.to_string()).unwrap();
    let text = String::from_utf8_lossy(data);
    let knows = text.contains("STATE");
    let query = text.replace("STATE", &state);
    let parameters: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let arrival = |cookies| Callback { arrived_on: REDIRECT, parameters: &parameters, in_fragment: false, cookies, only: None };
    assert!(attempts.accept(&arrival(Some(&[][..])), now).is_err(), "without the cookie");
    assert_eq!(attempts.pending().count(), 1, "the login is still pending");
    let accepted = attempts.accept(&arrival(Some(&cookies[..])), now);
    if !knows {
        assert!(accepted.is_err(), "without the state");
        assert_eq!(attempts.pending().count(), 1, "the login is still pending");
    }
});
