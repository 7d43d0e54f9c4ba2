//! Rekeying: from every key source to every other, interrupted or failed.

use std::collections::BTreeMap;

use super::keys::Ring;
use super::*;
use crate::contract::StoreState;
use crate::os::keyring::KeyringError;
use crate::secret::Passphrase;
use crate::secret::source::KeySource;
use crate::store::Opening;
use crate::store::key::source::{Keyring, Outside};
use crate::store::rekey::NewPlace;

const FIRST: &str = "correct horse battery";
const SECOND: &str = "another fine passphrase";

/// A leaked keyring: a store requires a `'static` one.
fn ring() -> &'static Ring {
    Box::leak(Box::new(Ring::empty()))
}

fn opened(state: &Path, source: &KeySource, ring: &'static Ring, passphrase: &str) -> FileStore {
    let outside = Outside { env: &|_| None, keyring: ring };
    let store = FileStore::open(StateLock::take(state).unwrap(), source, outside, Clock::System).unwrap();
    match store.state() {
        StoreState::Unlocked => {}
        StoreState::PassphraseUnset => store.unlock(&Opening::First(Passphrase::new(passphrase))).unwrap(),
        _ => store.unlock(&Opening::Passphrase(Passphrase::new(passphrase))).unwrap(),
    }
    store
}

fn fill(store: &FileStore) {
    store.commit("home", &record(7)).unwrap();
    store.commit("work", &record(1)).unwrap();
    store.begin("work", &intended(1)).unwrap();
}

/// Asserts that all records are there with their generations and intents.
fn is_whole(store: &FileStore, context: &str) {
    let home = store.load("home").unwrap().unwrap();
    let work = store.load("work").unwrap().unwrap();
    assert_eq!((home.generation, work.generation, work.intent.is_some()), (7, 1, true), "{context}");
    assert_eq!(home.tokens.refresh_token.unwrap().expose(), "refresh-7", "{context}");
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    names(folder).into_iter().map(|name| (name.clone(), std::fs::read(folder.join(name)).unwrap_or_default())).collect()
}

fn to(place: &str) -> NewPlace {
    match place {
        "file" => NewPlace::File,
        "keyring" => NewPlace::Keyring,
        _ => NewPlace::Passphrase(Passphrase::new(SECOND)),
    }
}

fn source(place: &str) -> KeySource {
    match place {
        "file" => KeySource::File,
        "keyring" => KeySource::Keyring,
        "passphrase" => KeySource::Passphrase,
        _ => KeySource::Auto,
    }
}

#[test]
fn rekeying_between_all_sources_keeps_all_accounts_and_removes_the_old_key() {
    for from in ["file", "keyring", "passphrase", "auto"] {
        for place in ["file", "keyring", "passphrase"] {
            let context = format!("from {from} to {place}");
            let (folder, ring) = (tempdir(), ring());
            let (state, source) = (folder.path(), source(from));
            let store = opened(state, &source, ring, FIRST);
            fill(&store);
            let before = files(state);
            let sealed = files(&state.join("accounts"));
            let keys = ring.0.as_ref().unwrap().lock().unwrap().clone();
            assert_eq!(store.rekey(&to(place), ring).unwrap().accounts, ["home", "work"], "{context}");
            assert!(
                matches!(store.load("home"), Err(StoreError::Locked)),
                "{context}: the locked store has the old key"
            );
            assert!(!store.rekey_is_half_done(), "{context}");
            drop(store);
            let after = files(state);
            for (name, had) in [("master.key", place == "file"), ("passphrase.toml", place == "passphrase")] {
                assert_eq!(after.contains_key(name), had, "{context}: {name}");
                assert!(!had || after.get(name) != before.get(name), "{context}: the key changed");
            }
            let now = ring.0.as_ref().unwrap().lock().unwrap().clone();
            assert_eq!(now.len(), usize::from(place == "keyring"), "{context}");
            assert!(now.iter().all(|(user, key)| keys.get(user) != Some(key)), "{context}");
            for (name, bytes) in files(&state.join("accounts")) {
                assert_ne!(sealed[&name], bytes, "{context}: {name}");
            }
            assert!(
                after.keys().all(|name| !name.contains("next") && name != "rekey"),
                "{context}: {:?}",
                after.keys()
            );
            // The config may still name the old source. Opened twice, since the note about the new one must stay.
            for _ in 0..2 {
                let store = opened(state, &source, ring, SECOND);
                is_whole(&store, &context);
                store.commit("home", &record(7)).unwrap();
            }
        }
    }
}

#[test]
fn repeated_rekeys_leave_only_the_newest_key() {
    let (folder, ring) = (tempdir(), ring());
    fill(&opened(folder.path(), &KeySource::File, ring, FIRST));
    for place in ["keyring", "keyring", "passphrase", "passphrase", "keyring", "file", "file", "keyring"] {
        let store = opened(folder.path(), &KeySource::File, ring, SECOND);
        store.rekey(&to(place), ring).unwrap();
        drop(store);
        is_whole(&opened(folder.path(), &KeySource::File, ring, SECOND), place);
        assert!(ring.0.as_ref().unwrap().lock().unwrap().len() <= 1, "{place}");
    }
    let user = folder.path().to_string_lossy().into_owned();
    assert_eq!(ring.0.as_ref().unwrap().lock().unwrap().keys().collect::<Vec<_>>(), [&user]);
}

#[test]
fn after_a_rekey_only_the_new_passphrase_opens_the_store() {
    let (folder, ring) = (tempdir(), ring());
    let store = opened(folder.path(), &KeySource::Passphrase, ring, FIRST);
    fill(&store);
    store.rekey(&to("passphrase"), ring).unwrap();
    drop(store);
    let outside = Outside { env: &|_| None, keyring: ring };
    let held = StateLock::take(folder.path()).unwrap();
    let store = FileStore::open(held, &KeySource::Passphrase, outside, Clock::System).unwrap();
    let old = store.unlock(&Opening::Passphrase(Passphrase::new(FIRST)));
    assert!(matches!(old, Err(StoreError::WrongPassphrase)), "{old:?}");
    store.unlock(&Opening::Passphrase(Passphrase::new(SECOND))).unwrap();
    is_whole(&store, "with the new passphrase");
}

/// A keyring that reports success but stores nothing.
struct Forgetful;

impl Keyring for Forgetful {
    fn get(&self, service: &str, user: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, KeyringError> {
        Err(KeyringError::NoEntry { service: service.into(), user: user.into() })
    }

    fn set(&self, _: &str, _: &str, _: &[u8]) -> Result<(), KeyringError> {
        Ok(())
    }

    fn delete(&self, service: &str, user: &str) -> Result<(), KeyringError> {
        self.get(service, user).map(drop)
    }
}

/// A keyring that refuses deletions.
struct Clinging(&'static Ring);

impl Keyring for Clinging {
    fn get(&self, service: &str, user: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, KeyringError> {
        self.0.get(service, user)
    }

    fn set(&self, service: &str, user: &str, secret: &[u8]) -> Result<(), KeyringError> {
        self.0.set(service, user, secret)
    }

    fn delete(&self, service: &str, user: &str) -> Result<(), KeyringError> {
        Ring::absent().delete(service, user)
    }
}

#[test]
fn an_old_key_left_in_the_keyring_is_reported() {
    let (folder, ring) = (tempdir(), ring());
    let store = opened(folder.path(), &KeySource::Keyring, ring, FIRST);
    fill(&store);
    let left = store.rekey(&NewPlace::File, &Clinging(ring)).unwrap().left.expect("the key left behind is reported");
    assert!(left.contains(&format!("username `{}`", folder.path().display())), "{left}");
    drop(store);
    is_whole(&opened(folder.path(), &KeySource::File, ring, FIRST), "with the new key");
}

#[test]
fn a_blocked_key_file_fails_the_rekey_before_anything_changes() {
    let (folder, ring) = (tempdir(), ring());
    let state = folder.path();
    let store = opened(state, &KeySource::File, ring, FIRST);
    fill(&store);
    // A stale file: not in use, but it blocks the new one.
    std::os::unix::fs::symlink(state.join("elsewhere"), state.join("passphrase.toml")).unwrap();
    let before = files(&state.join("accounts"));
    store.rekey(&NewPlace::File, ring).unwrap_err();
    assert!(files(&state.join("accounts")) == before && !store.rekey_is_half_done());
}

#[test]
fn a_rekey_that_fails_before_its_plan_is_written_changes_nothing() {
    let (folder, ring) = (tempdir(), ring());
    let state = folder.path();
    let store = opened(state, &KeySource::File, ring, FIRST);
    fill(&store);
    let before = (files(state), files(&state.join("accounts")));
    let unchanged = |context: &str| {
        assert_eq!((files(state), files(&state.join("accounts"))), before, "{context}");
    };
    store.rekey(&NewPlace::Keyring, &Ring::absent()).unwrap_err();
    unchanged("no keyring");
    store.rekey(&NewPlace::Keyring, &Forgetful).unwrap_err();
    unchanged("a keyring that forgets");
    store.rekey(&NewPlace::Passphrase(Passphrase::new("short")), ring).unwrap_err();
    unchanged("a passphrase that is too short");
    // Sealed with another store's key, so it can't be resealed.
    let other = tempdir();
    opened(other.path(), &KeySource::File, ring, FIRST).commit("work", &record(1)).unwrap();
    let foreign = state.join("accounts/work.sealed");
    let own = std::fs::read(&foreign).unwrap();
    put(&foreign, &std::fs::read(other.path().join("accounts/work.sealed")).unwrap());
    let error = store.rekey(&NewPlace::File, ring).unwrap_err();
    assert!(matches!(error, StoreError::ForeignKey { .. }) && !store.rekey_is_half_done(), "{error}");
    put(&foreign, &own);
    unchanged("an account of another key");
}

#[test]
fn an_unknown_rekey_plan_stops_the_start_and_is_kept() {
    let (folder, ring) = (tempdir(), ring());
    fill(&opened(folder.path(), &KeySource::File, ring, FIRST));
    let plan = folder.path().join("rekey");
    for text in ["", "file", "elsewhere by rekey\n", "file by rekey\nfile\n"] {
        put(&plan, text.as_bytes());
        let outside = Outside { env: &|_| None, keyring: ring };
        let held = StateLock::take(folder.path()).unwrap();
        let result = FileStore::open(held, &KeySource::File, outside, Clock::System);
        // A plan is a key source followed by ` by rekey`, and nothing else.
        assert!(matches!(result, Err(StoreError::Unsafe { .. })), "{text:?}: {result:?}");
        assert_eq!(std::fs::read(&plan).unwrap(), text.as_bytes());
    }
    std::fs::remove_file(&plan).unwrap();
    is_whole(&opened(folder.path(), &KeySource::File, ring, FIRST), "nothing was changed");
}
