//! State folders that earlier versions wrote (`tests/fixtures/state`): today's daemon goes on with each of them.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ringback::store::key::MasterKey;
use ringback::store::record::SCHEMA;
use ringback::store::seal;
use serde_json::Value;

use crate::http::Request;
use crate::idp::Idp;
use crate::world::{World, names, until};

/// Where `make.py` had its provider: the tokens are bound to that.
const PROVIDER: &str = "127.83.65.1:7468";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state")
}

fn fixtures() -> Vec<String> {
    let mut names = names(&folder());
    names.retain(|name| folder().join(name).is_dir());
    names
}

/// Private, as the daemon wants it and git does not keep it.
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

/// The config that the folder was made with.
fn config(passphrase: bool) -> String {
    let key = if passphrase { "passphrase" } else { "file" };
    let account = "provider = \"fixture\"\nclient_id = \"fixture-client\"\nclient_secret = \"fixture-secret\"\n";
    format!(
        "[store]\nkey = \"{key}\"\n[providers.fixture]\npreset = \"generic\"\n\
         authorize_url = \"http://{PROVIDER}/authorize\"\ntoken_url = \"http://{PROVIDER}/token\"\n\
         [accounts.work]\n{account}[accounts.home]\nconsent = \"ask\"\n{account}"
    )
}

/// What `ringback export` wrote when its document had version 1 still opens.
#[test]
fn a_house_that_was_packed_before_is_still_taken_over() {
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

/// The schema of what is stored, where the key lies beside it.
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

/// Starts today's daemon on a copy and shows that everything in it is still good.
fn goes_on_with(name: &str, idp: &Idp) {
    let about: Value = serde_json::from_slice(&std::fs::read(folder().join(name).join("about.json")).unwrap()).unwrap();
    let accounts: Vec<&str> = about["accounts"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let tokens = |account: &&str| (format!("fixture-access-{account}"), format!("fixture-refresh-{account}"));
    idp.has_issued(&accounts.iter().map(tokens).collect::<Vec<_>>());

    let phrase = about["passphrase"].as_str();
    let mut world = World::with_config(&config(phrase.is_some()));
    copy(&folder().join(name).join("state"), &world.state());
    let app_key = std::fs::read_to_string(world.state().join("app.key")).unwrap();
    world.run();
    phrase.inspect(|phrase| unlock(&world, phrase));
    assert_eq!(world.key(), app_key.trim(), "{name}: the key file is the same");

    // `home` asks, and what was answered is remembered.
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
        let reply = world.post(&format!("/v1/accounts/{account}/refresh"));
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
        assert_eq!(idp.seen()[number].parameters()["refresh_token"], format!("fixture-refresh-{account}"), "{name}");
        assert_eq!(schema(&world.state(), account).unwrap_or(SCHEMA), SCHEMA, "{name}: written anew as of today");
    }
    assert!(idp.honours(&world.token("work")), "{name}");
    let token = world.token("work");
    world.restart();
    phrase.inspect(|phrase| unlock(&world, phrase));
    assert_eq!(world.token("work"), token, "{name}");
}

#[test]
fn todays_daemon_goes_on_with_every_state_folder_that_was_ever_written() {
    let fixtures = fixtures();
    // Another run of these tests may have the address just now.
    let idp = Idp::at(until("the provider's address is free", || TcpListener::bind(PROVIDER).ok()));
    for name in &fixtures {
        goes_on_with(name, &idp);
    }
    let schemas: Vec<u32> =
        fixtures.iter().filter_map(|name| schema(&folder().join(name).join("state"), "work")).collect();
    for wanted in 1..=SCHEMA {
        assert!(schemas.contains(&wanted), "there is none with records of schema {wanted}: see the README beside them");
    }
}
