//! Damaged, unreadable and unwritable stores.

use std::os::unix::fs::PermissionsExt;

use ringback::contract::{AccountState, LoginStatus};

use crate::idp::{Act, Idp};
use crate::world::{IGNORING_XFSZ, World, account, mode, names, provider, until};

fn two_accounts(idp: &Idp) -> World {
    let sections = [account("home", "idp", ""), account("work", "idp", "")].concat();
    let mut world = World::with_config(&[provider("idp", idp, "/token", ""), sections].concat());
    world.run();
    world.log_in("home");
    world.log_in("work");
    world
}

type Damage = fn(&mut Vec<u8>);

#[test]
fn a_damaged_file_is_set_aside_and_affects_no_other_account() {
    let damages: [(&str, Damage); 5] = [
        ("a flipped bit at the end", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("cut in half", |bytes| bytes.truncate(bytes.len() / 2)),
        ("empty", Vec::clear),
        ("something else", |bytes| *bytes = b"hello".to_vec()),
        ("something appended", |bytes| bytes.push(0)),
    ];
    for (what, damage) in damages {
        let idp = Idp::start();
        let mut world = two_accounts(&idp);
        let at_home = world.token("home");
        world.stop();
        let mut bytes = std::fs::read(world.sealed("work")).unwrap();
        damage(&mut bytes);
        std::fs::write(world.sealed("work"), &bytes).unwrap();
        world.run();
        assert_eq!(world.token("home"), at_home, "{what}");
        let view = world.account("work");
        assert_eq!((view.state, view.attention_needed), (AccountState::NeedsLogin, true), "{what}");
        let reply = world.get("/v1/accounts/work/token");
        assert!(matches!(reply.code().as_str(), "login_required" | "store_unavailable"), "{what}: {reply:?}");
        let aside: Vec<String> =
            world.account_files().into_iter().filter(|name| name.starts_with("work.sealed.damaged-")).collect();
        assert_eq!(aside.len(), 1, "{what}: {:?}", world.account_files());
        assert_eq!(std::fs::read(world.state().join("accounts").join(&aside[0])).unwrap(), bytes, "{what}");
        assert!(world.log().contains(&aside[0]), "{what}: the log names the file it was moved to");
        world.log_in("work");
        assert!(idp.honours(&world.token("work")), "{what}");
        assert_eq!(world.account_files().len(), 3, "{what}: the damaged file is kept");
    }
}

#[test]
fn a_file_of_another_account_is_not_used() {
    let idp = Idp::start();
    let mut world = two_accounts(&idp);
    world.stop();
    std::fs::copy(world.sealed("home"), world.sealed("work")).unwrap();
    world.run();
    assert_ne!(world.account("work").state, AccountState::Active);
    assert_eq!(world.account("home").state, AccountState::Active);
}

#[test]
fn files_of_another_key_are_untouched_and_work_again_with_their_key() {
    let idp = Idp::start();
    let mut world = two_accounts(&idp);
    let token = world.token("work");
    world.stop();
    let key = world.state().join("master.key");
    let right = std::fs::read(&key).unwrap();
    let sealed = std::fs::read(world.sealed("work")).unwrap();
    let wrong: Vec<u8> =
        right.iter().map(|byte| if byte.is_ascii_digit() { b'0' + (byte - b'0' + 1) % 10 } else { *byte }).collect();
    assert_ne!(wrong, right);
    std::fs::write(&key, &wrong).unwrap();
    world.run();
    let reply = world.get("/v1/accounts/work/token");
    assert_eq!((reply.status, reply.code().as_str()), (423, "store_unavailable"), "{reply:?}");
    assert_eq!(world.cli(&["token", "work"]).0, 9);
    assert_eq!(world.account("work").state, AccountState::StoreUnavailable);
    let login = world.post("/v1/accounts/work/login");
    assert_eq!(login.status, 423, "a login would overwrite a file that the right key can open: {login:?}");
    assert_eq!(world.account_files(), ["home.sealed", "work.sealed"]);
    assert_eq!(std::fs::read(world.sealed("work")).unwrap(), sealed);
    world.stop();
    std::fs::write(&key, &right).unwrap();
    world.run();
    assert_eq!(world.token("work"), token);
}

#[test]
fn a_lost_key_is_not_replaced_while_files_are_sealed_with_it() {
    let idp = Idp::start();
    let mut world = two_accounts(&idp);
    world.stop();
    let key = world.state().join("master.key");
    let aside = world.state().join("master.key.aside");
    std::fs::rename(&key, &aside).unwrap();
    let (code, _, err) = world.cli(&["serve"]);
    assert_eq!(code, 9, "{err}");
    assert!(err.contains("master.key") && !key.exists(), "{err}");
    std::fs::rename(&aside, &key).unwrap();
    world.run();
    assert_eq!(world.account("work").state, AccountState::Active);
}

#[test]
fn all_files_are_private_and_encrypted() {
    let idp = Idp::start();
    let world = two_accounts(&idp);
    for folder in [world.state(), world.state().join("accounts"), world.runtime()] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for name in names(&folder) {
            let path = folder.join(&name);
            let wanted = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode(&path), wanted, "{}", path.display());
            if path.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                assert!(!bytes.windows(6).any(|window| window == b"canary"), "{}", path.display());
            }
        }
    }
    assert_eq!(names(&world.runtime()), ["endpoint.json", "ringback.sock"]);
}

#[test]
fn a_folder_or_file_that_others_can_read_is_refused() {
    let idp = Idp::start();
    for (name, wrong, right) in [("", 0o755, 0o700), ("accounts", 0o750, 0o700), ("master.key", 0o644, 0o600)] {
        let mut world = World::start(&idp);
        world.stop();
        let path = world.state().join(name);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(wrong)).unwrap();
        let (code, _, err) = world.cli(&["serve"]);
        assert_eq!(code, 9, "{name}: {err}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(right)).unwrap();
        world.run();
    }
}

#[test]
fn with_an_unwritable_store_no_refresh_is_sent_and_the_token_is_still_served() {
    let idp = Idp::start();
    let config = [provider("idp", &idp, "/token", ""), account("work", "idp", "")].concat();
    let mut world = World::with_config(&config);
    world.through = IGNORING_XFSZ.map(str::to_owned).to_vec();
    // The log is a file, too: a failed write there must not matter.
    world.run();
    world.log_in("work");
    let token = world.token("work");
    world.limit_files(Some(0));
    let reply = world.post("/v1/accounts/work/refresh");
    assert_eq!((reply.status, reply.code().as_str()), (423, "store_unavailable"), "{reply:?}");
    assert_eq!(idp.refreshes(), 0, "no refresh whose result could not be stored");
    assert_eq!(world.token("work"), token);
    assert!(world.account("work").attention_needed);
    let (_, end) = world.try_log_in("work");
    assert_eq!(end.status, LoginStatus::Failed);
    let failure = end.failure.unwrap();
    assert_eq!(failure.error.row().name, "store_unavailable", "{failure:?}");
    assert_eq!(world.token("work"), token, "a token that was not stored is not served");
    world.limit_files(None);
    until("the account has recovered", || {
        Some(world.account("work")).filter(|view| view.last_error.is_none() && view.generation == 2)
    });
    assert_ne!(world.token("work"), token, "the login was kept in memory and is written as soon as possible");
    assert_eq!(world.account_files(), ["work.sealed"]);
    world.restart();
    assert!(idp.honours(&world.token("work")));
}

#[test]
fn a_new_token_is_not_served_until_it_is_stored() {
    let idp = Idp::living(3);
    let config = [provider("idp", &idp, "/token", ""), account("work", "idp", "")].concat();
    let mut world = World::with_config(&config);
    world.through = IGNORING_XFSZ.map(str::to_owned).to_vec();
    world.run();
    world.log_in("work");
    let old = world.token("work");
    idp.set_lifetime(3600);
    idp.next(Act::WorkAndHold);
    idp.until_holding();
    // The intent is on disk and the request is sent; now the disk fails.
    world.limit_files(Some(0));
    idp.release();
    until("the failure is told", || world.account("work").last_error);
    let target = "/v1/accounts/work/token?wait=0";
    let reply = until("the old token has expired", || {
        let reply = world.get(target);
        assert!(
            reply.status != 200 || reply.json()["access_token"] == old.as_str(),
            "served before it was stored: {reply:?}"
        );
        (reply.status != 200).then_some(reply)
    });
    assert_eq!((reply.status, reply.code().as_str()), (423, "store_unavailable"), "{reply:?}");
    world.limit_files(None);
    let new = until("the new token is kept", || {
        let reply = world.get(target);
        (reply.status == 200).then(|| reply.json()["access_token"].as_str().unwrap().to_owned())
    });
    assert!(idp.honours(&new) && new != old);
    world.kill();
    world.run();
    assert_eq!(world.token("work"), new);
    assert_eq!((idp.refreshes(), idp.reuses()), (1, 0), "requested once, stored as soon as possible");
}
