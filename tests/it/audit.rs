//! The audit log: one line for every token that was served or refused.

use std::io::{BufRead as _, BufReader};

use ringback::contract::LoginStatus;
use serde_json::{Value, json};

use crate::http::Request;
use crate::idp::{Idp, Page};
use crate::world::{World, mode, until};

/// The lines of the log, as `ringback audit --json` prints them.
fn lines(world: &World, arguments: &[&str]) -> Vec<Value> {
    let (code, out, said) = world.cli(&[&["audit", "--json"], arguments].concat());
    assert_eq!(code, 0, "{said}");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The lines, once there are `count`: they are written shortly after the reply.
fn written(world: &World, arguments: &[&str], count: usize) -> Vec<Value> {
    until(&format!("{count} lines of {arguments:?}"), || {
        Some(lines(world, arguments)).filter(|lines| lines.len() >= count)
    })
}

#[test]
fn every_served_or_refused_token_has_a_line_with_the_caller_and_no_secret() {
    let idp = Idp::start();
    let world = World::start(&idp);
    assert_eq!(world.cli(&["token"]).0, 5);
    world.log_in("work");
    let (_, key, _) = world.cli(&["app", "add", "editor"]);
    let token = world.token("work");
    let with =
        |key: &str| world.ask_tcp(&Request::get("/token").header("Authorization", &format!("Bearer {key}"))).status;
    assert_eq!((with(key.trim()), with("rbk_wrong")), (200, 401));
    assert_eq!(world.cli(&["logout"]).0, 0);
    assert_eq!(world.cli(&["app", "remove", "editor"]).0, 0);
    let all = written(&world, &[], 9);
    let told: Vec<String> = all
        .iter()
        .map(|line| {
            let of = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {}", of("event"), of("account"), of("result"), of("app"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "token work login_required -",
            "login work begun -",
            "login work ok -",
            "app_added - ok -",
            "token work ok -",
            "token work ok editor",
            "denied - not_permitted -",
            "logout work ok -",
            "app_removed - ok -"
        ]
    );
    let (by_cli, by_app, denied) = (&all[0], &all[5], &all[6]);
    assert!(by_cli["executable"].as_str().unwrap().contains("/ringback (started by /"), "{by_cli}");
    assert!(by_cli["pid"].as_i64().unwrap() > 0 && by_cli["uid"].is_u64() && by_cli.get("address").is_none());
    assert!(by_app["address"].as_str().unwrap().starts_with("127.0.0.1:") && by_app["scope"] == "one two", "{by_app}");
    assert!(denied["reason"].as_str().unwrap().contains("a wrong key: GET /token"), "{denied}");
    // The end of a login belongs to no request.
    let of_no_request = |line: &Value| line["event"] == "token" || line["event"] == "login" && line["result"] == "ok";
    let is_logged = |line: &Value| line["request"].as_str().is_some_and(|id| world.log().contains(id));
    assert!(all.iter().all(|line| is_logged(line) || of_no_request(line)));
    let file = world.state().join("audit.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(&token) && !text.contains(key.trim()) && !text.contains("canary"), "{text}");
    assert_eq!(mode(&file), 0o600);
}

#[test]
fn the_log_can_be_searched_and_followed_and_survives_a_restart() {
    let idp = Idp::start();
    let mut world = World::start(&idp);
    world.log_in("work");
    world.token("work");
    written(&world, &[], 3);
    world.kill();
    world.run();
    let mut follower = world.command(&["audit", "--follow", "--account", "work"]).spawn().unwrap();
    let mut seen = BufReader::new(follower.stdout.take().unwrap()).lines();
    assert!(seen.next().unwrap().unwrap().contains("  login        work begun"));
    assert!(seen.next().unwrap().unwrap().contains("  login        work ok"));
    assert!(seen.next().unwrap().unwrap().contains("  token        work"));
    world.token("work");
    assert!(seen.next().unwrap().unwrap().contains("  token        work"));
    rustix::process::kill_process(rustix::process::Pid::from_child(&follower), rustix::process::Signal::INT).unwrap();
    assert!(follower.wait().unwrap().success());
    assert_eq!(world.get("/v1/accounts/nobody/token").status, 404);
    assert_eq!(written(&world, &["--denied"], 1)[0]["result"], "unknown_account");
    assert_eq!(lines(&world, &["--app", "editor"]).len(), 0);
    assert_eq!(lines(&world, &["-n", "1"]).len(), 1);
    assert_eq!(lines(&world, &["--since", "1h"]).len(), 5);
    assert_eq!(lines(&world, &["--since", "0s"]).len(), 0);
    world.stop();
    assert_eq!(lines(&world, &[]).len(), 5, "works without a daemon");
}

#[test]
fn a_full_disk_withholds_no_token_and_the_log_resumes_afterwards() {
    let idp = Idp::start();
    let mut world = World::with_config(
        &[crate::world::provider("idp", &idp, "/token", ""), crate::world::account("work", "idp", "")].join("\n"),
    );
    world.through = crate::world::IGNORING_XFSZ.map(str::to_owned).into();
    world.run();
    world.log_in("work");
    // That the login began, and how it ended.
    written(&world, &[], 2);
    let size = std::fs::metadata(world.state().join("audit.jsonl")).unwrap().len();
    world.limit_files(Some(size));
    // The file size limit applies to the daemon's own log, too, so its message can't be checked here.
    world.token("work");
    world.token("work");
    // Refusals of callers without a key go to a file of their own, which is written after the other one.
    let refused = || world.ask_tcp(&Request::get("/token")).status == 401;
    until("both lines were tried", || (refused() && world.state().join("audit-denied.jsonl").exists()).then_some(()));
    world.limit_files(None);
    world.token("work");
    let lines = written(&world, &["--account", "work"], 3);
    assert_eq!(lines.last().unwrap()["event"], "token");
}

#[test]
fn the_audit_log_can_be_disabled() {
    let idp = Idp::start();
    let world = World::start_with(&idp, "", "", "[audit]\nenabled = false\n");
    world.log_in("work");
    world.token("work");
    assert!(!world.state().join("audit.jsonl").exists());
    assert_eq!(lines(&world, &[]).len(), 0);
}

#[test]
fn a_login_has_a_line_for_its_start_and_one_for_its_outcome() {
    let idp = Idp::start();
    let world = World::start_with(&idp, "[serve]\nlogin_timeout = \"1s\"\n", "", "");
    let ends: [(&str, &dyn Fn()); 4] = [
        ("ok granted", &|| world.log_in("work")),
        ("login_failed the login to `work` failed: access was denied at the provider", &|| {
            idp.next_page(Page::Answer("error=access_denied"));
            assert_eq!(world.try_log_in("work").1.status, LoginStatus::Failed);
        }),
        ("login_failed the login to `work` failed: nobody finished it in time", &|| {
            let started = world.start_login("work", "caller_browser");
            assert_eq!(world.login_end(&started.login_id).status, LoginStatus::Failed);
        }),
        ("login_failed the login to `work` failed: the account was logged out meanwhile", &|| {
            world.start_login("work", "caller_browser");
            assert_eq!(world.cli(&["logout"]).0, 0);
        }),
    ];
    let mut before = 0;
    for (end, act) in ends {
        act();
        let of = |line: &Value| line["event"] == "login";
        let both = until(end, || {
            let all: Vec<Value> = lines(&world, &[]).into_iter().filter(of).collect();
            (all.len() == before + 2).then(|| all[before..].to_vec())
        });
        before += 2;
        assert_eq!((&both[0]["result"], &both[0]["reason"]), (&json!("begun"), &Value::Null), "{end}");
        let told = format!("{} {}", both[1]["result"].as_str().unwrap(), both[1]["reason"].as_str().unwrap());
        assert!(told.starts_with(end), "{told}");
    }
    let denied = lines(&world, &["--denied"]);
    assert_eq!(denied.len(), 3, "{denied:?}");
}
