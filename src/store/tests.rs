//! The store with real folders. Tests that need a separate process run this test binary again.

mod keys;
mod locked;
mod marks;
mod memory;
mod refusals;
mod rekey;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::file::{FileStore, StateLock};
use super::key::MasterKey;
use super::key::source::Obtained;
use super::{Store, StoreError};
use crate::account::record::{Intent, Record};
use crate::clock::{Clock, Wall};
use crate::oauth::grant::{Binding, Expiry, TokenSet};
use crate::secret::Secret;

/// A record with the generation in each of its values.
pub(crate) fn record(generation: u64) -> Record {
    let wall = Wall(1_700_000_000_000);
    let lifetime = Duration::from_hours(1);
    let binding =
        Binding { provider: "phonecom".into(), token_url: "https://p.example/token".into(), client_id: "me".into() };
    let tokens = TokenSet {
        access_token: Secret::new(format!("access-{generation}")),
        refresh_token: Some(Secret::new(format!("refresh-{generation}"))),
        scope: Some("a b".into()),
        expiry: Expiry::At { wall: wall.plus(lifetime), lifetime },
        obtained_at: wall,
        dpop_key: None,
        extra: json!({"account_id": 42}).as_object().unwrap().clone(),
    };
    Record::new(binding, generation, tokens)
}

/// `record(generation)` with an intent.
fn intended(generation: u64) -> Record {
    let intent = Intent { fingerprint: "0a1b2c3d".into(), started_at: Wall(5), sent: 1 };
    Record { intent: Some(intent), ..record(generation) }
}

/// With mode 0700: the folders of `tempfile` are readable by other users.
fn tempdir() -> tempfile::TempDir {
    tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o700)).tempdir().unwrap()
}

fn open_with(state: &Path, key: [u8; 32]) -> FileStore {
    with_key(StateLock::take(state).unwrap(), key, Clock::System)
}

fn with_key(held: StateLock, key: [u8; 32], clock: Clock) -> FileStore {
    held.folder.write("master.key", MasterKey::from_bytes(key).to_hex().as_bytes()).unwrap();
    by_file(held, clock)
}

fn by_file(held: StateLock, clock: Clock) -> FileStore {
    FileStore::open(held, &crate::secret::source::KeySource::File, keys::NOTHING, clock).unwrap()
}

fn open(state: &Path) -> FileStore {
    open_with(state, [7; 32])
}

fn generation(store: &FileStore) -> Option<u64> {
    store.load("work").unwrap().map(|record| record.generation)
}

fn put(path: &Path, bytes: &[u8]) {
    let mut file = std::fs::File::create(path).unwrap();
    file.set_permissions(PermissionsExt::from_mode(0o600)).unwrap();
    file.write_all(bytes).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Runs one ignored test of this binary in a new process: `sh -c "SETUP; exec ..."`.
fn rerun(setup: &str, test: &str, state: &Path) -> std::process::ExitStatus {
    Command::new("sh")
        .args(["-c", &format!("{setup}; exec \"$@\""), "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--quiet"])
        .env("STORE_TEST_STATE", state)
        .status()
        .unwrap()
}

fn state_of_rerun() -> PathBuf {
    std::env::var_os("STORE_TEST_STATE").unwrap().into()
}

#[test]
fn committed_records_survive_a_restart() {
    let folder = tempdir();
    let state = folder.path().join("a/b/state");
    let store = open(&state);
    assert!(store.load("work").unwrap().is_none() && store.accounts().unwrap().is_empty());
    store.commit("work", &record(1)).unwrap();
    store.commit("home.x-2", &record(5)).unwrap();
    drop(store);

    let store = open(&state);
    assert_eq!(store.accounts().unwrap(), ["home.x-2", "work"]);
    let found = store.load("work").unwrap().unwrap();
    assert_eq!(found.tokens.refresh_token.unwrap().expose(), "refresh-1");
    store.remove("work").unwrap();
    store.remove("work").unwrap();
    assert!(store.load("work").unwrap().is_none());
    assert_eq!(names(&state.join("accounts")), ["home.x-2.sealed"]);
}

#[test]
fn generations_only_increase() {
    let folder = tempdir();
    let store = open(&folder.path().join("state"));
    store.commit("work", &record(3)).unwrap();
    assert!(matches!(store.commit("work", &record(2)), Err(StoreError::Conflict { stored: 3, new: 2, .. })));
    assert!(matches!(store.commit("work", &intended(3)), Err(StoreError::Conflict { stored: 3, new: 3, .. })));
    assert!(matches!(store.begin("work", &intended(4)), Err(StoreError::Conflict { stored: 3, new: 4, .. })));
    store.commit("work", &record(3)).expect("committing the same record again succeeds");
    assert_eq!(generation(&store), Some(3));
    store.begin("work", &intended(3)).unwrap();
    assert_eq!(store.load("work").unwrap().unwrap().intent, intended(3).intent);
    store.begin("work", &intended(3)).expect("a second attempt reuses the reservation of the first");
    assert_eq!(names(&folder.path().join("state/accounts")).len(), 2, "the record and one reservation");
    store.commit("work", &record(4)).unwrap();
    assert!(store.load("work").unwrap().unwrap().intent.is_none());
    assert_eq!(names(&folder.path().join("state/accounts")), ["work.sealed"]);
}

#[test]
fn only_one_daemon_holds_the_folder_and_the_second_learns_which() {
    let folder = tempdir();
    let held = StateLock::take(folder.path()).unwrap();
    match StateLock::take(folder.path()) {
        Err(StoreError::InUse { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    assert_eq!(crate::os::holder::daemon(folder.path()), Some(std::process::id()));
    drop(held);
    // A command that holds the lock serves no tokens, so clients must not be told to look for a daemon.
    let _held = StateLock::take(folder.path()).and_then(StateLock::of_command).unwrap();
    assert_eq!(crate::os::holder::daemon(folder.path()), None);
    match StateLock::take(folder.path()) {
        Err(StoreError::InUse { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_leftovers_of_a_crash_are_removed() {
    let folder = tempdir();
    let store = open(folder.path());
    store.commit("work", &record(1)).unwrap();
    drop(store);
    let accounts = folder.path().join("accounts");
    put(&accounts.join(".tmp-0123"), b"half a record");
    put(&accounts.join("notes.txt"), b"the user's own");
    let store = open(folder.path());
    assert_eq!(names(&accounts), ["notes.txt", "work.sealed"]);
    assert_eq!(store.accounts().unwrap(), ["work"]);
}

#[test]
fn a_record_deleted_under_the_daemon_is_written_again() {
    let folder = tempdir();
    let store = open(folder.path());
    store.commit("work", &record(4)).unwrap();
    std::fs::remove_file(folder.path().join("accounts/work.sealed")).unwrap();
    store.begin("work", &intended(4)).unwrap();
    put(&folder.path().join("accounts/work.sealed"), b"junk");
    store.commit("work", &record(5)).unwrap();
    assert_eq!(generation(&store), Some(5));
    assert!(
        names(&folder.path().join("accounts")).iter().any(|n| n.contains(".damaged-")),
        "the damaged file was set aside"
    );
}

#[test]
fn of_concurrent_commits_of_one_generation_one_wins() {
    let folder = tempdir();
    let store = open(folder.path());
    let won: Vec<String> = std::thread::scope(|scope| {
        let commit = |n| {
            let mut mine = record(1);
            mine.tokens.scope = Some(format!("thread-{n}"));
            let result = store.commit("work", &mine);
            assert!(matches!(result, Ok(()) | Err(StoreError::Conflict { .. })), "{result:?}");
            result.is_ok().then(|| format!("thread-{n}"))
        };
        let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || commit(n))).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(won.len(), 1);
    assert_eq!(store.load("work").unwrap().unwrap().tokens.scope.as_ref(), won.first());
}

#[test]
fn debug_output_and_files_contain_no_token() {
    let folder = tempdir();
    let store = open(folder.path());
    store.begin("work", &intended(0)).unwrap();
    store.commit("work", &record(1)).unwrap();
    let file = std::fs::read(folder.path().join("accounts/work.sealed")).unwrap();
    let opened = super::seal::open(&MasterKey::from_bytes([7; 32]), "work", &file).unwrap();
    let shown = format!("{store:?} {opened:?} {:?}", store.load("work"));
    for secret in ["access-1", "refresh-1", "7, 7, 7", &"07".repeat(8)] {
        assert!(!shown.contains(secret), "{shown}");
        assert!(!file.windows(secret.len()).any(|part| part == secret.as_bytes()));
    }
}

#[test]
fn modes_are_exact_whatever_the_umask() {
    for umask in ["000", "077", "027"] {
        let folder = tempdir();
        let state = folder.path().join("above/state");
        let status = rerun(&format!("umask {umask}"), "store::tests::rerun_commits_once", &state);
        assert!(status.success(), "umask {umask}: {status}");
        let mode = |path: &Path| path.symlink_metadata().unwrap().permissions().mode() & 0o7777;
        for dir in [state.parent().unwrap(), &state, &state.join("accounts")] {
            assert_eq!(mode(dir), 0o700, "umask {umask}: {}", dir.display());
        }
        for file in ["lock", "master.key", "accounts/work.sealed"] {
            assert_eq!(mode(&state.join(file)), 0o600, "umask {umask}: {file}");
        }
    }
}

#[test]
#[ignore = "part of other tests, which run it in a process of its own"]
fn rerun_commits_once() {
    let held = StateLock::take(&state_of_rerun()).unwrap();
    let store = by_file(held, Clock::System);
    let next = store.load("work").unwrap().map_or(0, |record| record.generation);
    store.begin("work", &intended(next)).unwrap();
    store.commit("work", &record(next + 1)).unwrap();
}

/// At every step of two consecutive refreshes, a crash leaves the record before or the record after.
#[cfg(feature = "failpoints")]
#[test]
fn a_crash_at_any_step_leaves_a_whole_record() {
    use std::os::unix::process::ExitStatusExt;
    for (step, found) in [
        ("before_intent", (1, false)),
        ("after_intent", (1, true)),
        ("before_write", (1, true)),
        ("after_write", (1, true)),
        ("after_rename", (2, false)),
        ("after_commit", (2, false)),
    ] {
        let folder = tempdir();
        let test = "store::tests::rerun_commits_once";
        assert!(rerun("true", test, folder.path()).success());
        let status = rerun(&format!("export RINGBACK_FAILPOINT={step}"), test, folder.path());
        assert_eq!(status.signal(), Some(9), "{step}: {status}");
        let held = StateLock::take(folder.path()).unwrap();
        let record = by_file(held, Clock::System).load("work").unwrap().unwrap();
        assert_eq!((record.generation, record.intent.is_some()), found, "{step}");
        assert_eq!(names(&folder.path().join("accounts")), ["work.sealed"], "{step}");
        assert!(rerun("true", test, folder.path()).success(), "{step}");
    }
}
