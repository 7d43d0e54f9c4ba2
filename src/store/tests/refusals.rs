//! Files and folders that the store must not use, and full disks.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// A store with one record, reopened after `spoil` has damaged the record's file.
fn spoiled(spoil: impl FnOnce(&Path)) -> (tempfile::TempDir, FileStore, PathBuf) {
    let folder = tempdir();
    let store = open(folder.path());
    store.commit("work", &record(1)).unwrap();
    drop(store);
    let path = folder.path().join("accounts/work.sealed");
    spoil(&path);
    let store = open(folder.path());
    (folder, store, path)
}

type Spoil<'a> = &'a dyn Fn(&Path);

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    put(path, &bytes);
}

#[test]
fn a_damaged_file_is_set_aside_unchanged() {
    let spoils: [fn(&Path); 6] = [
        |path| put(path, b""),
        |path| put(path, b"junk from elsewhere, long enough to have a header of its own, but not ours"),
        |path| put(path, &std::fs::read(path).unwrap()[..100]),
        |path| flip(path, 0),
        |path| flip(path, 27),
        |path| flip(path, 200),
    ];
    for (n, spoil) in spoils.into_iter().enumerate() {
        let (_folder, store, path) = spoiled(spoil);
        let before = std::fs::read(&path).unwrap();
        let Err(StoreError::SetAside { path: was, aside, .. }) = store.load("work") else { panic!("{n}") };
        assert_eq!((was, std::fs::read(&aside).unwrap()), (path.clone(), before), "{n}");
        let name = aside.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("work.sealed.damaged-"), "{name}");
        assert!(store.load("work").unwrap().is_none(), "{n}: no record is left");
        store.commit("work", &record(1)).unwrap();
        assert_eq!(generation(&store), Some(1), "{n}");
    }
}

#[test]
fn no_file_set_aside_is_ever_overwritten() {
    let (folder, _, path) = spoiled(|_| {});
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _inside = runtime.enter();
    let store = by_file(StateLock::take(folder.path()).unwrap(), Clock::virtual_at(Wall(9_000)));
    for n in 0..3u8 {
        put(&path, &[n]);
        assert!(matches!(store.load("work"), Err(StoreError::SetAside { .. })));
    }
    let kept = names(&folder.path().join("accounts"));
    assert_eq!(kept, ["work.sealed.damaged-9", "work.sealed.damaged-9-2", "work.sealed.damaged-9-3"]);
}

#[test]
fn a_file_of_another_account_is_damage_and_leaves_that_account_alone() {
    let (folder, store, path) = spoiled(|path| {
        std::fs::copy(path, path.with_file_name("home.sealed")).unwrap();
    });
    assert!(matches!(store.load("home"), Err(StoreError::SetAside { .. })));
    assert_eq!(generation(&store), Some(1));
    assert!(path.exists() && folder.path().exists());
}

#[test]
fn a_wrong_key_or_a_newer_format_leaves_files_untouched() {
    let (folder, store, path) = spoiled(|_| {});
    drop(store);
    let before = std::fs::read(&path).unwrap();
    let store = open_with(folder.path(), [8; 32]);
    assert!(matches!(store.load("work"), Err(StoreError::ForeignKey { .. })));
    assert!(matches!(store.commit("work", &record(9)), Err(StoreError::ForeignKey { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    drop(store);

    let mut newer = before;
    newer[11] = 2;
    put(&path, &newer);
    let store = open(folder.path());
    assert!(matches!(store.load("work"), Err(StoreError::Newer { found: 2, known: 1, .. })));
    assert!(matches!(store.commit("work", &record(9)), Err(StoreError::Newer { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), newer);
}

#[test]
fn a_file_that_is_not_private_and_ours_is_refused_and_left_alone() {
    let outside = tempdir();
    let target = outside.path().join("target");
    put(&target, b"precious");
    let mode = |path: &Path| std::fs::set_permissions(path, PermissionsExt::from_mode(0o640)).unwrap();
    let link = |path: &Path| {
        std::fs::remove_file(path).unwrap();
        symlink(&target, path).unwrap();
    };
    let hard = |path: &Path| std::fs::hard_link(path, outside.path().join("second")).unwrap();
    let dir = |path: &Path| {
        std::fs::remove_file(path).unwrap();
        std::fs::create_dir(path).unwrap();
    };
    let pipe = |path: &Path| {
        std::fs::remove_file(path).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR).unwrap();
    };
    let owner = |path: &Path| std::os::unix::fs::chown(path, Some(4321), None).unwrap();
    let mut spoils: Vec<(&str, Spoil<'_>)> =
        vec![("chmod", &mode), ("symlink", &link), ("hard link", &hard), ("regular", &dir), ("regular", &pipe)];
    if rustix::process::geteuid().is_root() {
        spoils.push(("user 4321", &owner));
    }
    for (word, spoil) in spoils {
        let (_folder, store, path) = spoiled(spoil);
        let kind = path.symlink_metadata().unwrap().file_type();
        for error in [store.load("work").unwrap_err(), store.commit("work", &record(2)).unwrap_err()] {
            assert!(
                matches!(&error, StoreError::Unsafe { path: p, why } if *p == path && why.contains(word)),
                "{error}"
            );
        }
        assert_eq!(path.symlink_metadata().unwrap().file_type(), kind, "{word}");
    }
    assert_eq!(std::fs::read(&target).unwrap(), b"precious");
}

#[test]
fn a_state_folder_that_others_could_enter_or_replace_is_refused() {
    let folder = tempdir();
    let make = |name: &str, mode: u32| {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        path
    };
    let open_to_others = make("open", 0o750);
    let swappable = make("swappable", 0o777);
    let file = folder.path().join("file");
    put(&file, b"");
    let link = folder.path().join("link");
    symlink(make("real", 0o700), &link).unwrap();
    for (state, named, word) in [
        (open_to_others.clone(), open_to_others, "chmod 700"),
        (swappable.join("state"), swappable, "go-w"),
        (file.clone(), file, "symlink or a file"),
        (link.join(""), link, "symlink or a file"),
    ] {
        let error = StateLock::take(&state).unwrap_err();
        assert!(matches!(&error, StoreError::Unsafe { path, why } if *path == named && why.contains(word)), "{error}");
    }
    make("sticky", 0o1777);
    StateLock::take(&folder.path().join("sticky/state")).expect("a sticky folder above is fine");
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    let folder = tempdir();
    let store = open(folder.path());
    for name in ["", ".", "..", "../x", "a/b", "a\0b", ".hidden", "ä", "Work", "-v", &"x".repeat(65)] {
        assert!(matches!(store.load(name), Err(StoreError::Io { .. })), "{name}");
        assert!(store.commit(name, &record(1)).is_err() && store.remove(name).is_err(), "{name}");
    }
}

/// A small file system, if this user may mount one.
struct TinyDisk(tempfile::TempDir);

impl TinyDisk {
    fn mount(kib: u32) -> Option<Self> {
        let folder = tempdir();
        let options = format!("size={kib}k,mode=0700");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|done| done.status.success()).then_some(Self(folder))
    }

    /// Uses up the free space.
    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
        path
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn on_a_full_disk_begin_fails_and_a_commit_that_was_begun_succeeds() {
    let Some(disk) = TinyDisk::mount(512) else {
        println!("skipped: mounting a tmpfs needs root");
        return;
    };
    let state = disk.0.path().join("state");
    let store = open(&state);
    store.commit("work", &record(1)).unwrap();

    let filler = disk.fill();
    let error = store.begin("work", &intended(1)).unwrap_err();
    assert!(matches!(&error, StoreError::Io { why, .. } if why.contains("No space")), "{error}");
    let found = store.load("work").unwrap().unwrap();
    assert!(found.generation == 1 && found.intent.is_none(), "the old record is intact");
    assert_eq!(names(&state.join("accounts")), ["work.sealed"], "the failed attempt leaves no file");

    std::fs::remove_file(filler).unwrap();
    store.begin("work", &intended(1)).unwrap();
    disk.fill();
    let mut large = record(2);
    large.tokens.access_token = Secret::new("a".repeat(65_536));
    large.tokens.refresh_token = Some(Secret::new("r".repeat(65_536)));
    store.commit("work", &large).expect("its space was reserved");
    assert_eq!(generation(&store), Some(2));
}
