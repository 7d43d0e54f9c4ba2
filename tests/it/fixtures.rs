//! State folders written by earlier versions (`tests/fixtures/state`): the current daemon can use each of them.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ringback::store::key::MasterKey;
use ringback::store::record::{SCHEMA, WITHOUT_KEY};
use ringback::store::seal;
use serde_json::Value;

use crate::http::Request;
use crate::idp::{Act, Idp, plain};
use crate::world::{World, names, until_within};

/// The address of the provider in `make.py`: the tokens are bound to it.
const PROVIDER: &str = "127.83.65.1:7468";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state")
}

fn fixtures() -> Vec<String> {
    let mut names = names(&folder());
    names.retain(|name| folder().join(name).is_dir());
    names
}

/// Copies with private modes, which the daemon requires and git does not record.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    std::fs::set_permissions(to, PermissionsExt::from_mode(0o700)).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
            std::fs::set_permissions(&to, PermissionsExt::from_mode(0o600)).unwrap();
        }
    }
}

/// The config with which the folder was created.
fn config(passphrase: bool) -> String {
    let key = if passphrase { "passphrase" } else { "file" };
    let account = "provider = \"fixture\"\nclient_id = \"fixture-client\"\nclient_secret = \"fixture-secret\"\n";
    format!(
        "[store]\nkey = \"{key}\"\n[providers.fixture]\npreset = \"generic\"\n\
         authorize_url = \"http://{PROVIDER}/authorize\"\ntoken_url = \"http://{PROVIDER}/token\"\n\
         [accounts.work]\n{account}[accounts.home]\nconsent = \"ask\"\n{account}"
    )
}

/// A document of version 1 of `ringback export` can still be imported.
#[test]
fn an_old_export_can_still_be_imported() {
    let mut world = World::with_config(&config(false));
    let phrase = world.root().join("phrase");
    std::fs::write(&phrase, "fixture passphrase of nobody\n").unwrap();
    std::fs::set_permissions(&phrase, PermissionsExt::from_mode(0o600)).unwrap();
    let file = folder().join("../export/version-1.age");
    let arguments = ["import", "--from", file.to_str().unwrap(), "--passphrase-file", phrase.to_str().unwrap()];
    let (code, _, said) = world.cli(&arguments);
    assert!(code == 0 && said.contains("home: imported\nwork: imported\n"), "{said}");
    world.run();
    assert_eq!(world.token("work"), "fixture-access-work");
}

/// The schema of a stored record, if its key is in the same folder.
fn schema(state: &Path, account: &str) -> Option<u32> {
    let key = MasterKey::parse(&std::fs::read(state.join("master.key")).ok()?).unwrap();
    let file = std::fs::read(state.join(format!("accounts/{account}.sealed"))).unwrap();
    let record: Value = serde_json::from_slice(&seal::open(&key, account, &file).unwrap().payload).unwrap();
    Some(u32::try_from(record["schema"].as_u64().unwrap()).unwrap())
}

fn unlock(world: &World, phrase: &str) {
    let body = serde_json::json!({"passphrase": phrase}).to_string();
    assert_eq!(world.ask(&Request::new("POST", "/v1/unlock").json(&body)).status, 200);
}

/// Starts the current daemon on a copy and checks that everything in it still works.
fn check_fixture(name: &str, idp: &Idp) {
    let about: Value = serde_json::from_slice(&std::fs::read(folder().join(name).join("about.json")).unwrap()).unwrap();
    let accounts: Vec<&str> = about["accounts"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let tokens = |account: &&str| (format!("fixture-access-{account}"), format!("fixture-refresh-{account}"));
    idp.has_issued(&accounts.iter().map(tokens).collect::<Vec<_>>());

    let phrase = about["passphrase"].as_str();
    let bound: Vec<&str> = about["bound"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut config = config(phrase.is_some());
    for account in &bound {
        let section = format!("[accounts.{account}]\n");
        config = config.replace(&section, &format!("{section}dpop = true\nhand_out_dpop = true\n"));
    }
    let mut world = World::with_config(&config);
    copy(&folder().join(name).join("state"), &world.state());
    let app_key = std::fs::read_to_string(world.state().join("app.key")).unwrap();
    world.run();
    phrase.inspect(|phrase| unlock(&world, phrase));
    assert_eq!(world.key(), app_key.trim(), "{name}: the key file is the same");

    // `home` needs consent, and the old answer is remembered.
    let mut keys = vec![("work", app_key.trim())];
    keys.extend(about["keys"]["editor"].as_str().map(|key| ("home", key)));
    for (account, key) in keys {
        let request = Request::get(&format!("/v1/accounts/{account}/token?wait=0"));
        let reply = world.ask_tcp(&request.header("Authorization", &format!("Bearer {key}")));
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
        assert_eq!(reply.json()["access_token"], format!("fixture-access-{account}"), "{name}");
        assert_eq!((&reply.json()["scope"], &reply.json()["extra"]["shard"]), (&"one two".into(), &"eu-1".into()));
    }
    for (number, account) in accounts.iter().enumerate() {
        let is_bound = bound.contains(account);
        if is_bound {
            let reply = r#"{"access_token":"bound","token_type":"DPoP","expires_in":3600}"#;
            idp.next(Act::Raw(plain(200, "application/json", reply)));
        }
        let reply = world.post(&format!("/v1/accounts/{account}/refresh"));
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
        assert_eq!(idp.seen()[number].parameters()["refresh_token"], format!("fixture-refresh-{account}"), "{name}");
        assert_eq!(idp.seen()[number].header("dpop").is_some(), is_bound, "{name}: the key proves itself");
        let current = if is_bound { SCHEMA } else { WITHOUT_KEY };
        assert_eq!(schema(&world.state(), account).unwrap_or(current), current, "{name}: the current schema");
    }
    let token = world.token("work");
    assert!(if bound.contains(&"work") { token == "bound" } else { idp.honours(&token) }, "{name}");
    world.restart();
    phrase.inspect(|phrase| unlock(&world, phrase));
    assert_eq!(world.token("work"), token, "{name}");
}

#[test]
fn the_current_daemon_can_use_every_earlier_state_folder() {
    let fixtures = fixtures();
    // Another test run may be using the address, for as long as this test takes on a busy machine.
    let free = || TcpListener::bind(PROVIDER).ok();
    let idp = Idp::at(until_within(Duration::from_secs(600), "the provider's address is free", free));
    for name in &fixtures {
        check_fixture(name, &idp);
    }
    let schemas: Vec<u32> =
        fixtures.iter().filter_map(|name| schema(&folder().join(name).join("state"), "work")).collect();
    for wanted in 1..=SCHEMA {
        assert!(schemas.contains(&wanted), "no fixture has records of schema {wanted}: see their README");
    }
}
