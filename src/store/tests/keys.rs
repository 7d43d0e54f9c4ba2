//! Sources of the master key, and sources that are refused.

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::Mutex;

use zeroize::Zeroizing;

use super::*;
use crate::os::keyring::KeyringError;
use crate::secret::source::KeySource;
use crate::store::key::source::{self, Keyring, OsKeyring, Outside};

/// An in-memory keyring, or an absent one.
pub(super) struct Ring(pub(super) Option<Mutex<HashMap<String, Vec<u8>>>>);

impl Ring {
    pub(super) fn absent() -> Self {
        Self(None)
    }

    pub(super) fn empty() -> Self {
        Self(Some(Mutex::default()))
    }

    fn items(&self) -> Result<&Mutex<HashMap<String, Vec<u8>>>, KeyringError> {
        self.0.as_ref().ok_or_else(|| KeyringError::NoService { why: "a test".into() })
    }
}

impl Keyring for Ring {
    fn get(&self, service: &str, user: &str) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        let none = KeyringError::NoEntry { service: service.into(), user: user.into() };
        self.items()?.lock().unwrap().get(user).cloned().map(Zeroizing::new).ok_or(none)
    }

    fn set(&self, _service: &str, user: &str, secret: &[u8]) -> Result<(), KeyringError> {
        self.items()?.lock().unwrap().insert(user.into(), secret.into());
        Ok(())
    }

    fn delete(&self, service: &str, user: &str) -> Result<(), KeyringError> {
        let none = KeyringError::NoEntry { service: service.into(), user: user.into() };
        self.items()?.lock().unwrap().remove(user).map(drop).ok_or(none)
    }
}

/// For key sources that use neither the environment nor the keyring.
pub(super) const NOTHING: Outside<'static> = Outside { env: &|_| None, keyring: &OsKeyring };

fn ask(held: &StateLock, source: &KeySource, ring: &Ring, credentials: Option<&Path>) -> Result<Obtained, StoreError> {
    let env = |name: &str| credentials.filter(|_| name == "CREDENTIALS_DIRECTORY").map(OsString::from);
    source::obtain(source, &held.folder, held.which_start()?, &Outside { env: &env, keyring: ring })
}

/// The key from `source`, without keyring and environment.
pub(super) fn from(held: &StateLock, source: &KeySource) -> Result<Obtained, StoreError> {
    ask(held, source, &Ring::absent(), None)
}

fn seal_one(held: StateLock, obtained: &Obtained) -> StateLock {
    let payload = crate::store::record::encode(&record(1)).unwrap();
    let sealed = crate::store::seal::seal(&obtained.key, "work", 1, &payload, &mut rand::rng()).unwrap();
    held.folder.subfolder("accounts").unwrap().write("work.sealed", &sealed).unwrap();
    held
}

fn refused(result: Result<Obtained, StoreError>, word: &str) {
    match result {
        Err(StoreError::Key { why, .. } | StoreError::KeyNotYet { why, .. }) => assert!(why.contains(word), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_file_is_created_at_the_first_start_only() {
    let folder = tempdir();
    let held = StateLock::take(folder.path()).unwrap();
    let made = from(&held, &KeySource::File).unwrap();
    assert!(made.from.contains("master.key"), "{}", made.from);
    assert_eq!(from(&held, &KeySource::File).unwrap().key.id(), made.key.id());

    let held = seal_one(held, &made);
    let path = folder.path().join("master.key");
    std::fs::remove_file(&path).unwrap();
    refused(from(&held, &KeySource::File), "encrypted with that key");
    refused(from(&held, &KeySource::Auto), "Secret Service");
    refused(ask(&held, &KeySource::Keyring, &Ring::empty(), None), "encrypted with that key");
    refused(ask(&held, &KeySource::Auto, &Ring::empty(), None), "encrypted with that key");
    assert!(!path.exists(), "no new key is made");
}

#[test]
fn a_readable_linked_or_damaged_key_file_is_refused() {
    let folder = tempdir();
    let held = StateLock::take(folder.path()).unwrap();
    from(&held, &KeySource::File).unwrap();
    let path = folder.path().join("master.key");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    for source in [KeySource::File, KeySource::Auto] {
        assert!(matches!(from(&held, &source), Err(StoreError::Unsafe { why, .. }) if why.contains("chmod 600")));
    }
    std::fs::rename(&path, folder.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
    assert!(matches!(from(&held, &KeySource::File), Err(StoreError::Unsafe { .. })));
    std::fs::remove_file(&path).unwrap();
    for broken in ["", "deadbeef"] {
        put(&path, broken.as_bytes());
        assert!(matches!(from(&held, &KeySource::File), Err(StoreError::Key { .. })));
    }
}

#[test]
fn auto_remembers_its_first_choice() {
    let (folder, ring) = (tempdir(), Ring::empty());
    let held = StateLock::take(folder.path()).unwrap();
    let made = ask(&held, &KeySource::Auto, &ring, None).unwrap();
    assert_eq!(made.from, "the OS keyring");
    assert_eq!(ask(&held, &KeySource::Auto, &ring, None).unwrap().key.id(), made.key.id());
    refused(ask(&held, &KeySource::Auto, &Ring::absent(), None), "Secret Service");
    std::fs::remove_file(folder.path().join("key-source")).unwrap();
    let held = seal_one(held, &made);
    refused(ask(&held, &KeySource::Auto, &Ring::absent(), None), "Secret Service");
    assert_eq!(
        ask(&held, &KeySource::Auto, &ring, None).unwrap().key.id(),
        made.key.id(),
        "found without `key-source`"
    );
    assert!(!folder.path().join("master.key").exists());

    let folder = tempdir();
    let held = StateLock::take(folder.path()).unwrap();
    let made = ask(&held, &KeySource::Auto, &Ring::absent(), None).unwrap();
    assert_eq!(
        ask(&held, &KeySource::Auto, &ring, None).unwrap().key.id(),
        made.key.id(),
        "a keyring that appeared later is not used"
    );
}

#[test]
fn a_credential_is_a_plain_name_in_systemds_folder() {
    let folder = tempdir();
    let held = StateLock::take(&folder.path().join("state")).unwrap();
    let credentials = folder.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    put(&credentials.join("key"), "ab".repeat(32).as_bytes());
    put(&folder.path().join("outside"), "cd".repeat(32).as_bytes());
    let ask = |name: &str, env| ask(&held, &KeySource::Credential(name.into()), &Ring::absent(), env);
    let found = ask("key", Some(&*credentials)).unwrap();
    assert_eq!(*found.key.to_hex(), "ab".repeat(32));
    refused(ask("../outside", Some(&credentials)), "plain file name");
    refused(ask("absent", Some(&credentials)), "No such file");
    refused(ask("key", None), "LoadCredential");
    std::fs::set_permissions(credentials.join("key"), PermissionsExt::from_mode(0o444)).unwrap();
    refused(ask("key", Some(&credentials)), "everybody");
}

#[test]
fn a_command_prints_the_key_and_errors_contain_none_of_it() {
    let folder = tempdir();
    let held = StateLock::take(folder.path()).unwrap();
    let run = |script: &str| {
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        from(&held, &KeySource::Command(argv))
    };
    let found = run(&format!("echo {}", "ab".repeat(32))).unwrap();
    assert_eq!((&**found.key.to_hex(), &*found.from), (&*"ab".repeat(32), "command sh"));
    refused(run("echo canary; exit 3"), "exit status: 3");
    refused(run("echo canary"), "neither");
    refused(run("head -c 1000000 /dev/zero"), "failed");
    refused(run("sleep 2 & echo canary"), "without closing");
    refused(from(&held, &KeySource::Command(vec!["/no/such/program".into()])), "did not start");
}
