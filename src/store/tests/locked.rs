//! Locking and unlocking the store.

use super::*;
use crate::contract::StoreState;
use crate::os::folder::Folder;
use crate::secret::Passphrase;
use crate::secret::source::KeySource;
use crate::store::Opening;
use crate::store::key::passphrase::{self, Cost};
use crate::store::key::source::Start;

const RIGHT: &str = "correct horse battery";

fn right() -> Opening {
    Opening::Passphrase(Passphrase::new(RIGHT))
}

fn with_passphrase(state: &Path) -> FileStore {
    FileStore::open(StateLock::take(state).unwrap(), &KeySource::Passphrase, keys::NOTHING, Clock::System).unwrap()
}

fn locked<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Locked)), "{result:?}");
}

fn all_is_locked(store: &FileStore) {
    locked(&store.load("work"));
    locked(&store.begin("work", &intended(1)));
    locked(&store.commit("work", &record(2)));
    locked(&store.remove("work"));
}

#[test]
fn a_locked_store_refuses_everything_and_unlocks_with_the_same_key() {
    let folder = tempdir();
    let store = open(folder.path());
    store.commit("work", &record(1)).unwrap();
    store.begin("work", &intended(1)).unwrap();
    assert_eq!(names(&folder.path().join("accounts")).len(), 2, "space is reserved");
    for _ in 0..2 {
        store.lock();
        assert_eq!(store.state(), StoreState::Locked);
        all_is_locked(&store);
    }
    assert_eq!(names(&folder.path().join("accounts")), ["work.sealed"], "and released");
    for _ in 0..2 {
        store.unlock(&Opening::Source).unwrap();
        assert_eq!((store.state(), generation(&store)), (StoreState::Unlocked, Some(1)));
    }
    store.commit("work", &record(2)).unwrap();
    store.lock();
    assert!(
        matches!(store.unlock(&right()), Err(StoreError::Passphrase { .. })),
        "a store without a passphrase accepts none"
    );
}

#[test]
fn unlocking_refuses_another_key_and_creates_none() {
    let folder = tempdir();
    let store = open(folder.path());
    let key = folder.path().join("master.key");
    let right = std::fs::read(&key).unwrap();
    store.lock();
    std::fs::remove_file(&key).unwrap();
    let refused = |word: &str| {
        let error = store.unlock(&Opening::Source).unwrap_err();
        assert!(matches!(error, StoreError::Key { .. }) && error.to_string().contains(word), "{error}");
        assert_eq!(store.state(), StoreState::Locked);
    };
    refused("gone");
    assert!(!key.exists());
    put(&key, "09".repeat(32).as_bytes());
    refused("not the key");
    put(&key, &right);
    store.unlock(&Opening::Source).unwrap();
}

#[test]
fn a_passphrase_is_set_once_and_opens_the_store_afterwards() {
    let folder = tempdir();
    let store = with_passphrase(folder.path());
    assert_eq!(store.state(), StoreState::PassphraseUnset);
    all_is_locked(&store);
    assert!(matches!(store.unlock(&Opening::Source), Err(StoreError::Passphrase { .. })));
    assert!(matches!(store.unlock(&right()), Err(StoreError::Passphrase { .. })), "no passphrase is set");
    for bad in ["", "short", "elevenchars", &"x".repeat(1025)] {
        let error = store.unlock(&Opening::First(Passphrase::new(bad))).unwrap_err();
        assert!(matches!(error, StoreError::Passphrase { .. }), "{error}");
        assert!(bad.is_empty() || !error.to_string().contains(bad));
    }
    assert_eq!(names(folder.path()), ["accounts", "lock"]);
    store.unlock(&Opening::First(Passphrase::new(RIGHT))).unwrap();
    store.commit("work", &record(1)).unwrap();
    drop(store);
    let store = with_passphrase(folder.path());
    assert_eq!(store.state(), StoreState::PassphraseNeeded);
    let again = Opening::First(Passphrase::new("another passphrase"));
    assert!(matches!(store.unlock(&again), Err(StoreError::Passphrase { .. })), "a passphrase is already set");
    let before = std::fs::read(folder.path().join("accounts/work.sealed")).unwrap();
    for wrong in ["", "x", "correct horse batterz", "correct horse battery "] {
        let wrong = Opening::Passphrase(Passphrase::new(wrong));
        assert!(matches!(store.unlock(&wrong), Err(StoreError::WrongPassphrase)));
        all_is_locked(&store);
    }
    assert_eq!(std::fs::read(folder.path().join("accounts/work.sealed")).unwrap(), before);
    store.unlock(&right()).unwrap();
    assert_eq!(generation(&store), Some(1));
    store.lock();
    store.unlock(&right()).unwrap();
    assert_eq!((generation(&store), store.state()), (Some(1), StoreState::Unlocked));
}

#[test]
fn no_passphrase_can_be_set_for_sealed_accounts_without_their_passphrase_file() {
    let folder = tempdir();
    open(folder.path()).commit("work", &record(1)).unwrap();
    let held = StateLock::take(folder.path()).unwrap();
    let error = FileStore::open(held, &KeySource::Passphrase, keys::NOTHING, Clock::System).unwrap_err();
    assert!(matches!(error, StoreError::Key { .. }) && error.to_string().contains("passphrase.toml"), "{error}");
}

const CHEAP: &str = "memory_kib = 64\npasses = 1\nlanes = 1";

/// A folder with a passphrase at the lowest KDF cost.
fn cheap() -> (tempfile::TempDir, Folder, [u8; 8]) {
    let temp = tempdir();
    let folder = Folder::open(temp.path()).unwrap();
    let cost: Cost = toml::from_str(CHEAP).unwrap();
    let made = passphrase::set(&folder, &Passphrase::new(RIGHT), Start::First, cost).unwrap();
    (temp, folder, made.key.id())
}

fn text(folder: &Folder) -> String {
    std::fs::read_to_string(folder.file(passphrase::FILE)).unwrap()
}

#[test]
fn an_unlock_raises_an_outdated_kdf_cost() {
    let (_temp, folder, id) = cheap();
    assert!(text(&folder).contains(CHEAP));
    let before = text(&folder);
    let cheap: Cost = toml::from_str(CHEAP).unwrap();
    assert!(passphrase::open(&folder, &Passphrase::new("wrong wrong wrong"), Cost::USUAL).is_err());
    passphrase::open(&folder, &Passphrase::new(RIGHT), cheap).unwrap();
    assert_eq!(text(&folder), before, "nothing to raise");
    let opened = passphrase::open(&folder, &Passphrase::new(RIGHT), Cost::USUAL).unwrap();
    assert_eq!(opened.key.id(), id);
    assert!(text(&folder).contains("memory_kib = 65536\npasses = 3\nlanes = 4"), "RFC 9106, second recommendation");
    assert_eq!(passphrase::open(&folder, &Passphrase::new(RIGHT), Cost::USUAL).unwrap().key.id(), id);
    assert!(!text(&folder).contains(&*opened.key.to_hex()));
    let mode = std::fs::metadata(folder.file(passphrase::FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_tampered_passphrase_file_opens_nothing_and_is_left_alone() {
    for (from, to) in [
        ("version = 1", "version = 2"),
        ("version = 1", "version = 0"),
        ("argon2id", "argon2i"),
        ("passes = 1", "passes = 2"),
        ("passes = 1", "passes = 0"),
        ("passes = 1", "passes = 1000000"),
        ("memory_kib = 64", "memory_kib = 4294967295"),
        ("memory_kib = 64", "memory_kib = 1"),
        ("lanes = 1", "lanes = 2"),
        ("lanes = 1", "lanes = 1\nmore = 1"),
        ("salt = \"", "salt = \"AAAA"),
        ("nonce = \"", "nonce = \""),
        ("key = \"", "key = \"AAAA"),
        ("key = ", "[key] # "),
    ] {
        let (_temp, folder, _) = cheap();
        let good = text(&folder);
        let changed = if from == to { good.replace("nonce = \"", "nonce = \"A") } else { good.replace(from, to) };
        folder.write(passphrase::FILE, changed.as_bytes()).unwrap();
        let result = passphrase::open(&folder, &Passphrase::new(RIGHT), toml::from_str(CHEAP).unwrap());
        let error = result.unwrap_err();
        let told =
            matches!(error, StoreError::Key { .. } | StoreError::WrongPassphrase | StoreError::Newer { found: 2, .. });
        assert!(told, "{to}: {error}");
        assert_eq!(text(&folder), changed, "{to}");
        folder.write(passphrase::FILE, good.as_bytes()).unwrap();
        passphrase::open(&folder, &Passphrase::new(RIGHT), toml::from_str(CHEAP).unwrap()).unwrap();
    }
}
