//! Changes that a reload applies, changes that need a restart, and mistakes in the config. Also the app key and its
//! file, whatever fails between the two writes.

use rustix::process::Signal;
use serde_json::Value;
use std::os::unix::process::ExitStatusExt as _;

use crate::http::Request;
use crate::idp::Idp;
use crate::world::{IGNORING_XFSZ, World, account, names, provider, until};

const TOKEN: &str = "/v1/accounts/work/token?wait=0";

fn key_works(world: &World) -> bool {
    let key = format!("Bearer {}", world.key());
    world.ask_tcp(&Request::new("GET", "/v1/accounts").header("Authorization", &key)).status == 200
}

#[test]
fn the_key_file_has_a_working_key_wherever_a_rotation_is_interrupted() {
    let idp = Idp::start();
    let mut world = World::with_config(&World::config_of(&idp, "", "", ""));
    world.through = IGNORING_XFSZ.map(String::from).to_vec();
    world.run();
    let before = world.key();
    world.limit_files(Some(10));
    let (code, _, said) = world.cli(&["app", "rotate", "default"]);
    assert_eq!(code, 9, "{said}");
    assert!(world.key() == before && key_works(&world), "a full disk");
    world.limit_files(None);
    assert_eq!(world.cli(&["app", "rotate", "default"]).0, 0);
    assert!(world.key() != before && key_works(&world));
    world.stop();
    for step in ["app_listed", "app_key_written"] {
        world.run_until(step);
        let mut wire = world.wire();
        wire.send(&Request::new("POST", "/v1/apps/default/rotate").bytes("localhost"));
        assert_eq!(world.ended().signal(), Some(9), "{step} was not reached");
        let key = world.key();
        world.run();
        assert!(world.key() == key && key_works(&world), "{step}");
        world.stop();
    }
}

fn accounts(world: &World) -> Value {
    world.get("/v1/accounts").json()
}

#[test]
fn mistakes_in_the_config_are_shown_until_they_are_fixed() {
    let idp = Idp::start();
    let good = [provider("idp", &idp, "/token", ""), account("work", "idp", "")].concat();
    let bad = format!("{good}{}", account("bad", "idp", "hook = 7"));
    let mut world = World::with_config(&bad);
    world.run();
    world.log_in("work");
    let mistakes = accounts(&world)["mistakes"].clone();
    assert_eq!((mistakes.as_array().unwrap().len(), &mistakes[0]["account"]), (1, &Value::from("bad")));
    assert!(mistakes[0]["message"].as_str().unwrap().contains("accounts.bad.hook: "), "{mistakes}");
    let (code, text, _) = world.cli(&["status"]);
    assert!(code == 4 && text.contains("skipped") && text.contains("accounts.bad.hook: "), "{code} {text}");

    world.configure(&format!("{good}[serve]\nwaits = 1\n"));
    world.signal(Signal::HUP);
    until("the refusal is shown", || accounts(&world).get("reload_refused").cloned());
    let (_, text, _) = world.cli(&["status"]);
    assert!(text.contains("and refused") && text.contains("serve.waits: "), "{text}");

    world.configure(&good);
    world.signal(Signal::HUP);
    until("all mistakes are fixed", || {
        let reply = accounts(&world);
        (reply.get("reload_refused").is_none() && reply.get("mistakes").is_none()).then_some(())
    });
    assert_eq!(world.cli(&["status"]).0, 0);
}

#[test]
fn config_reload_says_whether_the_daemon_has_read_the_file() {
    let idp = Idp::start();
    let good = [provider("idp", &idp, "/token", ""), account("work", "idp", "")].concat();
    let mut world = World::with_config(&good);
    let reload = |world: &World| world.cli(&["config", "reload", "--json"]);
    let (code, out, _) = reload(&world);
    assert!(code == 3 && out.contains("\"no_daemon\""), "{code} {out}");
    world.run();
    let reads = |world: &World| accounts(world)["config_reads"].as_u64().unwrap();
    assert_eq!(reads(&world), 1);
    assert_eq!(reload(&world).1, "{\"reloaded\":true,\"version\":1}\n");
    assert_eq!(world.cli(&["config", "reload"]).2, "The daemon has read the config.\n");
    assert_eq!(reads(&world), 3);

    // The daemon's other file is right, so only the daemon knows of its own.
    world.configure(&format!("{good}[serve]\nwaits = 1\n"));
    let right = world.root().join("right.toml");
    std::fs::write(&right, &good).unwrap();
    let right = right.to_str().unwrap();
    for (arguments, says) in [
        (&["config", "reload"][..], "the config has a mistake"),
        (&["config", "reload", "--config", right], "the daemon refused the config, and keeps the one that it has"),
        // At once, with the same mistakes.
        (&["config", "reload", "--config", right], "the daemon refused the config, and keeps the one that it has"),
    ] {
        let (code, out, said) = world.cli(arguments);
        assert!(code == 2 && out.is_empty(), "{code} {out}");
        assert!(said.contains(says) && said.contains("serve.waits: "), "{said}");
    }
    world.configure(&good);
    assert_eq!(reload(&world).0, 0);
    assert!(accounts(&world).get("reload_refused").is_none());
}

#[test]
fn audit_changes_take_effect_and_changes_that_need_a_restart_are_named() {
    let idp = Idp::start();
    let with = |top: &str| format!("{top}{}{}", provider("idp", &idp, "/token", ""), account("work", "idp", ""));
    let mut world = World::with_config(&with(""));
    world.run();
    world.log_in("work");
    let audit = || std::fs::read_to_string(world.state().join("audit.jsonl")).unwrap_or_default();
    let tokens = || audit().matches(r#""event":"token""#).count();
    for number in [1, 2, 3, 40] {
        std::fs::write(world.state().join(format!("audit.{number}.jsonl")), "").unwrap();
    }
    world.configure(&with("[store]\nlock_on_suspend = true\n[audit]\nenabled = false\n"));
    world.signal(Signal::HUP);
    world.until_logged("`store.lock_on_suspend` changed: it takes effect after a restart");
    world.until_logged("the config was reloaded");
    let before = tokens();
    assert_eq!(world.get(TOKEN).status, 200);
    world.configure(&with("[audit]\nkeep = 2\n"));
    world.signal(Signal::HUP);
    until("older files are gone", || (!world.state().join("audit.3.jsonl").exists()).then_some(()));
    let left = names(&world.state()).into_iter().filter(|name| name.starts_with("audit.")).count();
    assert_eq!(left, 3);
    until("tokens are written down again", || {
        assert_eq!(world.get(TOKEN).status, 200);
        (tokens() > before).then_some(())
    });
}
