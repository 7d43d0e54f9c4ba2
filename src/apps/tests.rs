//! Apps across restarts: stored data, refused files, and keys that stop working at once.

#![expect(clippy::disallowed_methods, reason = "tests put damaged files where the daemon finds them")]

use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

const NOW: Wall = Wall(1_700_000_000_000);

/// Apps in a temporary folder, and the default app's key.
pub(crate) fn fresh() -> (Apps, String) {
    let folder = tempfile::tempdir().unwrap().keep().join("state");
    let apps = Apps::open(&folder, NOW).unwrap();
    let key = std::fs::read_to_string(folder.join(DEFAULT_KEY_FILE)).unwrap();
    (apps, key)
}

fn open(folder: &Path) -> Apps {
    Apps::open(&folder.join("state"), NOW).unwrap()
}

fn key_file(folder: &Path) -> PathBuf {
    folder.join("state/app.key")
}

fn reader(name: &str) -> NewApp {
    let accounts = Some(["work".to_owned()].into());
    let rights = Rights { accounts, scopes: None, write: false, proxy: None };
    NewApp { name: name.into(), rights, expires_at: None, process: None }
}

#[test]
fn the_first_start_makes_the_default_app_and_later_ones_find_it() {
    let folder = tempfile::tempdir().unwrap();
    let apps = open(folder.path());
    let path = apps.key_file().unwrap();
    let key = std::fs::read_to_string(&path).unwrap();
    assert_eq!(path, key_file(folder.path()));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    for apps in [apps, open(folder.path())] {
        let app = apps.identify(&key, NOW).unwrap();
        assert!(app.name == DEFAULT_APP && app.rights.is_all());
    }
    let listed = std::fs::read_to_string(folder.path().join("state/apps.json")).unwrap();
    assert!(!listed.contains(&key[4..20]), "only the hash is kept");
}

#[test]
fn a_key_from_before_apps_existed_still_works() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let key = std::fs::read_to_string(key_file(folder.path())).unwrap();
    std::fs::remove_file(folder.path().join("state/apps.json")).unwrap();
    assert_eq!(open(folder.path()).identify(&key, NOW).unwrap().name, DEFAULT_APP);
    assert_eq!(std::fs::read_to_string(key_file(folder.path())).unwrap(), key);
}

#[test]
fn an_app_is_stored_with_its_rights_and_usage() {
    let folder = tempfile::tempdir().unwrap();
    let apps = open(folder.path());
    let (app, key) = apps.add(reader("editor"), NOW).unwrap();
    apps.used(&app, Some(Ipv4Addr::LOCALHOST.into()), Wall(NOW.0 + 5_000));
    apps.save_usage().unwrap();
    assert!(matches!(apps.add(reader("editor"), NOW), Err(AppsError::Exists(_))));
    for name in ["", "A", "-x", "a/b", "a b", &"x".repeat(65)] {
        assert!(matches!(apps.add(reader(name), NOW), Err(AppsError::Name)), "{name}");
    }
    let again = open(folder.path());
    let found = again.identify(key.expose(), NOW).unwrap();
    assert_eq!((&found.name, &found.rights), (&app.name, &reader("editor").rights));
    let last_address = Some(Ipv4Addr::LOCALHOST.into());
    assert_eq!(found.usage(), Usage { uses: 1, last_used_at: Some(1_700_000_005), last_address });
    assert_eq!(again.list().iter().map(|app| app.name.as_str()).collect::<Vec<_>>(), ["default", "editor"]);
}

#[test]
fn a_removed_key_stops_working_at_once_also_for_identified_callers() {
    let folder = tempfile::tempdir().unwrap();
    let apps = open(folder.path());
    let (app, key) = apps.add(reader("editor"), NOW).unwrap();
    apps.remove("editor").unwrap();
    assert!(!app.works(NOW));
    assert_eq!(apps.identify(key.expose(), NOW).unwrap_err(), Stranger::Unknown);
    assert_eq!(open(folder.path()).identify(key.expose(), NOW).unwrap_err(), Stranger::Unknown);
    assert!(matches!(apps.remove("editor"), Err(AppsError::Unknown(_))));
}

#[test]
fn a_key_expires_and_a_rotated_key_gets_the_same_lifetime() {
    let folder = tempfile::tempdir().unwrap();
    let apps = open(folder.path());
    let day = 86_400;
    let ends = Some(NOW.unix_seconds() + day);
    let (_, key) = apps.add(NewApp { expires_at: ends, ..reader("editor") }, NOW).unwrap();
    let later = Wall(NOW.0 + day * 1000);
    assert!(apps.identify(key.expose(), Wall(later.0 - 1)).is_ok());
    assert_eq!(apps.identify(key.expose(), later).unwrap_err(), Stranger::Expired);
    let (app, new) = apps.rotate("editor", later).unwrap();
    assert_eq!(app.expires_at, Some(later.unix_seconds() + day));
    assert!(apps.identify(new.expose(), later).is_ok());
    assert_eq!(apps.identify(key.expose(), NOW).unwrap_err(), Stranger::Unknown);
}

/// A program that runs until its input is closed.
fn program() -> (std::process::Child, Arc<Process>) {
    let child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    let process = Process::find(child.id().try_into().unwrap()).unwrap();
    (child, Arc::new(process))
}

#[tokio::test]
async fn a_key_ends_with_its_process_also_after_a_restart_and_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let apps = open(folder.path());
    let (mut child, process) = program();
    let (_, key) = apps.add(NewApp { process: Some(process), ..reader("editor") }, NOW).unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    drop(apps);
    let apps = open(folder.path());
    assert_eq!(apps.identify(key.expose(), NOW).unwrap().pid(), Some(pid), "it is the same process");
    let (app, key) = apps.rotate("editor", NOW).unwrap();
    drop(child.stdin.take());
    // Added while somebody waits: no end is missed.
    let (waited, _) = tokio::join!(apps.wait_for_ended_process(), async { apps.add(reader("other"), NOW).unwrap() });
    child.wait().unwrap();
    assert!(!app.works(NOW), "also for requests that wait");
    assert_eq!(apps.identify(key.expose(), NOW).unwrap_err(), Stranger::Expired);
    let later = open(folder.path());
    assert_eq!(later.identify(key.expose(), NOW).unwrap_err(), Stranger::Expired, "nothing is made of it at a start");
    assert!(apps.remove_ended(&waited).unwrap() && !apps.remove_ended(&waited).unwrap());
    assert_eq!(apps.identify(key.expose(), NOW).unwrap_err(), Stranger::Unknown);
    apps.add(reader("editor"), NOW).unwrap();
    assert!(!apps.remove_ended(&waited).unwrap() && apps.named("editor").is_some(), "another app has the name");
}

#[test]
fn there_is_a_limit_of_keys_that_end_with_a_process() {
    let folder = tempfile::tempdir().unwrap();
    let apps = open(folder.path());
    let (mut child, process) = program();
    for number in 0..=MOST_WITH_PROCESS {
        let new = NewApp { process: Some(Arc::clone(&process)), ..reader(&number.to_string()) };
        let made = apps.add(new, NOW);
        assert_eq!(made.is_err(), number == MOST_WITH_PROCESS, "{:?}", made.err());
    }
    apps.add(reader("another"), NOW).unwrap();
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn the_default_app_can_be_rotated_removed_and_added_again_with_fewer_rights() {
    let folder = tempfile::tempdir().unwrap();
    let apps = open(folder.path());
    let first = std::fs::read_to_string(key_file(folder.path())).unwrap();
    let (_, second) = apps.rotate(DEFAULT_APP, NOW).unwrap();
    assert_eq!(std::fs::read_to_string(key_file(folder.path())).unwrap(), second.expose());
    assert!(apps.identify(&first, NOW).is_err());
    apps.remove(DEFAULT_APP).unwrap();
    let apps = open(folder.path());
    assert!(
        apps.key_file().is_none() && !key_file(folder.path()).exists(),
        "the default app stays off after a restart"
    );
    apps.add(reader(DEFAULT_APP), NOW).unwrap();
    let key = std::fs::read_to_string(key_file(folder.path())).unwrap();
    assert!(!open(folder.path()).identify(&key, NOW).unwrap().rights.write);
}

#[test]
fn a_lost_or_changed_key_file_is_repaired_and_a_damaged_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let path = key_file(folder.path());
    let first = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let apps = open(folder.path());
    let second = std::fs::read_to_string(&path).unwrap();
    assert!(apps.identify(&second, NOW).is_ok() && apps.identify(&first, NOW).is_err());
    std::fs::write(&path, &first).unwrap();
    let apps = open(folder.path());
    assert!(apps.identify(&first, NOW).is_ok() && apps.identify(&second, NOW).is_err());
    let refused = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Apps::open(&folder.path().join("state"), NOW).unwrap_err().to_string()
    };
    assert!(refused("rbk_short").contains("app.key: an app key has 53 characters"));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(refused(&first).contains("chmod 600"));
}

#[test]
fn a_damaged_or_newer_app_list_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let path = folder.path().join("state/apps.json");
    let entry = |digest: &str| format!(r#"{{"name":"a","key_sha256":"{digest}","write":true,"created_at":1}}"#);
    let good = entry(&"0".repeat(64));
    for (text, why) in [
        ("{".to_owned(), "not what ringback writes"),
        (r#"{"version":4,"applications":[]}"#.into(), "format version 4"),
        (format!(r#"{{"version":1,"apps":[{}]}}"#, entry("00")), "64 hex digits"),
        (format!(r#"{{"version":1,"apps":[{good},{good}]}}"#), "twice"),
    ] {
        std::fs::write(&path, &text).unwrap();
        let error = Apps::open(&folder.path().join("state"), NOW).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("apps.json"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

/// Replaces a file by a folder during `work`: nothing can be written there, not even by root.
fn obstructed(path: &Path, work: impl FnOnce()) {
    let aside = path.with_extension("aside");
    let there = std::fs::rename(path, &aside).is_ok();
    std::fs::create_dir(path).unwrap();
    work();
    std::fs::remove_dir(path).unwrap();
    if there {
        std::fs::rename(&aside, path).unwrap();
    }
}

/// The invariant: the key in the key file works, now and after a restart.
fn key_file_works(apps: &Apps, folder: &Path, context: &str) {
    let key = std::fs::read_to_string(key_file(folder)).unwrap();
    assert!(apps.identify(&key, NOW).is_ok(), "{context}: now");
    assert!(open(folder).identify(&key, NOW).is_ok(), "{context}: after a restart");
}

#[test]
fn a_change_that_cannot_be_written_leaves_every_key_unchanged() {
    for file in ["app.key", "apps.json"] {
        let folder = tempfile::tempdir().unwrap();
        let apps = open(folder.path());
        let (_, editor) = apps.add(reader("editor"), NOW).unwrap();
        obstructed(&folder.path().join("state").join(file), || {
            apps.rotate(DEFAULT_APP, NOW).unwrap_err();
            if file == "apps.json" {
                apps.rotate("editor", NOW).unwrap_err();
                apps.add(reader("new"), NOW).unwrap_err();
            }
        });
        key_file_works(&apps, folder.path(), file);
        for apps in [&apps, &open(folder.path())] {
            assert_eq!(apps.identify(editor.expose(), NOW).unwrap().name, "editor", "{file}");
            assert_eq!(apps.list().len(), 2, "{file}");
        }
        apps.rotate(DEFAULT_APP, NOW).unwrap();
        key_file_works(&apps, folder.path(), file);
    }
}

#[test]
fn a_failed_removal_from_the_app_list_is_completed_later() {
    let folder = tempfile::tempdir().unwrap();
    let apps = open(folder.path());
    let (_, editor) = apps.add(reader("editor"), NOW).unwrap();
    obstructed(&folder.path().join("state/apps.json"), || {
        for name in ["editor", DEFAULT_APP] {
            apps.remove(name).unwrap_err();
        }
        apps.save_usage().unwrap_err();
    });
    assert!(apps.identify(editor.expose(), NOW).is_err() && !key_file(folder.path()).exists());
    apps.save_usage().unwrap();
    assert_eq!(open(folder.path()).list().len(), 0);
}

#[test]
fn the_key_file_of_a_removed_default_app_is_deleted_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let apps = open(folder.path());
    let key = std::fs::read(key_file(folder.path())).unwrap();
    apps.remove(DEFAULT_APP).unwrap();
    std::fs::write(key_file(folder.path()), key).unwrap();
    std::fs::set_permissions(key_file(folder.path()), PermissionsExt::from_mode(0o600)).unwrap();
    assert!(open(folder.path()).key_file().is_none() && !key_file(folder.path()).exists());
}
