//! The daemon as a process: start, stop, reload and logging.

use std::io::Read as _;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ringback::contract::{AccountState, LoginStatus};
use rustix::process::Signal;

use crate::http::{Browser, Request};
use crate::idp::{Act, Idp, plain};
use crate::world::{World, account, provider, told, until};

#[test]
fn a_second_daemon_on_the_same_folder_names_the_first_and_exits() {
    let world = World::start(&Idp::start());
    let (code, out, err) = world.cli(&["serve"]);
    assert_eq!((code, out.as_str()), (9, ""), "{err}");
    assert!(err.contains(&world.pid().to_string()), "{err}");
    assert_eq!(world.get("/healthz").status, 200, "the first daemon is not affected");
    assert!(world.is_announced(), "the first daemon is still announced");
}

#[test]
fn a_crash_does_not_prevent_the_next_start() {
    let idp = Idp::start();
    let mut world = World::start(&idp);
    world.log_in("work");
    let token = world.token("work");
    world.kill();
    assert!(world.is_announced(), "a crash leaves the announcement behind");
    let (code, _, err) = world.cli(&["token"]);
    assert_eq!(code, 3, "{err}");
    world.run();
    assert_eq!(world.cli(&["token"]), (0, format!("{token}\n"), String::new()));
}

#[test]
fn a_stop_is_limited_in_time_whatever_is_in_flight() {
    let idp = Idp::start();
    let mut world = World::start_patient(&World::config_of(&idp, "", "", ""));
    world.log_in("work");
    idp.next(Act::WorkAndHold);
    let mut refreshing = world.wire();
    refreshing.send(&Request::new("POST", "/v1/accounts/work/refresh").bytes("localhost"));
    idp.until_holding();
    let mut half = world.wire();
    half.send(b"GET /healthz HTT");
    world.stop();
    assert!(!world.is_announced(), "clients find no daemon");
    assert!(!world.runtime().join("ringback.sock").exists());
}

#[test]
fn a_stop_stores_a_refresh_that_is_answered_in_time() {
    let idp = Idp::start();
    let mut world = World::start(&idp);
    world.log_in("work");
    let old = world.token("work");
    idp.next(Act::WorkAndHold);
    let mut refreshing = world.wire();
    refreshing.send(&Request::new("POST", "/v1/accounts/work/refresh").bytes("localhost"));
    idp.until_holding();
    world.signal(Signal::TERM);
    world.until_logged("stopping");
    idp.release();
    assert!(world.ended().success());
    world.run();
    let new = world.token("work");
    assert!(new != old && idp.honours(&new));
    assert_eq!((idp.refreshes(), idp.reuses()), (1, 0));
}

#[test]
fn an_idle_daemon_stops_at_once() {
    let mut world = World::start(&Idp::start());
    world.stop();
    let log = world.log();
    assert!(!log.contains("in flight"), "it waited for something: {log}");
}

#[test]
fn a_new_config_adds_and_removes_accounts_and_keeps_tokens_and_pending_logins() {
    let idp = Idp::start();
    let listen = "[listen]\ntcp = [\"127.0.0.1:0\"]\n";
    let top = format!("default_account = \"work\"\n{listen}{}", provider("idp", &idp, "/token", ""));
    let (work, home) = (account("work", "idp", ""), account("home", "idp", ""));
    let mut world = World::with_config(&format!("{top}{work}"));
    world.run();
    world.log_in("work");
    let token = world.token("work");
    let pending = world.start_login("work", "caller_browser");
    let mut browser = Browser::default();
    let (callback, _) =
        browser.go_until(pending.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));

    world.configure(&format!("{top}{work}{home}"));
    world.signal(Signal::HUP);
    until("the new account is there", || (world.get("/v1/accounts/home").status == 200).then_some(()));
    assert_eq!(world.token("work"), token);
    assert_eq!(world.login_status(&pending.login_id), LoginStatus::Pending);
    browser.go(callback.as_str());
    assert_eq!(world.login_end(&pending.login_id).status, LoginStatus::Succeeded);
    let token = world.token("work");
    world.log_in("home");
    let at_home = world.token("home");

    world.configure(&format!("{top}{work}"));
    world.signal(Signal::HUP);
    until("the account is gone", || (world.get("/v1/accounts/home").status == 404).then_some(()));
    assert_eq!(world.account_files(), ["home.sealed", "work.sealed"], "the stored record is kept");
    assert_eq!(world.token("work"), token);

    world.configure(&format!("{top}{work}{home}"));
    world.signal(Signal::HUP);
    until("the account is back", || (world.get("/v1/accounts/home").status == 200).then_some(()));
    assert_eq!(world.token("home"), at_home);
    assert_eq!(idp.refreshes(), 0);
}

#[test]
fn adding_changing_and_removing_accounts_fails_no_request_for_others() {
    let idp = Idp::start();
    let providers = ["idp", "other"].map(|name| provider(name, &idp, "/token", "")).concat();
    let top = format!("default_account = \"work\"\n{providers}");
    let [work, shift, home] = ["work", "shift", "home"].map(|name| account(name, "idp", ""));
    let before = format!("{top}{work}{shift}");
    let changed = account("shift", "other", "");
    let mut world = World::with_config(&before);
    world.run();
    world.log_in("work");
    let token = world.token("work");
    let end = AtomicBool::new(false);
    let ask = || {
        let mut asked = 0;
        while !end.load(Ordering::Relaxed) {
            assert_eq!(world.token("work"), token);
            assert_eq!(world.account("shift").state, AccountState::SignedOut);
            asked += 1;
        }
        asked
    };
    std::thread::scope(|scope| {
        let callers = [(); 4].map(|()| scope.spawn(ask));
        for _ in 0..5 {
            world.configure(&format!("{top}{work}{changed}{home}"));
            world.signal(Signal::HUP);
            until("the new account is there", || (world.get("/v1/accounts/home").status == 200).then_some(()));
            until("the changed one is changed", || (world.account("shift").provider == "other").then_some(()));
            world.configure(&before);
            world.signal(Signal::HUP);
            until("the account is gone", || (world.get("/v1/accounts/home").status == 404).then_some(()));
            until("it is as before", || (world.account("shift").provider == "idp").then_some(()));
        }
        end.store(true, Ordering::Relaxed);
        for caller in callers {
            assert!(caller.join().unwrap() > 10);
        }
    });
    assert_eq!(idp.refreshes(), 0);
}

#[test]
fn a_refresh_in_flight_is_answered_over_a_reload_that_changes_other_accounts() {
    let idp = Idp::start();
    let config = [provider("idp", &idp, "/token", ""), account("work", "idp", "")].concat();
    let mut world = World::with_config(&config);
    world.run();
    world.log_in("work");
    idp.next(Act::WorkAndHold);
    let mut refreshing = world.wire();
    refreshing.send(&Request::new("POST", "/v1/accounts/work/refresh").bytes("localhost"));
    idp.until_holding();
    world.configure(&format!("default_account = \"work\"\n{config}{}", account("home", "idp", "")));
    world.signal(Signal::HUP);
    until("the new account is there", || (world.get("/v1/accounts/home").status == 200).then_some(()));
    idp.release();
    assert!(String::from_utf8(refreshing.rest()).unwrap().starts_with("HTTP/1.1 200"));
    assert!(idp.honours(&world.token("work")));
    assert_eq!((idp.refreshes(), idp.reuses()), (1, 0));
}

#[test]
fn with_another_client_in_the_config_the_token_is_unused_until_the_old_one_is_back() {
    let idp = Idp::start();
    let config = [provider("idp", &idp, "/token", ""), account("work", "idp", "")].concat();
    let mut world = World::with_config(&config);
    world.run();
    world.log_in("work");
    let token = world.token("work");
    world.configure(&config.replace("the client", "another"));
    world.signal(Signal::HUP);
    let view = world.until_state("work", AccountState::NeedsLogin);
    assert!(view.reason.unwrap_or_default().contains("another provider or client"));
    assert_eq!(world.get("/v1/accounts/work/token").code(), "login_required");
    world.configure(&config);
    world.signal(Signal::HUP);
    world.until_state("work", AccountState::Active);
    assert_eq!(world.token("work"), token);
}

#[test]
fn a_bad_config_is_reported_by_file_line_and_key_and_the_old_one_stays() {
    let idp = Idp::start();
    let config = [provider("idp", &idp, "/token", ""), account("work", "idp", "")].concat();
    let mut world = World::with_config(&config);
    world.run();
    world.log_in("work");
    let token = world.token("work");
    world.configure(&format!("default_acount = \"work\"\n{config}"));
    world.signal(Signal::HUP);
    let place = format!("{}:1:1: default_acount: ", world.config_file().display());
    world.until_logged(&place);
    world.until_logged("did you mean `default_account`?");
    assert_eq!(world.token("work"), token);
    world.stop();
    // At a start there is no old config to keep.
    let (code, _, err) = world.cli(&["serve"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains(&place), "{err}");
}

/// Everything that can happen to an account, and some things that should not.
fn eventful_life(world: &World, idp: &Idp) -> Vec<String> {
    let mut secrets = vec!["canary".to_owned(), world.key()];
    world.log_in("work");
    world.post("/v1/accounts/work/refresh");
    let started = world.start_login("work", "caller_browser");
    secrets.push(started.start_url.as_deref().unwrap().rsplit('/').next().unwrap().to_owned());
    secrets.push(started.login_id.clone());
    let mut browser = Browser::default();
    let (callback, _) =
        browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
    let mut wrong = callback.clone();
    wrong.set_query(Some("code=CODE~canary-wrong&state=STATE~canary-wrong"));
    browser.visit(&wrong);
    idp.next(Act::Raw(plain(400, "application/json", "{\"error\":\"invalid_grant\",\"x\":\"canary\"}")));
    browser.go(callback.as_str());
    world.login_end(&started.login_id);
    secrets.extend(browser.cookies.iter().map(|(.., value)| value.clone()));
    let pasting = world.start_login("work", "paste");
    let (pasted, _) =
        Browser::default().go_until(pasting.start_url.as_deref().unwrap(), |url| url.path().starts_with("/callback"));
    let body = serde_json::json!({"redirect_url": pasted.as_str()}).to_string();
    world.ask(&Request::new("POST", &format!("/v1/logins/{}/paste", pasting.login_id)).json(&body));
    world.login_end(&pasting.login_id);
    world.ask_tcp(&Request::get("/v1/accounts/work/token").header("Authorization", "Bearer KEY~canary"));
    world.ask_tcp(&Request::get("/v1/accounts/work/token?key=KEY~canary"));
    world.get("/v1/accounts/ACCOUNT~canary/token");
    for reply in ["{\"access_token\":\"AT~canary\\n\"}", "{\"access_token\": canary", "canary"] {
        idp.next(Act::Raw(plain(200, "application/json", reply)));
        world.post("/v1/accounts/work/refresh");
        std::thread::sleep(Duration::from_millis(400));
    }
    world.ask(&Request::new("DELETE", "/v1/accounts/work/token"));
    secrets.extend(idp.seen_at("/authorize").iter().map(|seen| seen.query()["state"].clone()));
    secrets.extend(idp.seen_at("/token").iter().filter_map(|seen| seen.parameters().get("code_verifier").cloned()));
    secrets.extend(idp.seen_at("/token").iter().filter_map(|seen| {
        seen.header("authorization").and_then(|line| line.strip_prefix("Basic ")).map(str::to_owned)
    }));
    secrets
}

#[test]
fn no_log_level_shows_a_token_code_secret_verifier_state_or_key() {
    for format in ["human", "json"] {
        let idp = Idp::start();
        let config = [provider("idp", &idp, "/token", ""), account("work", "idp", "")].concat();
        let mut world = World::with_config(&config);
        world.arguments = ["--log", "trace", "--log-format", format].map(str::to_owned).to_vec();
        world.run();
        let secrets = eventful_life(&world, &idp);
        world.stop();
        let log = world.log();
        assert!(secrets.len() > 12 && log.lines().count() > 30, "{log}");
        for secret in &secrets {
            let found = log.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(found, None, "{secret:?} is in the log");
        }
        if format == "json" {
            for line in log.lines() {
                let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
                assert!(event["timestamp"].is_string() && event["level"].is_string(), "{line}");
            }
        }
    }
}

#[test]
fn a_daemon_whose_log_pipe_is_closed_keeps_running() {
    let idp = Idp::start();
    let config = [provider("idp", &idp, "/token", ""), account("work", "idp", "")].concat();
    let world = World::with_config(&config);
    let mut daemon = world.command(&["serve", "--log", "trace"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = daemon.stderr.take().unwrap();
    let _ = log.read(&mut [0; 10]).unwrap();
    until("the daemon is ready", || world.is_announced().then_some(()));
    drop(log);
    let (_, end) = world.try_log_in("work");
    let refreshed = world.post("/v1/accounts/work/refresh").status;
    let health = world.get("/healthz").status;
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert_eq!((end.status, refreshed, health), (LoginStatus::Succeeded, 200, 200));
}

#[test]
fn the_command_line_without_a_daemon_says_so() {
    let idp = Idp::start();
    let world = World::with_config(&[provider("idp", &idp, "/token", ""), account("work", "idp", "")].concat());
    for command in [&["token"][..], &["status"], &["login"], &["logout"], &["refresh"]] {
        let (code, out, err) = world.cli(command);
        assert_eq!((code, out.as_str()), (3, ""), "{command:?}: {err}");
        assert!(err.contains("ringback serve"), "{err}");
    }
}

#[test]
fn a_port_in_use_is_reported() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let idp = Idp::start();
    let listen = format!("[listen]\ntcp = [\"{}\"]\n", holder.local_addr().unwrap());
    let world = World::with_config(&[provider("idp", &idp, "/token", ""), account("work", "idp", ""), listen].concat());
    let (code, _, err) = told(world.command(&["serve"]).output().unwrap());
    assert_eq!(code, 1, "{err}");
    assert!(err.contains(&holder.local_addr().unwrap().port().to_string()), "{err}");
    assert!(!world.is_announced());
}
