//! High-water marks with real folders.

use std::os::unix::fs::symlink;

use super::*;

/// The name of a fault, and the function that causes it.
type Spoil<On, const ROWS: usize> = [(&'static str, fn(&On)); ROWS];

/// The state folder and the cache folder of one user.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempdir() }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache/ringback")
    }

    fn open(&self, state: &str) -> FileStore {
        open(&self.folder.path().join(state)).with_marks(Some(&self.cache()))
    }

    /// The only high-water mark file.
    fn mark(&self) -> PathBuf {
        let marks = self.cache().join("generations");
        let [state] = &names(&marks)[..] else { panic!("expected one folder of marks") };
        marks.join(state).join("work")
    }
}

#[test]
fn every_commit_raises_the_mark_and_it_outlives_the_state_folder() {
    let home = Home::new();
    let store = home.open("state");
    assert_eq!((store.high_water_mark("work"), names(&home.cache()).len()), (0, 1));
    store.begin("work", &intended(0)).unwrap();
    assert_eq!(store.high_water_mark("work"), 0, "an intent is no commit");
    store.commit("work", &record(1)).unwrap();
    store.begin("work", &intended(1)).unwrap();
    store.commit("work", &record(7)).unwrap();
    store.commit("work", &record(7)).unwrap();
    store.commit("work", &record(6)).unwrap_err();
    assert_eq!((store.high_water_mark("work"), store.high_water_mark("home")), (7, 0));
    assert_eq!(std::fs::read(home.mark()).unwrap(), b"7\n");
    let mode = |path: &Path| path.symlink_metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&home.mark()), mode(&home.cache()), mode(home.mark().parent().unwrap())), (0o600, 0o700, 0o700));
    drop(store);
    std::fs::remove_dir_all(home.folder.path().join("state")).unwrap();
    assert_eq!(home.open("state").high_water_mark("work"), 7);
    assert_eq!(home.open("other").high_water_mark("work"), 0, "another state folder has its own");
    assert_eq!(home.open("state").high_water_mark("../work"), 0);
}

#[test]
fn a_deleted_record_leaves_a_mark_above_its_generation() {
    let home = Home::new();
    let store = home.open("state");
    store.remove("work").unwrap();
    assert_eq!(store.high_water_mark("work"), 0, "there was no record");
    store.commit("work", &record(4)).unwrap();
    std::fs::remove_file(home.mark()).unwrap();
    store.remove("work").unwrap();
    assert_eq!(store.high_water_mark("work"), 5);
    store.remove("work").unwrap();
    assert_eq!(store.high_water_mark("work"), 6);
}

#[test]
fn an_invalid_mark_counts_as_missing_and_the_next_commit_repairs_it() {
    let spoil: Spoil<Path, 6> = [
        ("deleted", |_| ()),
        ("garbage", |path| put(path, b"\xff\x00garbage")),
        ("empty", |path| put(path, b"")),
        ("a mebibyte", |path| put(path, &vec![b'7'; 1 << 20])),
        ("a link", |path| symlink("/etc/passwd", path).unwrap()),
        ("a pipe", |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success())),
    ];
    for (name, spoil) in spoil {
        let home = Home::new();
        let store = home.open("state");
        store.commit("work", &record(1)).unwrap();
        std::fs::remove_file(home.mark()).unwrap();
        spoil(&home.mark());
        assert_eq!(store.high_water_mark("work"), 0, "{name}");
        store.commit("work", &record(2)).unwrap();
        assert_eq!(store.high_water_mark("work"), 2, "{name}");
    }
}

#[test]
fn the_store_works_where_no_mark_can_be_kept() {
    let spoil: Spoil<Home, 4> = [
        ("a folder for a mark", |home| {
            std::fs::remove_file(home.mark()).unwrap();
            std::fs::create_dir_all(home.mark().join("in/the/way")).unwrap();
        }),
        ("a file for the cache", |home| {
            std::fs::remove_dir_all(home.cache()).unwrap();
            put(&home.cache(), b"");
        }),
        ("a cache that is open to others", |home| {
            std::fs::set_permissions(home.cache(), PermissionsExt::from_mode(0o777)).unwrap();
        }),
        ("a link for the cache", |home| {
            std::fs::remove_dir_all(home.cache()).unwrap();
            symlink("/tmp", home.cache()).unwrap();
        }),
    ];
    for (name, spoil) in spoil {
        let home = Home::new();
        let store = home.open("state");
        store.commit("work", &record(1)).unwrap();
        drop(store);
        spoil(&home);
        let store = home.open("state");
        store.begin("work", &intended(1)).unwrap();
        store.commit("work", &record(2)).unwrap();
        assert_eq!((generation(&store), store.high_water_mark("work")), (Some(2), 0), "{name}");
        store.remove("work").unwrap();
        assert_eq!(generation(&store), None, "{name}");
    }
    let home = Home::new();
    let store = open(&home.folder.path().join("state")).with_marks(None);
    store.commit("work", &record(1)).unwrap();
    assert_eq!((generation(&store), store.high_water_mark("work")), (Some(1), 0));
}

#[test]
fn a_cache_emptied_at_run_time_is_created_again() {
    let home = Home::new();
    let store = home.open("state");
    store.commit("work", &record(1)).unwrap();
    std::fs::remove_dir_all(home.cache()).unwrap();
    store.commit("work", &record(2)).unwrap();
    assert_eq!(store.high_water_mark("work"), 2);
}

/// The cost of a mark compared with its commit: `cargo test --lib cost_of_a_mark -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_mark() {
    const ACCOUNTS: u64 = 2000;
    let home = Home::new();
    let folder = tempdir();
    let (with, without) = (home.open("state"), open(&folder.path().join("state")));
    for (name, store) in [("without", &without), ("with", &with)] {
        let begun = Clock::System.now();
        for account in 0..ACCOUNTS {
            let account = format!("a{account}");
            store.begin(&account, &intended(0)).unwrap();
            store.commit(&account, &record(1)).unwrap();
        }
        let each = begun.boot.until(Clock::System.now().boot) / u32::try_from(ACCOUNTS).unwrap();
        println!("begin and commit {name} a mark: {each:?}");
        let begun = Clock::System.now();
        (0..ACCOUNTS).for_each(|account| _ = store.high_water_mark(&format!("a{account}")));
        let each = begun.boot.until(Clock::System.now().boot) / u32::try_from(ACCOUNTS).unwrap();
        println!("reading a mark: {each:?}");
    }
}
