//! Several accounts: concurrent logins, hooks, and an account with a mistake in its config.

use ringback::contract::{AccountState, LoginStatus};
use url::Url;

use crate::http::Browser;
use crate::idp::{Act, Idp, plain};
use crate::world::{World, account, provider, until};

fn at_callback(url: &Url) -> bool {
    url.path().starts_with("/callback")
}

/// Two providers, `one` and `two`, each with an account of the same name.
fn two(idps: [&Idp; 2]) -> World {
    let sections = ["one", "two"].iter().zip(idps);
    let config: String = sections
        .map(|(name, idp)| provider(name, idp, "/token", "client_auth = \"post\"") + &account(name, name, ""))
        .collect();
    let mut world = World::with_config(&config);
    world.run();
    world
}

#[test]
fn concurrent_logins_of_two_accounts_do_not_mix() {
    let (first, second) = (Idp::start(), Idp::start());
    let world = two([&first, &second]);
    let (one, another) = (world.start_login("one", "caller_browser"), world.start_login("two", "caller_browser"));
    let mut browser = Browser::default();
    let (answer_one, _) = browser.go_until(one.start_url.as_deref().unwrap(), at_callback);
    let (answer_two, _) = browser.go_until(another.start_url.as_deref().unwrap(), at_callback);
    assert_ne!(answer_one.path(), answer_two.path(), "each provider has its own callback (RFC 8252 §8.10)");

    // One provider's response at the other's callback: a mix-up attack (RFC 9700 §4.4).
    let mut crossed = answer_one.clone();
    crossed.set_path(answer_two.path());
    assert_eq!(browser.visit(&crossed).status, 400);
    assert_eq!(first.seen_at("/token").len() + second.seen_at("/token").len(), 0, "no code was sent");

    assert_eq!(browser.visit(&answer_two).status, 303);
    assert_eq!(browser.visit(&answer_one).status, 303);
    for (name, idp, login) in [("one", &first, &one), ("two", &second, &another)] {
        assert_eq!(world.login_end(&login.login_id).status, LoginStatus::Succeeded, "{name}");
        assert!(idp.honours(&world.token(name)), "{name}: the token is from its own provider");
        assert_eq!(idp.seen_at("/token").len(), 1, "{name}");
    }
}

#[test]
fn a_hook_gets_the_events_of_its_account_and_no_secret() {
    let idp = Idp::start();
    let told = tempfile::tempdir().unwrap();
    let told = told.path().join("told");
    // The line that the test waits for is the last that a hook writes.
    let script = format!("env >>{0}.env; echo $RINGBACK_EVENT $RINGBACK_ACCOUNT >>{0}", told.display());
    let world = World::start_with(&idp, "", "", &format!("hook = [\"/bin/sh\", \"-c\", \"{script}\"]"));
    let until_told = |lines: &str| {
        until(&format!("the hook was told {lines:?}"), || {
            std::fs::read_to_string(&told).ok().filter(|text| text == lines).map(drop)
        });
    };
    world.log_in("work");
    until_told("logged_in work\n");
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 200);
    until_told("logged_in work\nrefreshed work\n");
    assert_eq!(world.cli(&["logout", "work"]).0, 0);
    until_told("logged_in work\nrefreshed work\nlogged_out work\n");
    let seen = std::fs::read_to_string(told.with_extension("env")).unwrap();
    assert!(!seen.contains("canary"), "{seen}");
    let variables =
        |name: &str| seen.lines().filter_map(|line| line.strip_prefix(&format!("{name}="))).collect::<Vec<_>>();
    let run = |id: &str| id.rsplit_once('-').map(|(run, number)| (run.to_owned(), number.parse::<u64>().unwrap()));
    let ids: Vec<_> = variables("RINGBACK_EVENT_ID").into_iter().map(|id| run(id).unwrap()).collect();
    assert!(ids.len() == 3 && ids.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1 < pair[1].1), "{ids:?}");
    assert_eq!(variables("RINGBACK_REASON"), ["", "", ""]);
    assert_eq!(variables("RINGBACK_TIME").iter().filter(|time| time.parse::<i64>().is_ok()).count(), 3);
    assert_eq!(seen.lines().filter(|line| line.starts_with("RINGBACK_")).count(), 3 * 5, "{seen}");
    until("the log says how each ended", || {
        (world.log().matches("the hook ended (exit status: 0)").count() == 3).then_some(())
    });
}

#[test]
fn the_log_says_how_a_hook_failed_and_the_hook_why_the_account_did() {
    let idp = Idp::start();
    let told = tempfile::tempdir().unwrap();
    let told = told.path().join("told");
    let script = format!("[ $RINGBACK_EVENT = logged_in ] || echo $RINGBACK_REASON >{}; exit 3", told.display());
    let world = World::start_with(&idp, "", "", &format!("hook = [\"/bin/sh\", \"-c\", \"{script}\"]"));
    world.log_in("work");
    world.until_logged("the hook failed: the command `/bin/sh` failed (exit status: 3)");
    idp.next(Act::Raw(plain(400, "application/json", r#"{"error":"invalid_grant"}"#)));
    assert_ne!(world.cli(&["refresh"]).0, 0);
    until("the hook was told why", || {
        std::fs::read_to_string(&told).ok().filter(|text| text.contains("invalid_grant")).map(drop)
    });
}

#[test]
fn a_mistake_in_one_account_leaves_the_others_running_and_is_reported_by_position() {
    let idp = Idp::start();
    let config = provider("idp", &idp, "/token", "")
        + &account("work", "idp", "")
        + &account("typo", "idp", "scop = \"a\"")
        + "[providers.plain]\nauthorize_url = \"http://id.example/a\"\ntoken_url = \"https://id.example/t#f\"\n"
        + &account("plain", "plain", "");
    let mut world = World::with_config(&config);
    world.run();
    world.log_in("work");
    assert_eq!(world.account("work").state, AccountState::Active);
    for (name, why) in [
        ("typo", "accounts.typo.scop: is not a known key; did you mean `scope`?"),
        ("plain", "providers.plain.authorize_url: uses http, which is allowed on loopback only"),
    ] {
        let (code, out, err) = world.cli(&["token", name]);
        assert_eq!((code, out.as_str()), (4, ""), "{err}");
        assert!(err.contains(why) && err.contains("config.toml:"), "{err}");
        world.until_logged(why);
    }
    world.until_logged("providers.plain.token_url: has a fragment");
}
