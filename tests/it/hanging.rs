//! A hanging provider must not delay lock, reload and stop. Also, token requests that are in flight when the store is
//! locked or the daemon stops.

use std::fmt::Write as _;

use ringback::contract::{LoginStarted, LoginStatus};
use rustix::process::Signal;
use serde_json::json;

use crate::idp::{Act, Idp, plain};
use crate::world::{World, account, told, until};

const ACCOUNTS: usize = 24;

fn of_issuer(idp: &Idp, accounts: usize) -> String {
    let mut config =
        format!("[providers.issuer]\npreset = \"generic\"\ndiscover = true\nissuer = \"{}\"\n", idp.url(""));
    for number in 0..accounts {
        config.write_str(&account(&format!("a{number}"), "issuer", "")).unwrap();
    }
    config
}

/// Accounts whose tokens have expired, at an issuer that hangs.
fn hung(idp: &Idp) -> World {
    let mut world = World::start_patient(&of_issuer(idp, ACCOUNTS));
    for number in 0..ACCOUNTS {
        world.log_in(&format!("a{number}"));
    }
    world.stop();
    // Remove the cached metadata, so that it is requested again.
    std::fs::remove_dir_all(world.state().join("metadata")).unwrap();
    idp.hang();
    let asked = idp.seen().len();
    world.run();
    until("the issuer is asked", || (idp.seen().len() > asked).then_some(()));
    world
}

#[test]
fn lock_reload_and_stop_do_not_wait_for_a_hanging_issuer() {
    let idp = Idp::living(1);
    let mut world = hung(&idp);
    world.configure(&of_issuer(&idp, ACCOUNTS + 1));
    world.signal(Signal::HUP);
    until("the new account is there", || (world.get("/v1/accounts/a24").status == 200).then_some(()));
    let mut lock = world.command(&["lock"]).spawn().unwrap();
    let status = until("it is locked", || lock.try_wait().unwrap());
    assert!(status.success(), "{status}");
    let asked = idp.seen().len();
    assert_eq!(world.cli(&["unlock"]).0, 0);
    until("the issuer is asked again", || {
        world.get("/v1/accounts/a0/token?wait=0");
        (idp.seen().len() > asked).then_some(())
    });
    world.stop();
}

/// Kinds of logins that need no browser.
const KINDS: [&str; 2] = ["device", "password"];

/// A login of this kind whose token reply is held.
fn on_its_way(idp: &Idp, kind: &str) -> (World, LoginStarted) {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "PASSWORD~canary").unwrap();
    std::fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let more = match kind {
        "device" => "grant = \"device_code\"".to_owned(),
        _ => format!("grant = \"password\"\nusername = \"ann\"\npassword_file = \"{}\"", password.display()),
    };
    let device = json!({
        "device_code": "DEVICE~canary",
        "user_code": "AB-CD",
        "verification_uri": idp.url("/device"),
        "expires_in": 900,
        "interval": 1,
    });
    idp.next_at("/device", Act::Raw(plain(200, "application/json", device.to_string())));
    idp.next(Act::WorkAndHold);
    let world = World::start_with(idp, "", &format!("device_url = \"{}\"", idp.url("/device")), &more);
    let via = if kind == "device" { "device" } else { "caller_browser" };
    let started = world.start_login("work", via);
    idp.until_holding();
    (world, started)
}

#[test]
fn a_lock_stores_a_login_whose_token_request_is_in_flight() {
    for kind in KINDS {
        let idp = Idp::start();
        let (world, started) = on_its_way(&idp, kind);
        let lock = world.command(&["lock"]).spawn().unwrap();
        until("callers are turned away", || (world.get("/v1/accounts/work/token?wait=0").status == 423).then_some(()));
        idp.release();
        let (code, _, said) = told(lock.wait_with_output().unwrap());
        assert_eq!(code, 0, "{kind}: {said}");
        let end = world.login_end(&started.login_id);
        assert_eq!(end.status, LoginStatus::Succeeded, "{kind}: {end:?}");
        assert_eq!(world.get("/v1/accounts/work/token?wait=0").status, 423, "{kind}");
        assert_eq!(world.cli(&["unlock"]).0, 0);
        assert!(idp.honours(&world.token("work")), "{kind}");
    }
}

#[test]
fn a_stop_stores_a_login_whose_token_request_is_in_flight() {
    for kind in KINDS {
        let idp = Idp::start();
        let (mut world, _) = on_its_way(&idp, kind);
        world.signal(Signal::TERM);
        world.until_logged("stopping");
        idp.release();
        assert!(world.ended().success(), "{kind}");
        world.run();
        assert!(idp.honours(&world.token("work")), "{kind}");
    }
}
